"""Do clients who change the same conversations at the same time leave a consistent archive?

python -m benchmarks.contention [--clients N] [--seconds S] [--seed N]

An application is started as a user starts it and given some recordings. Then the clients identify, rename, merge, correct,
label, restore, undo and delete at random, and have recordings processed again, each as fast as it is answered. Nothing may be
answered with a status of 500 or more, nor may an answer fail to come. When all is done the database must agree with itself;
`INVARIANTS` says how. Then everything that can be undone is undone, step by step, and it must still agree.
"""

import argparse
import asyncio
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.harness.application import running
from storage.emotions import emotions
from storage.postgres.database import Database
from storage.postgres.embedded import EmbeddedPostgres
from vivavoce.printing import table
from vivavoce.sample import recording

NAMES = ("Ana", "Bo", "Cy", "Dee", "Eve", "Unknown_77")
EMOTIONS = ("angry", "happy", "sad", "neutral")
RECORDINGS = 4
"""The sample, that often: all of them the same two voices. One that is deleted is sent again."""
PATIENCE = 300.0
"""Seconds in which an answer must come, and all work must be done once the clients have stopped."""

INVARIANTS = {
    "a line belongs to a participant of another conversation": """
        SELECT count(*) FROM segments s LEFT JOIN participants p ON p.id = s.participant_id
        WHERE p.conversation_id IS DISTINCT FROM s.conversation_id""",
    "a participant has neither lines nor turns": """
        SELECT count(*) FROM participants p WHERE NOT EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id)
        AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.participant_id = p.id)""",
    "a participant is known by lines that are all somebody else's": """
        SELECT count(*) FROM participants p WHERE vector IS NOT NULL
        AND EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id AND is_misidentified AND voice_vector IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id AND NOT is_misidentified)""",
    "a speaker whom nobody named is heard nowhere, and nothing is known of them": r"""
        SELECT count(*) FROM speakers k WHERE name ~ '^Unknown_\d+$' AND name <> 'Unknown_77'
        AND NOT EXISTS (SELECT 1 FROM participants p WHERE p.speaker_id = k.id AND (p.vector IS NOT NULL
            OR EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id)))
        AND NOT EXISTS (SELECT 1 FROM voiceprints v WHERE v.speaker_id = k.id)
        AND NOT EXISTS (SELECT 1 FROM emotion_profiles e WHERE e.speaker_id = k.id)""",
    "the lines of a conversation are not numbered through": """
        SELECT count(*) FROM (SELECT conversation_id FROM segments GROUP BY 1
        HAVING min(position) <> 0 OR max(position) <> count(*) - 1) AS gaps""",
    "a corrected emotion is uncertain, or has no time": """
        SELECT count(*) FROM segments WHERE emotion_corrected
        AND (emotion_confidence IS DISTINCT FROM 1 OR emotion_corrected_at IS NULL)""",
    "a conversation is in work without a job, or has one and is not": """
        SELECT count(*) FROM conversations c WHERE (status = 'processing') <> EXISTS (
            SELECT 1 FROM jobs j WHERE j.conversation_id = c.id AND state IN ('queued', 'running'))""",
    "a conversation is completed without lines or an end": """
        SELECT count(*) FROM conversations c WHERE status = 'completed' AND (end_time IS NULL
        OR NOT EXISTS (SELECT 1 FROM segments s WHERE s.conversation_id = c.id))""",
    "what a job found is kept after its end": """
        SELECT count(*) FROM job_stages JOIN jobs j ON j.id = job_id WHERE state NOT IN ('queued', 'running')""",
    "a checkpoint has another name than its profile": """
        SELECT count(*) FROM backups c JOIN backups p ON p.id = c.profile_id WHERE p.name <> c.name""",
    "a change of a reference was not noted": """
        SELECT count(*) FROM (SELECT 'participants' AS kind, id FROM participants WHERE vector IS NOT NULL
            UNION ALL SELECT 'voiceprints', id FROM voiceprints) AS r
        WHERE NOT EXISTS (SELECT 1 FROM reference_changes c WHERE c.kind = r.kind AND c.reference_id = r.id)""",
}
"""What must be nowhere in a database at rest, and how to count it."""

PROFILES = """
SELECT speaker_id, emotion_category, vector::text, model, sample_count, voice_vector::text, voice_model, voice_sample_count
FROM emotion_profiles ORDER BY 1, 2
"""

Answer = tuple[str, int]


@dataclass
class World:
    """What the clients have seen of the archive. Much of it is gone by the time that somebody asks for it."""

    conversations: list[int] = field(default_factory=list)
    segments: dict[int, list[int]] = field(default_factory=dict)
    speakers: list[int] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)


