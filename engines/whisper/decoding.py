"""Decode batches of windows, and decode again what failed.

faster-whisper repeats failed decoding at higher temperatures only without batches (`WhisperModel.generate_with_fallback`),
and its compression ratio counts the bytes of UTF-8, by which prose in Hindi or Georgian is a loop. Thresholds and temperatures
are those of Whisper (Radford et al. 2022, 4.5) and of faster-whisper.
"""

from dataclasses import dataclass, replace
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import BatchedInferencePipeline
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import TranscriptionOptions
from numpy.typing import NDArray

from pipeline.transcript.hallucinations import MIN_FALLBACK_LOGPROB, is_loop, is_silence, is_speakable

FALLBACK_TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
FALLBACK_CANDIDATES = 5
"""Samples at a temperature above 0, of which the most probable counts."""

MIN_PROMPTED_LOGPROB = -0.7
"""Below it the hot words may have displaced other words: a window of whisper-base had words of its prompt in place of twelve
seconds of other speech, with -0.97, where its neighbours had -0.3."""

FRAMES_PER_SECOND = 50
"""Of the encoder's output."""


def encoded_array(encoded: ctranslate2.StorageView) -> NDArray[np.floating[Any]]:
    """The encoder's output in memory of the CPU, shape (windows, frames, dimension)."""
    return np.asarray(encoded.to_device(ctranslate2.Device.cpu) if encoded.device == "cuda" else encoded)


def as_encoded(array: NDArray[np.floating[Any]]) -> ctranslate2.StorageView:
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(array))


@dataclass(frozen=True, slots=True)
class Decoded:
    """The tokens of a window, before their words have times."""

    tokens: list[int]
    text: str
    avg_logprob: float
    no_speech_prob: float
    seconds: float
    """Length of the window."""

    @property
    def succeeded(self) -> bool:
        if is_silence(self.avg_logprob, self.no_speech_prob):
            return True
        return not is_loop(self.text) and self.avg_logprob >= MIN_FALLBACK_LOGPROB


def best(first: Decoded, others: list[Decoded]) -> Decoded:
    """The most probable of all attempts, where none has succeeded, or where they repeat a text that may have been spoken."""
    attempts = [first, *others]
    if not (is_loop(first.text) and is_speakable(first.text, first.seconds)):
        attempts = [attempt for attempt in attempts if not is_loop(attempt.text)] or attempts
    return max(attempts, key=lambda attempt: attempt.avg_logprob)


def _is_suspect(window: Decoded, options: TranscriptionOptions) -> bool:
    """Whether it is decoded without its prompt, too."""
    return options.initial_prompt is not None and window.avg_logprob < MIN_PROMPTED_LOGPROB


class FallbackPipeline(BatchedInferencePipeline):  # type: ignore[misc]
    """Takes the encoder's output in place of the features, which is also needed to detect languages."""

    def decode(
        self,
        encoded: ctranslate2.StorageView,
        tokenizer: Tokenizer,
        metadata: list[dict[str, float]],
        options: TranscriptionOptions,
    ) -> list[list[dict[str, Any]]]:
        """The segments of each window with their words, as `forward` returns them."""
        self._seconds = [float(chunk["duration"]) for chunk in metadata]
        self.last_speech_timestamp = 0.0
        found: list[list[dict[str, Any]]] = self.forward(encoded, tokenizer, metadata, options)
        return found

    def generate_segment_batched(
        self, features: ctranslate2.StorageView, tokenizer: Tokenizer, options: TranscriptionOptions
    ) -> tuple[ctranslate2.StorageView, list[dict[str, Any]]]:
        windows = self._generate(features, tokenizer, options, self._seconds, 0.0)
        for i, window in enumerate(windows):
            if not window.succeeded or _is_suspect(window, options):
                encoded = as_encoded(encoded_array(features)[i : i + 1])
                windows[i] = self._better(encoded, tokenizer, options, window)
        return features, [
            {"tokens": each.tokens, "avg_logprob": each.avg_logprob, "no_speech_prob": each.no_speech_prob} for each in windows
        ]

    def _better(
        self, encoded: ctranslate2.StorageView, tokenizer: Tokenizer, options: TranscriptionOptions, first: Decoded
    ) -> Decoded:
        if _is_suspect(first, options):
            first = best(first, self._generate(encoded, tokenizer, replace(options, initial_prompt=None), [first.seconds], 0.0))
        return first if first.succeeded else self._again(encoded, tokenizer, options, first)

    def _again(
        self, encoded: ctranslate2.StorageView, tokenizer: Tokenizer, options: TranscriptionOptions, first: Decoded
    ) -> Decoded:
        said_often = is_loop(first.text) and is_speakable(first.text, first.seconds)
        others: list[Decoded] = []
        for temperature in FALLBACK_TEMPERATURES:
            others += self._generate(encoded, tokenizer, options, [first.seconds], temperature)
            # A repetition that may have been spoken is replaced only by a text that is as probable.
            if others[-1].succeeded and not (said_often and others[-1].avg_logprob < first.avg_logprob):
                return others[-1]
        return best(first, others)

    def _generate(
        self,
        encoded: ctranslate2.StorageView,
        tokenizer: Tokenizer,
        options: TranscriptionOptions,
        seconds: list[float],
        temperature: float,
    ) -> list[Decoded]:
        previous = tokenizer.encode(options.initial_prompt) if options.initial_prompt is not None else []
        prompt = self.model.get_prompt(tokenizer, previous, without_timestamps=options.without_timestamps)
        how: dict[str, Any] = {"beam_size": options.beam_size, "patience": options.patience}
        if temperature > 0:
            how = {
                "beam_size": 1,
                "num_hypotheses": FALLBACK_CANDIDATES,
                "sampling_topk": 0,
                "sampling_temperature": temperature,
            }
        results = self.model.model.generate(
            encoded,
            [prompt] * len(seconds),
            length_penalty=options.length_penalty,
            repetition_penalty=options.repetition_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
            max_length=self.model.max_length,
            suppress_blank=options.suppress_blank,
            suppress_tokens=options.suppress_tokens,
            return_scores=True,
            return_no_speech_prob=True,
            **how,
        )
        return [
            Decoded(
                tokens=(tokens := result.sequences_ids[0]),
                text=tokenizer.decode(tokens).strip(),
                avg_logprob=result.scores[0] * len(tokens) ** options.length_penalty / (len(tokens) + 1),
                no_speech_prob=result.no_speech_prob,
                seconds=length,
            )
            for result, length in zip(results, seconds, strict=True)
        ]
