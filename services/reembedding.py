"""Making a speaker known to the embedding model that is running, from their recordings."""

from dataclasses import dataclass

from pipeline.types import Voiceprint
from services.recordings import Recordings
from storage.speakers import reembedding


class NothingToHearError(ValueError):
    """There is no recording that the speaker could be heard in."""


@dataclass(frozen=True, slots=True)
class Reembedded:
    speaker_name: str
    model: str
    references: int
    """How many vectors of the model were made."""


async def reembed(recordings: Recordings, speaker_id: int) -> Reembedded:
    """Embed the speaker's clearest lines, one reference from each of a few recordings, and keep the references.

    Raises LookupError where there is no such speaker, NothingToHearError.
    """
    async with recordings.database.session() as session:
        name, stretches = await reembedding.stretches(session, speaker_id)
    voices: list[Voiceprint] = []
    for stretch in stretches:
        try:
            audio = await recordings.load(stretch.audio_key)
        except LookupError:  # that recording is gone; another may be there
            continue
        voices.append(await recordings.stages.embedder.embed(audio.samples, stretch.spans))
    if not voices:
        raise NothingToHearError(f"No recording of '{name}' is kept here that is long enough: enroll a sample of the voice.")
    async with recordings.database.session() as session:
        await reembedding.keep(session, speaker_id, voices)
    return Reembedded(name, voices[0].model, len(voices))