@dataclass
class Tally:
    answers: Counter[Answer] = field(default_factory=Counter)
    """How often an act was answered with a status; 0 stands for no answer."""
    faults: list[str] = field(default_factory=list)

    def count(self, act: str, status: int, said: str) -> None:
        self.answers[act, status] += 1
        if status >= 500 or status == 0:
            self.faults.append(f"{act}: {status or 'no answer'}: {said[:300]}")

    def rows(self) -> list[tuple[str, ...]]:
        statuses = self.statuses()
        acts = sorted({act for act, _ in self.answers})
        counts = {act: [self.answers[act, status] for status in statuses] for act in acts}
        counts["all"] = [sum(column) for column in zip(*counts.values(), strict=True)]
        return [(act, *(str(count or "") for count in row)) for act, row in counts.items()]

    def statuses(self) -> list[int]:
        return sorted({status for _, status in self.answers})


class Client:
    """One who asks for something at random, waits for the answer, and asks again."""

    def __init__(self, http: httpx.AsyncClient, world: World, tally: Tally, chance: random.Random) -> None:
        self.http, self.world, self.tally, self.chance = http, world, tally, chance

    async def act(self, hearing: bool) -> None:
        """One of `ACTS`, and of `HEARING` where there are models."""
        acts = {**ACTS, **(HEARING if hearing else {})}
        (name,) = self.chance.choices(list(acts), [weight for weight, _ in acts.values()])
        await acts[name][1](self)

    async def ask(self, act: str, method: str, path: str, **how: Any) -> Any:
        """The answer's JSON, or None where it is a refusal."""
        try:
            answer = await self.http.request(method, path, **how)
        except httpx.HTTPError as error:
            self.tally.count(act, 0, repr(error))
            return None
        self.tally.count(act, answer.status_code, answer.text)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if answer.is_success and is_json else None

    async def look(self) -> None:
        """See what there is."""
        listed = await self.ask("look", "GET", "/conversations")
        if listed is not None:
            self.world.conversations = [one["id"] for one in listed["conversations"]]
        for id_ in self.world.conversations[:RECORDINGS]:
            found = await self.ask("look", "GET", f"/conversations/{id_}")
            self.world.segments[id_] = [] if found is None else [line["id"] for line in found["segments"]]
        speakers = await self.ask("look", "GET", "/speakers")
        self.world.speakers = self.world.speakers if speakers is None else [one["id"] for one in speakers]

    def conversation(self) -> str:
        return f"/conversations/{self._one(self.world.conversations)}"

    def line(self) -> str:
        id_ = self._one(self.world.conversations)
        return f"/conversations/{id_}/segments/{self._one(self.world.segments.get(id_, []))}"

    def speaker(self) -> int:
        return self._one(self.world.speakers)

    def who(self) -> dict[str, Any]:
        """Somebody, by name or by id, who is to be known by this voice, or not."""
        enroll = self.chance.random() < 0.8
        if self.chance.random() < 0.6:
            return {"speaker_name": self.chance.choice(NAMES), "enroll": enroll}
        return {"speaker_id": self.speaker(), "enroll": enroll}

    def _one(self, of: Sequence[int]) -> int:
        return self.chance.choice(of) if of else 1


async def identify(client: Client) -> None:
    await client.ask("identify", "POST", f"{client.line()}/identify", json=client.who())


async def reassign(client: Client) -> None:
    await client.ask("reassign", "POST", f"{client.line()}/reassign", json=client.who())


async def rename(client: Client) -> None:
    body = {"new_name": client.chance.choice(NAMES)}
    await client.ask("rename", "PATCH", f"/speakers/{client.speaker()}/rename", json=body)


async def merge(client: Client) -> None:
    await client.ask("merge", "POST", f"/speakers/{client.speaker()}/merge", json={"into": client.speaker()})


async def delete_speaker(client: Client) -> None:
    if client.chance.random() < 0.2:
        await client.ask("delete unknown", "DELETE", "/speakers/unknown/all")
    else:
        await client.ask("delete speaker", "DELETE", f"/speakers/{client.speaker()}")


async def undo(client: Client) -> None:
    await client.ask("undo", "POST", "/speakers/undo")


async def mark(client: Client) -> None:
    body = {"is_misidentified": client.chance.random() < 0.6}
    kind = client.chance.choice(("misidentified", "emotion-misidentified"))
    await client.ask(kind, "PATCH", f"{client.line()}/{kind}", json=body)


