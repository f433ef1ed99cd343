"""Process a recording with separate channels: each is transcribed and diarized on its own.

The channels are processed one after the other, so that one of them is in memory at a time; the windows and shards of each are
processed in parallel.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Protocol, TypeVar

from pipeline.checkpoint import ChosenHotwords, Keep, once
from pipeline.faults import Fault, map_surviving, succeeded
from pipeline.hotwords import choose, left_out_note, text_of
from pipeline.process import Options, process
from pipeline.stages import Audio, Progress, Stages
from pipeline.transcript.channels import ChannelTranscript, channel_hint, merged, of_channel
from pipeline.transcript.notes import in_order, untranscribed
from pipeline.types import Span, Transcript

Samples = TypeVar("Samples", covariant=True)


class Channel(Protocol[Samples]):
    """One channel in memory."""

    @property
    def samples(self) -> Samples:
        """As the stages take it."""

    @property
    def duration(self) -> float:
        """Seconds."""


Load = Callable[[], Awaitable[Channel[Audio]]]
"""Loads one channel."""


async def process_channels(
    channels: Sequence[Load[Audio]],
    stages: Stages[Audio],
    options: Options,
    progress: Progress,
    found: Mapping[str, str] = MappingProxyType({}),
    keep: Keep | None = None,
) -> Transcript:
    """Process all channels and combine their transcripts. The arguments are those of `pipeline.process.process`.

    With `channels="auto"`, a recording in which one channel alone has speech is processed as one of a single channel: more than
    one person may speak in it. Hot words are chosen here, for all channels: those of the request, then those of the vocabulary.
    """
    choice = partial(choose, stages.transcriber, options.decoding, options.vocabulary)
    chosen = await once(ChosenHotwords, found, keep, choice)
    options = replace(options, decoding=replace(options.decoding, hotwords=text_of(chosen.used)))
    transcript = await _process_channels(channels, stages, options, progress, found, keep)
    notes = (left_out_note(chosen.left_out),) if chosen.left_out else ()
    notes = (*notes, *transcript.notes)
    return replace(transcript, notes=notes, hotwords=chosen.used, hotword_names=chosen.speaker_names)


async def _process_channels(
    channels: Sequence[Load[Audio]],
    stages: Stages[Audio],
    options: Options,
    progress: Progress,
    found: Mapping[str, str],
    keep: Keep | None,
) -> Transcript:
    if len(channels) == 1:
        channel = await channels[0]()
        return await process(channel.samples, channel.duration, stages, options, progress, found, keep)

    async def find(load: Load[Audio]) -> Sequence[Span]:
        return await stages.transcriber.find_speech((await load()).samples)

    searched = await map_surviving(find, channels, limit=1)
    faults = {i: spans for i, spans in enumerate(searched) if isinstance(spans, Fault)}
    speech = [spans if succeeded(spans) else () for spans in searched]
    speaking = [i for i, spans in enumerate(speech) if spans] or [0]
    if len(speaking) == 1 and options.channels == "auto":
        only = speaking[0]
        channel = await channels[only]()
        found_there = await process(channel.samples, channel.duration, stages, options, progress, found, keep, speech[only])
        segments = tuple(replace(segment, channel=only + 1) for segment in found_there.segments)
        return _noted(replace(found_there, segments=segments), faults)
    chosen = replace(options, hint=channel_hint(options.hint, len(speaking)))

    async def process_one(i: int) -> ChannelTranscript:
        number, channel = i + 1, await channels[i]()
        transcript = await process(
            channel.samples,
            channel.duration,
            stages,
            chosen,
            _share(progress, speaking.index(i), len(speaking)),
            {stage: result for name, result in found.items() if (stage := name.removesuffix(_suffix(number))) != name},
            None if keep is None else _keep_of(keep, number),
            speech[i],
        )
        return ChannelTranscript(number, transcript)

    processed = await map_surviving(process_one, speaking, limit=1)
    faults |= {i: part for i, part in zip(speaking, processed, strict=True) if isinstance(part, Fault)}
    return _noted(merged([part for part in processed if succeeded(part)], options.hint), faults)


def _noted(transcript: Transcript, faults: Mapping[int, Fault]) -> Transcript:
    """The transcript with a note on each channel that a stage failed on."""
    whole = Span(0.0, transcript.duration)
    notes = [of_channel(untranscribed(whole, fault), i + 1) for i, fault in faults.items()]
    return replace(transcript, notes=tuple(in_order([*transcript.notes, *notes])))


def _share(progress: Progress, done: int, channels: int) -> Progress:
    async def report(stage: str, fraction: float) -> None:
        await progress(stage, (done + fraction) / channels)

    return report


def _keep_of(keep: Keep, channel: int) -> Keep:
    async def keep_stage(stage: str, result: str) -> None:
        await keep(stage + _suffix(channel), result)

    return keep_stage


def _suffix(channel: int) -> str:
    """Of the names of stages under which their results are stored."""
    return f" channel {channel}"
