"""A client that changes conversations and speakers at random, and what it was answered."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from vivavoce.sample import recording

NAMES = ("Ana", "Bo", "Cy", "Dee", "Eve", "Unknown_77")
EMOTIONS = ("angry", "happy", "sad", "neutral")
RECORDINGS = 4
"""How often the sample is uploaded: all recordings have the same two voices. One that is deleted is uploaded again."""
TIMEOUT_S = 300.0
"""Time in which a request must be answered, and in which all jobs must end once the clients have stopped."""

Answer = tuple[str, int]
"""An action and the status of its answer; 0 stands for no answer."""


@dataclass
class World:
    """Ids that the clients have read. Many of them no longer exist when they are used."""

    conversations: list[int] = field(default_factory=list)
    segments: dict[int, list[int]] = field(default_factory=dict)
    speakers: list[int] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """The answers to all clients, and the failures among them."""

    answers: Counter[Answer] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def count(self, action: str, status: int, body: str) -> None:
        self.answers[action, status] += 1
        if status >= 500 or status == 0:
            self.faults.append(f"{action}: {status or 'no answer'}: {body[:300]}")

    def rows(self) -> list[tuple[str, ...]]:
        statuses = self.statuses()
        actions = sorted({action for action, _ in self.answers})
        counts = {action: [self.answers[action, status] for status in statuses] for action in actions}
        counts["all"] = [sum(column) for column in zip(*counts.values(), strict=True)]
        return [(action, *(str(count or "") for count in row)) for action, row in counts.items()]

    def statuses(self) -> list[int]:
        return sorted({status for _, status in self.answers})


class Client:
    """Sends random requests, one after the other."""

    def __init__(self, http: httpx.AsyncClient, world: World, tally: Tally, chance: random.Random) -> None:
        self.http, self.world, self.tally, self.chance = http, world, tally, chance

    async def act(self, with_models: bool) -> None:
        """Perform one of `ACTIONS`, or, where the application has models, of `MODEL_ACTIONS`."""
        actions = {**ACTIONS, **(MODEL_ACTIONS if with_models else {})}
        (name,) = self.chance.choices(list(actions), [weight for weight, _ in actions.values()])
        await actions[name][1](self)

    async def request(self, action: str, method: str, path: str, **options: Any) -> Any:
        """Returns the JSON of the answer, or None where the request was refused."""
        try:
            answer = await self.http.request(method, path, **options)
        except httpx.HTTPError as error:
            self.tally.count(action, 0, repr(error))
            return None
        self.tally.count(action, answer.status_code, answer.text)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if answer.is_success and is_json else None

    async def look(self) -> None:
        """Read the ids of conversations, segments and speakers."""
        listed = await self.request("look", "GET", "/conversations")
        if listed is not None:
            self.world.conversations = [one["id"] for one in listed["conversations"]]
        for id_ in self.world.conversations[:RECORDINGS]:
            found = await self.request("look", "GET", f"/conversations/{id_}")
            self.world.segments[id_] = [] if found is None else [segment["id"] for segment in found["segments"]]
        speakers = await self.request("look", "GET", "/speakers")
        self.world.speakers = self.world.speakers if speakers is None else [one["id"] for one in speakers]

    def conversation(self) -> str:
        return f"/conversations/{self._any(self.world.conversations)}"

    def segment(self) -> str:
        id_ = self._any(self.world.conversations)
        return f"/conversations/{id_}/segments/{self._any(self.world.segments.get(id_, []))}"

    def speaker(self) -> int:
        return self._any(self.world.speakers)

    def speaker_body(self) -> dict[str, Any]:
        """A speaker, by name or by id, to be enrolled with the voice or not."""
        enroll = self.chance.random() < 0.8
        if self.chance.random() < 0.6:
            return {"speaker_name": self.chance.choice(NAMES), "enroll": enroll}
        return {"speaker_id": self.speaker(), "enroll": enroll}

    def _any(self, ids: Sequence[int]) -> int:
        return self.chance.choice(ids) if ids else 1


async def identify(client: Client) -> None:
    await client.request("identify", "POST", f"{client.segment()}/identify", json=client.speaker_body())


async def reassign(client: Client) -> None:
    await client.request("reassign", "POST", f"{client.segment()}/reassign", json=client.speaker_body())


async def rename(client: Client) -> None:
    body = {"new_name": client.chance.choice(NAMES)}
    await client.request("rename", "PATCH", f"/speakers/{client.speaker()}/rename", json=body)


async def merge(client: Client) -> None:
    await client.request("merge", "POST", f"/speakers/{client.speaker()}/merge", json={"into": client.speaker()})


async def delete_speaker(client: Client) -> None:
    if client.chance.random() < 0.2:
        await client.request("delete unknown", "DELETE", "/speakers/unknown/all")
    else:
        await client.request("delete speaker", "DELETE", f"/speakers/{client.speaker()}")


async def undo(client: Client) -> None:
    await client.request("undo", "POST", "/speakers/undo")


async def mark(client: Client) -> None:
    body = {"is_misidentified": client.chance.random() < 0.6}
    kind = client.chance.choice(("misidentified", "emotion-misidentified"))
    await client.request(kind, "PATCH", f"{client.segment()}/{kind}", json=body)


async def correct(client: Client) -> None:
    query = {"corrected_emotion": client.chance.choice(EMOTIONS), "learn": client.chance.random() < 0.8}
    await client.request("correct emotion", "POST", f"{client.segment()}/correct-emotion", params=query)


async def emotions_of_speaker(client: Client) -> None:
    path, emotion = f"/speakers/{client.speaker()}", client.chance.choice(EMOTIONS)
    choice = client.chance.randrange(4)
    if choice == 0:
        await client.request("reset emotions", "DELETE", f"{path}/emotion-profiles", params={"emotion_category": emotion})
    elif choice == 1:
        await client.request("emotion threshold", "PATCH", f"{path}/emotion-threshold", params={"threshold": 0.5})
    elif choice == 2:
        await client.request(
            "emotion threshold", "PATCH", f"{path}/emotion-profiles/{emotion}/threshold", params={"threshold": 0.7}
        )
    else:
        await client.request("emotion profiles", "GET", f"{path}/emotion-profiles")


async def recalculate_emotions(client: Client) -> None:
    await client.request("recalculate", "POST", f"{client.conversation()}/recalculate-emotions")


async def rematch(client: Client) -> None:
    await client.request("rematch", "POST", f"{client.conversation()}/rematch")


async def label(client: Client) -> None:
    choice = client.chance.randrange(4)
    if choice == 0:
        rows = "".join(
            f"SPEAKER x 1 {start} 5 <NA> <NA> {client.chance.choice(NAMES)} <NA> <NA>\n" for start in range(0, 30, 5)
        )
        files = {"file": ("x.rttm", rows.encode(), "text/plain")}
        await client.request("label all", "POST", f"{client.conversation()}/labels/rttm", files=files)
    elif choice == 1:
        await client.request("unlabel", "DELETE", f"{client.segment()}/label")
    else:
        await client.request("label", "PUT", f"{client.segment()}/label", json={"speaker_name": client.chance.choice(NAMES)})


async def change_backups(client: Client) -> None:
    choice, name = client.chance.randrange(6), client.chance.choice(("home", "away"))
    if choice == 0:
        made = await client.request("profile", "POST", "/profiles/duplicate", json={"name": name})
    elif choice == 1:
        made = await client.request("profile", "PATCH", f"/profiles/{name}", json={})
    elif choice == 2:
        made = await client.request("checkpoint", "POST", f"/profiles/{name}/checkpoints")
    elif choice == 3:
        made = await client.request("delete profile", "DELETE", f"/profiles/{client.chance.choice((name, 'Before restore'))}")
    else:
        filename = client.chance.choice(client.world.backups) if client.world.backups else "profile_home.json"
        made = await client.request("restore", "POST", "/profiles/restore", params={"filename": filename})
    if made is not None and "filename" in made:
        client.world.backups.append(made["filename"])


async def read(client: Client) -> None:
    """Read something that other clients change."""
    path, options = client.chance.choice(READ_PATHS), {}
    if path == "/search":
        options = {"params": {"q": "hello", "speaker": client.chance.choice(NAMES)}}
    path = path.format(
        conversation=client.conversation(), segment=client.segment().rpartition("/")[2], speaker=client.speaker()
    )
    await client.request("read", "GET", path, **options)


async def evaluate(client: Client) -> None:
    await client.request("evaluate", "POST", "/evaluation", json={})


async def title(client: Client) -> None:
    await client.request("title", "PATCH", client.conversation(), json={"title": client.chance.choice(NAMES)})


async def delete_conversation(client: Client) -> None:
    await client.request("delete conversation", "DELETE", client.conversation())


async def job(client: Client) -> None:
    listed = await client.request("jobs", "GET", "/jobs")
    ids = [] if listed is None else [one["id"] for one in listed["jobs"]]
    if ids:
        verb = client.chance.choice(("cancel", "retry"))
        await client.request(verb, "POST", f"/jobs/{client.chance.choice(ids)}/{verb}")


async def send(client: Client) -> None:
    """Upload a recording in place of one that was deleted."""
    listed = await client.request("look", "GET", "/conversations")
    if listed is not None and listed["total"] < RECORDINGS:
        await client.request("process", "POST", "/process", params={"wait": False}, files={"audio_file": SAMPLE})


async def reprocess(client: Client) -> None:
    await client.request("reprocess", "POST", f"{client.conversation()}/reprocess", params={"wait": False})


SAMPLE = (recording().name, recording().read_bytes())
READ_PATHS = (
    *("{conversation}/transcript?format=srt", "{conversation}/transcript?format=rttm", "{conversation}/labels"),
    *("/conversations/segments/{segment}/audio", "/speakers/{speaker}/audio", "/speakers/suggestions", "/speakers/changes"),
    *("/speakers/{speaker}", "/profiles", "/profiles/home", "/profiles/home/checkpoints", "/search", "/status"),
)
Action = Callable[[Client], Awaitable[None]]
ACTIONS: Mapping[str, tuple[float, Action]] = {
    "look": (6, Client.look),
    "identify": (12, identify),
    "reassign": (6, reassign),
    "rename": (6, rename),
    "merge": (3, merge),
    "delete speaker": (4, delete_speaker),
    "undo": (6, undo),
    "mark": (6, mark),
    "correct": (12, correct),
    "emotions": (6, emotions_of_speaker),
    "recalculate": (2, recalculate_emotions),
    "rematch": (2, rematch),
    "label": (6, label),
    "back up": (4, change_backups),
    "read": (10, read),
    "evaluate": (1, evaluate),
    "title": (2, title),
    "delete conversation": (0.3, delete_conversation),
    "job": (1, job),
}
"""What clients do, and how often relative to each other."""
MODEL_ACTIONS: Mapping[str, tuple[float, Action]] = {"send": (1, send), "reprocess": (1, reprocess)}