async def correct(client: Client) -> None:
    query = {"corrected_emotion": client.chance.choice(EMOTIONS), "learn": client.chance.random() < 0.8}
    await client.ask("correct emotion", "POST", f"{client.line()}/correct-emotion", params=query)


async def emotions_of_speaker(client: Client) -> None:
    path, emotion = f"/speakers/{client.speaker()}", client.chance.choice(EMOTIONS)
    how = client.chance.randrange(4)
    if how == 0:
        await client.ask("reset emotions", "DELETE", f"{path}/emotion-profiles", params={"emotion_category": emotion})
    elif how == 1:
        await client.ask("emotion threshold", "PATCH", f"{path}/emotion-threshold", params={"threshold": 0.5})
    elif how == 2:
        await client.ask(
            "emotion threshold", "PATCH", f"{path}/emotion-profiles/{emotion}/threshold", params={"threshold": 0.7}
        )
    else:
        await client.ask("emotion profiles", "GET", f"{path}/emotion-profiles")


async def detect_again(client: Client) -> None:
    await client.ask("recalculate", "POST", f"{client.conversation()}/recalculate-emotions")


async def match_again(client: Client) -> None:
    await client.ask("rematch", "POST", f"{client.conversation()}/rematch")


async def label(client: Client) -> None:
    how = client.chance.randrange(4)
    if how == 0:
        rows = "".join(
            f"SPEAKER x 1 {start} 5 <NA> <NA> {client.chance.choice(NAMES)} <NA> <NA>\n" for start in range(0, 30, 5)
        )
        files = {"file": ("x.rttm", rows.encode(), "text/plain")}
        await client.ask("label all", "POST", f"{client.conversation()}/labels/rttm", files=files)
    elif how == 1:
        await client.ask("unlabel", "DELETE", f"{client.line()}/label")
    else:
        await client.ask("label", "PUT", f"{client.line()}/label", json={"speaker_name": client.chance.choice(NAMES)})


async def back_up(client: Client) -> None:
    how, name = client.chance.randrange(6), client.chance.choice(("home", "away"))
    if how == 0:
        made = await client.ask("profile", "POST", "/profiles/duplicate", json={"name": name})
    elif how == 1:
        made = await client.ask("profile", "PATCH", f"/profiles/{name}", json={})
    elif how == 2:
        made = await client.ask("checkpoint", "POST", f"/profiles/{name}/checkpoints")
    elif how == 3:
        made = await client.ask("delete profile", "DELETE", f"/profiles/{client.chance.choice((name, 'Before restore'))}")
    else:
        filename = client.chance.choice(client.world.backups) if client.world.backups else "profile_home.json"
        made = await client.ask("restore", "POST", "/profiles/restore", params={"filename": filename})
    if made is not None and "filename" in made:
        client.world.backups.append(made["filename"])


async def read(client: Client) -> None:
    """What is read while it changes."""
    path, how = client.chance.choice(READ), {}
    if path == "/search":
        how = {"params": {"q": "hello", "speaker": client.chance.choice(NAMES)}}
    path = path.format(conversation=client.conversation(), line=client.line().rpartition("/")[2], speaker=client.speaker())
    await client.ask("read", "GET", path, **how)


async def evaluate(client: Client) -> None:
    await client.ask("evaluate", "POST", "/evaluation", json={})


async def title(client: Client) -> None:
    await client.ask("title", "PATCH", client.conversation(), json={"title": client.chance.choice(NAMES)})


async def delete_conversation(client: Client) -> None:
    await client.ask("delete conversation", "DELETE", client.conversation())


async def job(client: Client) -> None:
    listed = await client.ask("jobs", "GET", "/jobs")
    ids = [] if listed is None else [one["id"] for one in listed["jobs"]]
    if ids:
        how = client.chance.choice(("cancel", "retry"))
        await client.ask(how, "POST", f"/jobs/{client.chance.choice(ids)}/{how}")


async def send(client: Client) -> None:
    """Another recording in place of one that was deleted."""
    listed = await client.ask("look", "GET", "/conversations")
    if listed is not None and listed["total"] < RECORDINGS:
        await client.ask("process", "POST", "/process", params={"wait": False}, files={"audio_file": SAMPLE})


async def reprocess(client: Client) -> None:
    await client.ask("reprocess", "POST", f"{client.conversation()}/reprocess", params={"wait": False})


