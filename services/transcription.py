"""Transcribe a recording for a client that waits for the answer. Nothing of it is kept."""

import asyncio
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from media.decoders import Decoded
from media.decoding import AudioError
from pipeline.channels import process_channels
from pipeline.identity.enrollment import MAX_SAMPLE_S, UnsuitableSampleError, voice_of
from pipeline.process import Options
from pipeline.transcript import unstored
from pipeline.types import ChannelMode, ConversationSegment, Transcript
from services.access import limits
from services.errors import LimitExceededError, ModelsUnavailableError, failure_reason
from services.identity.unstored import KnownVoice, name_speakers
from services.policy import Policies
from services.recordings import Recordings
from services.runtime import Runtime
from services.vocabulary import Vocabularies
from storage.speakers import speakers

MAX_CONCURRENT = 4
"""Recordings in the stages at a time, on each replica: as many as of jobs (`services.worker.MAX_JOBS`)."""
MAX_WAITING = 32
"""Recordings that wait for a place; further ones are refused."""
BUSY_RETRY_S = 30


class KnownSpeakerError(ValueError):
    """A known speaker that the client names cannot be used; the message says why."""


class TranscriptionFailedError(Exception):
    """A stage failed; the message says why."""


@dataclass(frozen=True, slots=True)
class KnownSpeaker:
    """A speaker that the client names: by a sample of the voice, or one that is stored."""

    name: str
    sample: bytes | None


@dataclass(frozen=True, slots=True)
class Transcribed:
    transcript: Transcript
    segments: Sequence[ConversationSegment]
    """In order of time, under the names of known speakers; other voices are A, B, …."""


class Prepared:
    """A recording that can be transcribed: decoded, on the disk as long as this object exists. Few are in memory at a time."""

    file: Path
    decoded: Decoded
    voices: Sequence[KnownVoice] = ()

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)

    @property
    def hours(self) -> float:
        """Of audio to process."""
        return self.decoded.duration * self.decoded.channels / 3600


class Transcriptions:
    """Runs the stages within the request: a client that is gone gets nothing, and its recording is not worked on."""

    def __init__(self, recordings: Recordings, policies: Policies, vocabularies: Vocabularies, runtime: Runtime) -> None:
        self._recordings = recordings
        self._stages = recordings.stages
        self._database = recordings.database
        self._policies = policies
        self._vocabularies = vocabularies
        self._runtime = runtime
        self._places = asyncio.Semaphore(MAX_CONCURRENT)
        self._present = 0

    async def prepare(self, file: BinaryIO, known: Sequence[KnownSpeaker] = (), mode: ChannelMode = "auto") -> Prepared:
        """Decode a recording, and compute the voices of the samples that came with it.

        Raises:
            AudioError: The file holds no audio.
            KnownSpeakerError: A known speaker cannot be used.
            LimitExceededError: Too many recordings wait.
            TranscriptionFailedError: A stage failed.
            DiskFullError, ModelsUnavailableError: As elsewhere.
        """
        settings = self._recordings.settings
        with self._counted():
            self._runtime.wake()
            await self._check_names(known)
            prepared = Prepared(Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="vivavoce-")))
            longest_s = settings.max_duration_hours * 3600
            prepared.file, prepared.decoded = await self._recordings.decode_to(prepared.directory, file, longest_s, mode)
            async with self._database.session() as session:
                await limits.check_queue(session, settings, prepared.hours)
            prepared.voices = [await self._voice(one.name, one.sample) for one in known if one.sample is not None]
        return prepared

    async def transcribe(self, prepared: Prepared, options: Options) -> Transcribed:
        """The transcript, with the names of the speakers who are known. Raises as `prepare` does."""
        numbers = [None] if prepared.decoded.channels == 1 else range(prepared.decoded.channels)
        channels = [partial(self._recordings.load_file, prepared.file, number) for number in numbers]
        with self._counted():
            async with self._places:
                voice = await self._policies.voice_settings()
                chosen = replace(
                    options,
                    filter_hallucinations=voice.filter_hallucinations,
                    context_padding=voice.context_padding,
                    vocabulary=await self._vocabularies.read(),
                )
                with _failures():
                    found = await process_channels(channels, self._stages, chosen, _ignore)
                found = replace(found, notes=(*prepared.decoded.notes, *found.notes))
        async with self._database.session() as session:
            transcript, names = await name_speakers(session, found, await self._policies.read(session), prepared.voices)
        segments = await asyncio.to_thread(unstored.segments, transcript, names, datetime.now(UTC))
        return Transcribed(transcript, segments)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._present >= MAX_CONCURRENT + MAX_WAITING:
            sentence = f"{self._present} recordings are being transcribed or wait for it: try again later."
            raise LimitExceededError(sentence, BUSY_RETRY_S)
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1

    async def _check_names(self, known: Sequence[KnownSpeaker]) -> None:
        """Raises KnownSpeakerError for a name without a sample that is no stored speaker's."""
        async with self._database.session() as session:
            for one in known:
                if one.sample is None and await speakers.find(session, one.name) is None:
                    raise KnownSpeakerError(
                        f"No speaker {one.name!r} is enrolled: send a sample in known_speaker_references, or enroll the "
                        "speaker with POST /api/v1/speakers/enroll."
                    )

    async def _voice(self, name: str, sample: bytes) -> KnownVoice:
        try:
            audio = await self._recordings.decode(BytesIO(sample), MAX_SAMPLE_S)
            with _failures():
                return KnownVoice(name, await voice_of(audio.samples, audio.duration, self._stages))
        except (AudioError, UnsuitableSampleError) as error:
            raise KnownSpeakerError(f"The sample of {name!r} cannot be used: {error}") from error


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (AudioError, UnsuitableSampleError, ModelsUnavailableError):
        raise
    except Exception as error:
        raise TranscriptionFailedError(failure_reason(error)) from error


async def _ignore(_stage: str, _fraction: float) -> None: ...
