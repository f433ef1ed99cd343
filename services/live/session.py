"""One live conversation: what comes is written down and cut into lines, the lines are heard, kept and told in order."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from media.decoder import Decoder, StreamError
from media.spool import Spool
from media.stream import DEFAULT_RATE, MAX_RATE, MIN_RATE, Encoding
from pipeline.identity.policy import IdentityPolicy
from pipeline.languages import language_code
from pipeline.live.endpointing import Endpointer, SpeechSpan
from pipeline.live.live_segment import ProcessedSegment, SegmentOptions, process_segment
from pipeline.live.partials import EVERY, Agreement
from pipeline.types import SAMPLE_RATE, Segment, Span
from services.errors import failure_reason
from services.identity import live_segments

if TYPE_CHECKING:
    from services.live.live import Live

logger = logging.getLogger("ray.serve")

IN_FLIGHT = 3
"""Lines of one stream that are in the stages at a time; the others wait on the disk."""
SETTLED = 5.0
"""Seconds of speech in one language from which all of a conversation is taken to be in it."""
PATIENCE = 60.0
"""Seconds for which a line waits for a database that is away."""


class Start(BaseModel):
    """What a client may say when it begins; nothing of it must be."""

    sample_rate: int = Field(DEFAULT_RATE, ge=MIN_RATE, le=MAX_RATE)
    encoding: Encoding = "float32"
    language: Annotated[str | None, AfterValidator(lambda code: language_code(code) if code else None)] = None
    title: str | None = Field(None, max_length=1000)
    num_speakers: int | None = Field(None, ge=1, le=100)
    partials: bool = False
    speaker_update: bool = False
    """Wait at the end until the diarizer has heard all of the recording, and tell what it found."""
    resumable: bool = False
    conversation_id: int | None = Field(None, ge=1, le=2**31 - 1)
    """To go on with a conversation whose connection was lost."""


@dataclass(frozen=True, slots=True)
class Status:
    """Answers a piece of audio."""

    vad_active: bool
    audio_level: float
    buffer_size: int
    """Pieces of audio since the last line ended."""
    segments_processed: int
    total_audio_seconds: float


@dataclass(frozen=True, slots=True)
class Completed:
    conversation_id: int
    num_segments: int
    num_speakers: int
    duration: float
    processing_errors: int
    audio_key: str | None


class Session:
    """Belongs to the connection that feeds it, and goes on without it until it is finished or paused."""

    def __init__(
        self,
        live_: Live,
        conversation_id: int,
        file: Spool,
        endpointer: Endpointer,
        decoder: Decoder,
        asked: Start,
        emit: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.conversation_id = conversation_id
        self.file = file
        self.asked = asked
        self._live = live_
        self._endpointer = endpointer
        self._decoder = decoder
        self.emit = emit
        self.superseded = asyncio.Event()
        """Another connection goes on with this conversation: the one that feeds it must end."""
        self.resumed_at = file.length / SAMPLE_RATE
        """Seconds of audio that were there before."""
        self._loop = asyncio.get_running_loop()
        self._turn = threading.Lock()
        """A call in a thread goes on when whoever waited for it is cancelled; the next must not run into it."""
        self._ended = False
        self._pieces = 0
        self._lines = 0
        self._errors = 0
        self._language = asked.language or live_.settings.language
        self._spoken: Counter[str] = Counter()
        self._cuts: asyncio.Queue[SpeechSpan | None] = asyncio.Queue()
        self._heard: asyncio.Queue[tuple[SpeechSpan, asyncio.Task[ProcessedSegment]] | None] = asyncio.Queue(IN_FLIGHT - 1)
        self._work = [live_.spawn(self._hear_lines()), live_.spawn(self._keep_lines())]
        self._in_stages: set[asyncio.Task[ProcessedSegment]] = set()
        self._partial: asyncio.Task[None] | None = None
        self._agreement = (-1, Agreement())
        self._guessed = 0

    async def feed(self, data: bytes) -> Status:
        """Take the next piece of audio. Raises StreamError where the stream cannot go on, OSError where the disk is full."""
        self._pieces += 1
        active = await self._live.thread(self._take, data)
        self._guess()
        return Status(active, self._decoder.level, self._pieces, self._lines, self.file.length / SAMPLE_RATE)

    async def hear_again(self, start: int, end: int) -> None:
        """Find the lines in what is in the file already."""
        await self._live.thread(self._listen, start, end)

    async def pause(self) -> None:
        """Hear what came so far, and let go of the file."""
        await self._drain()
        await self.close()

    async def finish(self) -> Completed:
        """Hear what came so far, and make a recording of it like any other. Raises where that cannot be stored.

        The file stays then, and the next start of the program tries again.
        """
        try:
            await self._drain()
            duration = self.file.length / SAMPLE_RATE
            key = await self._live.keep(self.file) if self.file.length else None
            try:
                async with self._live.database.session() as session:
                    counts = await live_segments.finish(session, self.conversation_id, key, duration, self._main_language())
            except BaseException:
                if key is not None:
                    await self._live.store.delete(key)
                raise
            await self._live.thread(self.file.path.unlink, True)
        finally:
            await self.close()
        return Completed(self.conversation_id, counts.segments, counts.speakers, duration, self._errors, key)

    async def close(self) -> None:
        """Stop whatever is under way."""
        self._live.forget(self)
        for task in [*self._work, *self._in_stages, *([self._partial] if self._partial else [])]:
            task.cancel()
        await self._live.thread(self._close)

    async def _drain(self) -> None:
        """The end of the audio, and of all work on it."""
        if self._partial is not None:
            self._partial.cancel()
        try:
            await self._live.thread(self._end)
        except StreamError:
            logger.info("The stream of conversation %d ended damaged", self.conversation_id)
        self._cuts.put_nowait(None)
        await asyncio.gather(*self._work)

    # In a thread: one after the other, and never on the event loop.

    def _take(self, data: bytes) -> bool:
        with self._turn:
            if not self._ended:
                self._write(data)
            return self._endpointer.active

    def _write(self, data: bytes | None) -> None:
        limit = self._live.settings.max_duration_hours * 3600 * SAMPLE_RATE
        for samples in self._decoder.finish() if data is None else self._decoder.feed(data):
            if self.file.length + len(samples) > limit:
                raise StreamError(f"The recording is longer than {limit / SAMPLE_RATE / 3600:.3g} hours: start a new one.")
            self.file.append(samples)
            self._found(self._endpointer.feed(samples))

    def _listen(self, start: int, end: int) -> None:
        with self._turn:
            self._found(self._endpointer.feed(self.file.read(start, end)))

    def _end(self) -> None:
        with self._turn:
            self._ended = True
            try:
                self._write(None)
            finally:
                self._found(self._endpointer.finish())

    def _close(self) -> None:
        with self._turn:
            self._ended = True
            self._decoder.close()
            self.file.close()

    def _found(self, cuts: list[SpeechSpan]) -> None:
        for cut in cuts:
            self._loop.call_soon_threadsafe(self._cuts.put_nowait, cut)

    # Lines, in order

    async def _hear_lines(self) -> None:
        while (cut := await self._cuts.get()) is not None:
            self._pieces = 0
            if self._partial is not None and self._agreement[0] <= cut.start:  # all of the line is heard now
                self._partial.cancel()
            task = asyncio.create_task(self._hear(cut))
            self._in_stages.add(task)
            task.add_done_callback(self._in_stages.discard)
            await self._heard.put((cut, task))
            if self._language is None:  # the next line must not be heard in another language, or depend on how fast this one is
                await asyncio.wait([task])
        await self._heard.put(None)

    async def _hear(self, cut: SpeechSpan) -> ProcessedSegment:
        live_ = self._live
        samples = await live_.thread(self.file.read, cut.start, cut.end)
        audio = await live_.thread(live_.share, samples)
        policy = await self._rules()
        how = SegmentOptions(self._language, policy.voice.filter_hallucinations, policy.voice.speaker_threshold)
        async with asyncio.timeout(live_.settings.segment_handler_timeout_seconds):
            heard = await process_segment(audio, len(samples) / SAMPLE_RATE, live_.stages, how)
        if heard.language is not None:
            self._spoken[heard.language] += len(samples)
            if self._language is None and self._spoken[heard.language] >= SETTLED * SAMPLE_RATE:
                self._language = heard.language
        return heard

    async def _keep_lines(self) -> None:
        while (item := await self._heard.get()) is not None:
            cut, task = item
            try:
                heard = await task
                if not heard.segments:
                    continue
                heard = replace(heard, segments=tuple(_shifted(s, cut.start / SAMPLE_RATE) for s in heard.segments))
                kept = await self._keep(heard, await self._rules())
            except Exception as error:
                self._errors += 1
                logger.exception("A line of conversation %d failed", self.conversation_id)
                self.emit("error", {"message": f"Segment processing error: {failure_reason(error)}"})
                continue
            for line in kept:
                self._lines += 1
                self.emit("segment", _message(line))

    async def _rules(self) -> IdentityPolicy:
        return await self._live.database.persist(lambda _session: self._live.policy(), PATIENCE)

    async def _keep(self, heard: ProcessedSegment, policy: IdentityPolicy) -> Sequence[live_segments.Line]:
        what = (self.conversation_id, heard, policy, self.asked.num_speakers)
        return await self._live.database.persist(lambda session: live_segments.add_once(session, *what), PATIENCE)

    def _main_language(self) -> str | None:
        return max(sorted(self._spoken), key=self._spoken.__getitem__) if self._spoken else None

    # Partial results

    def _guess(self) -> None:
        """Transcribe what is being said, where that is wanted, worth it, and not being done already."""
        current = self._endpointer.current
        if not self.asked.partials or current is None or (self._partial is not None and not self._partial.done()):
            return
        if self._agreement[0] != current.start:
            self._agreement, self._guessed = (current.start, Agreement()), current.start
        if current.end - self._guessed >= EVERY * SAMPLE_RATE:
            self._guessed = current.end
            self._partial = self._live.spawn(self._tell_partial(current, self._agreement[1]))

    async def _tell_partial(self, cut: SpeechSpan, agreement: Agreement) -> None:
        samples = await self._live.thread(self.file.read, cut.start, cut.end)
        audio = await self._live.thread(self._live.share, samples)
        said = await self._live.stages.transcriber.transcribe(audio, Span(0.0, len(samples) / SAMPLE_RATE), self._language)
        current = self._endpointer.current
        if current is not None and current.start == cut.start:
            found = agreement.update([word.text for utterance in said for word in utterance.words])
            self.emit("partial", asdict(found) | {"start_offset": cut.start / SAMPLE_RATE, "end_offset": cut.end / SAMPLE_RATE})


def _shifted(segment: Segment, by: float) -> Segment:
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
    return replace(segment, start=segment.start + by, end=segment.end + by, words=words)


def _message(line: live_segments.Line) -> dict[str, Any]:
    data = asdict(line)
    data["segment_id"] = data.pop("id")
    return data | {"confidence": line.confidence or 0.0}  # clients know a number
