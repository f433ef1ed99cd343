"""Create references of the current embedding model for a speaker, from stored recordings."""

from dataclasses import dataclass

from pipeline.types import Voiceprint
from services.access import audit
from services.recordings import Recordings
from storage.speakers import reembedding


class NoRecordingError(ValueError):
    """There is no recording with enough speech of the speaker."""


@dataclass(frozen=True, slots=True)
class Reembedded:
    speaker_name: str
    model: str
    references: int
    """Number of vectors that were created."""


async def reembed(recordings: Recordings, speaker_id: int) -> Reembedded:
    """Embed the speaker's clearest segments, one reference from each of a few recordings, and store the references.

    Raises LookupError where there is no such speaker, NoRecordingError where no recording can be embedded.
    """
    async with recordings.database.session() as session:
        name, stretches = await reembedding.stretches(session, speaker_id)
    voices: list[Voiceprint] = []
    for stretch in stretches:
        try:
            audio = await recordings.load(stretch.audio_key)
        except LookupError:  # this recording was deleted; another one may exist
            continue
        voices.append(await recordings.stages.embedder.embed(audio.samples, stretch.spans))
    if not voices:
        raise NoRecordingError(f"No recording of '{name}' is kept here that is long enough: enroll a sample of the voice.")
    async with recordings.database.session() as session:
        await reembedding.keep(session, speaker_id, voices)
        await audit.record(session, "speaker.reembed", f"speaker:{speaker_id}")
    return Reembedded(name, voices[0].model, len(voices))
