"""The speakers of a conversation: their speech, samples of their voices, and suggestions for unknown ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import is_unknown
from pipeline.identity.policy import IdentityPolicy
from services.identity.unknown_speakers import Suggestion, suggestions_for
from storage.conversations import conversations, samples, statistics
from storage.conversations.samples import Sample


@dataclass(frozen=True, slots=True)
class Participant:
    """A voice of a conversation. Participants of one speaker are one."""

    speaker_id: int | None
    speaker_name: str
    is_known: bool
    """A person gave the name."""
    segments: int
    seconds: float
    share: float
    """Of the speech of all, 0 to 1."""
    emotions: Mapping[str, int]
    """Segments by emotion."""
    samples: Sequence[Sample]
    suggestion: Suggestion | None


async def of_conversation(session: AsyncSession, conversation_id: int, policy: IdentityPolicy | None) -> list[Participant]:
    """Those with segments, the most speech first; no suggestions without a policy. Raises LookupError."""
    if await conversations.progress(session, conversation_id) is None:
        raise LookupError(conversations.NOT_FOUND)
    found = await statistics.of_conversation(session, conversation_id)
    best = await samples.of_conversation(session, conversation_id)
    known = {one.speaker_id: one.speaker_id is not None and not is_unknown(one.speaker_name) for one in found}
    unknown = [id_ for id_, is_known in known.items() if id_ is not None and not is_known]
    suggested = await _suggested(session, unknown, policy)
    total = sum(one.seconds for one in found)
    return [
        Participant(
            one.speaker_id,
            one.speaker_name,
            known[one.speaker_id],
            one.segments,
            one.seconds,
            one.seconds / total if total else 0.0,
            one.emotions,
            best.get(one.speaker_id or -one.participants[0], ()),
            suggested.get(one.speaker_id),
        )
        for one in found
    ]


async def _suggested(
    session: AsyncSession, unknown: Sequence[int], policy: IdentityPolicy | None
) -> Mapping[int | None, Suggestion]:
    """The most similar speaker of each."""
    found = await suggestions_for(session, policy, unknown) if policy is not None and unknown else []
    return {one.speaker_id: one for one in reversed(found)}
