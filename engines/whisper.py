"""Transcription with Whisper on CTranslate2, through faster-whisper."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens
from numpy.typing import NDArray

from engines import cuda
from pipeline.decoding import PLAIN, Decoding
from pipeline.languages import LANGUAGES
from pipeline.types import Samples, Span, Utterance, Word, cut

Features = NDArray[np.float32]
"""Log-mel spectrogram of 30 s, shape (bands, frames)."""

BEAM_SIZE = 5
"""Whisper's default, and the value of the reference system."""

MAX_PROMPT_TOKENS = 223
"""Half of Whisper's context; the other half is for the text of the window."""

# faster-whisper shortens an over-long first word only where it follows a pause, which it detects from the last word of the
# previous window. A batch holds windows of unrelated recordings, so each window gets an offset far from the others. Then every
# window follows a pause, and its result does not depend on the other windows of the batch.
WINDOW_OFFSET_S = 1000.0


@dataclass(frozen=True, slots=True)
class Window:
    """A span of a recording of at most 30 s, and its language where that is known."""

    audio: Samples
    """The whole recording; only `span` of it is read."""
    span: Span
    language: str | None
    decoding: Decoding = PLAIN


class Whisper:
    """A loaded Whisper model.

    Args:
        path: Directory of a CTranslate2 conversion.
        device: `cpu` or `cuda`. Weights are 8-bit integers on the first and 16-bit floats on the second.
        threads: Threads of one forward pass on a CPU.
    """

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 1) -> None:
        if device == "cuda":
            cuda.load_libraries()
        self.model = WhisperModel(
            str(path),
            device=device,
            compute_type="float16" if device == "cuda" else "int8",
            # On a GPU only the alignment of words runs on the CPU; 16 threads took a third longer for it than one.
            cpu_threads=1 if device == "cuda" else threads,
            local_files_only=True,
        )
        self._pipeline = BatchedInferencePipeline(self.model)
        self._tokenizer = lru_cache(len(LANGUAGES))(self._make_tokenizer)

    def transcribe(self, windows: Sequence[Window]) -> list[list[Utterance]]:
        """The utterances of each window, in seconds of its recording; one forward pass for each language and decoding."""
        features = [self._features(window) for window in windows]
        languages = [window.language or self._detect(feature) for window, feature in zip(windows, features, strict=True)]
        utterances: list[list[Utterance]] = [[] for _ in windows]
        kinds = [(language, window.decoding) for language, window in zip(languages, windows, strict=True)]
        for kind in dict.fromkeys(kinds):
            members = [i for i, other in enumerate(kinds) if other == kind]
            results = self._forward([windows[i] for i in members], np.stack([features[i] for i in members]), *kind)
            for i, result in zip(members, results, strict=True):
                utterances[i] = result
        return utterances

    def _features(self, window: Window) -> Features:
        features: Features = pad_or_trim(self.model.feature_extractor(cut(window.audio, window.span))[..., :-1])
        return features

    def _detect(self, features: Features) -> str:
        if not self.model.model.is_multilingual:
            return "en"
        token, _probability = self.model.model.detect_language(self.model.encode(features))[0][0]
        return str(token)[2:-2]

    def _make_tokenizer(self, language: str, decoding: Decoding) -> tuple[Tokenizer, TranscriptionOptions]:
        tokenizer = Tokenizer(self.model.hf_tokenizer, self.model.model.is_multilingual, task=decoding.task, language=language)
        return tokenizer, TranscriptionOptions(
            beam_size=BEAM_SIZE,
            best_of=1,
            patience=1.0,
            length_penalty=1.0,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            log_prob_threshold=None,
            no_speech_threshold=None,
            compression_ratio_threshold=None,
            condition_on_previous_text=False,
            prompt_reset_on_temperature=0.5,
            temperatures=[0.0],
            initial_prompt=_prompt(tokenizer, decoding),
            prefix=None,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            # With timestamp tokens the base model ends some windows after their first sentence. Word times come from attention.
            without_timestamps=True,
            max_initial_timestamp=1.0,
            word_timestamps=True,
            prepend_punctuations="\"'“¿([{-",
            append_punctuations="\"'.。,，!！?？:：”)]}、",
            multilingual=False,
            max_new_tokens=None,
            clip_timestamps=[],
            hallucination_silence_threshold=None,
            hotwords=None,
        )

    def _forward(
        self, windows: Sequence[Window], features: Features, language: str, decoding: Decoding
    ) -> list[list[Utterance]]:
        tokenizer, options = self._tokenizer(language, decoding)
        clocks = [WINDOW_OFFSET_S * (i + 1) for i in range(len(windows))]
        metadata = [{"offset": clock, "duration": window.span.duration} for clock, window in zip(clocks, windows, strict=True)]
        self._pipeline.last_speech_timestamp = 0.0
        results = self._pipeline.forward(features, tokenizer, metadata, options)
        return [
            [
                utterance
                for segment in result
                if (utterance := self._utterance(segment, window.span, window.span.start - clock, language)).words
            ]
            for result, window, clock in zip(results, windows, clocks, strict=True)
        ]

    def _utterance(self, segment: dict[str, Any], span: Span, shift: float, language: str) -> Utterance:
        def within(time: float) -> float:
            """Rounded: the last bits depend on the window's place in its batch."""
            return min(max(round(time + shift, 3), span.start), span.end)

        words = tuple(
            Word(word["word"], within(word["start"]), within(word["end"]), float(word["probability"]))
            for word in segment["words"]
        )
        return Utterance(words=words, avg_logprob=float(segment["avg_logprob"]), language=language)


def _prompt(tokenizer: Tokenizer, decoding: Decoding) -> str | None:
    """The hotwords, then the end of the initial prompt, cut to what Whisper reads."""
    hotwords = tokenizer.encode(f" {decoding.hotwords}")[: MAX_PROMPT_TOKENS // 2] if decoding.hotwords else []
    text = tokenizer.encode(f" {decoding.initial_prompt}") if decoding.initial_prompt else []
    prompt: str = tokenizer.decode([*hotwords, *text[len(hotwords) - MAX_PROMPT_TOKENS :]])
    return prompt or None