SAMPLE = (recording().name, recording().read_bytes())
READ = (
    *("{conversation}/transcript?format=srt", "{conversation}/transcript?format=rttm", "{conversation}/labels"),
    *("/conversations/segments/{line}/audio", "/speakers/{speaker}/audio", "/speakers/suggestions", "/speakers/changes"),
    *("/speakers/{speaker}", "/profiles", "/profiles/home", "/profiles/home/checkpoints", "/search", "/status"),
)
Act = Callable[[Client], Awaitable[None]]
ACTS: Mapping[str, tuple[float, Act]] = {
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
    "recalculate": (2, detect_again),
    "rematch": (2, match_again),
    "label": (6, label),
    "back up": (4, back_up),
    "read": (10, read),
    "evaluate": (1, evaluate),
    "title": (2, title),
    "delete conversation": (0.3, delete_conversation),
    "job": (1, job),
}
"""What clients do, and how often, relative to each other."""
HEARING: Mapping[str, tuple[float, Act]] = {"send": (1, send), "reprocess": (1, reprocess)}


async def torment(
    address: str, clients: int, seed: int, *, seconds: float = math.inf, acts: int = sys.maxsize, hearing: bool = True
) -> Tally:
    """Have so many clients act at once on the application at `address` (below `/api/v1`), for so long or so often each."""
    world, tally, seen = World(), Tally(), asyncio.Event()
    end = asyncio.get_running_loop().time() + seconds

    async def one(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as http:
            client = Client(http, world, tally, random.Random(0))
            if not number:
                await client.look()
                seen.set()
            await seen.wait()
            done = 0
            while done < acts and asyncio.get_running_loop().time() < end:
                # So that what is asked does not depend on what was answered before.
                client.chance = random.Random(f"{seed} {number} {done}")
                await client.act(hearing)
                done += 1

    await asyncio.gather(*(one(number) for number in range(clients)))
    return tally


async def settle(address: str, tally: Tally) -> None:
    """Until no recording is in work."""
    end = asyncio.get_running_loop().time() + PATIENCE
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as http:
        while asyncio.get_running_loop().time() < end:
            states = [(await http.get("/jobs", params={"state": state})).json()["total"] for state in ("queued", "running")]
            if not any(states):
                return
            await asyncio.sleep(0.5)
    tally.faults.append(f"work is not done after {PATIENCE:.0f} s")


async def undo_all(address: str, tally: Tally) -> None:
    """Take back one change after the other until there is none left, or one cannot be taken back any more."""
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as http:
        client = Client(http, World(), tally, random.Random(0))
        while await client.ask("undo at the end", "POST", "/speakers/undo") is not None:
            pass


async def violations(database: Database) -> list[str]:
    """What is wrong with the database, in words."""
    async with database.session() as session:
        counts = {what: (await session.execute(text(query))).scalar_one() for what, query in INVARIANTS.items()}
        found = [f"{what}: {count}" for what, count in counts.items() if count]
        found += await _stale_profiles(session)
        await session.rollback()
    return found


async def _stale_profiles(session: AsyncSession) -> list[str]:
    """Emotion profiles that are not what recomputing them gives."""
    before = (await session.execute(text(PROFILES))).all()
    for speaker in (await session.scalars(text("SELECT id FROM speakers"))).all():
        await emotions.recompute(session, speaker)
    after = (await session.execute(text(PROFILES))).all()
    same = len(before) == len(after) and all(map(_same, before, after))
    return [] if same else [f"an emotion profile is not what its segments say: {before} {after}"]


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """PostgreSQL adds up in whatever order it finds the segments."""
    return all(
        np.allclose(json.loads(a), json.loads(b), atol=1e-5) if str(a)[:1] == str(b)[:1] == "[" else a == b
        for a, b in zip(one, other, strict=True)
    )


async def main(clients: int, seconds: float, seed: int) -> Tally:
    with running() as application:
        for _ in range(RECORDINGS):
            application.process_file(recording())
        address = str(application.client.base_url)
        tally = await torment(address, clients, seed, seconds=seconds)
        await settle(address, tally)
        with EmbeddedPostgres(application.data / "postgres") as url:  # the application's own
            database = Database(url)
            try:
                tally.faults += await violations(database)
                await undo_all(address, tally)
                tally.faults += [f"after undoing: {fault}" for fault in await violations(database)]
            finally:
                await database.dispose()
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    found = asyncio.run(main(chosen.clients, chosen.seconds, chosen.seed))
    print(table(("answers", *map(str, found.statuses())), found.rows()))
    print(
        "\n".join(found.faults) or f"\nNothing is wrong: no failure, and all of {len(INVARIANTS) + 1} invariants hold, twice."
    )
    sys.exit(bool(found.faults))
