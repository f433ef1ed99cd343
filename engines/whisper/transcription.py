"""Transcription with Whisper on CTranslate2, through faster-whisper."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens
from numpy.typing import NDArray

from engines import cuda
from engines.vad import find_speech
from engines.whisper.decoding import FallbackPipeline, as_encoded, encoded_array
from engines.whisper.language import LanguageDetector
from pipeline.decoding import PLAIN, Decoding
from pipeline.hotwords import hotwords_of, text_of
from pipeline.languages import LANGUAGES, most_spoken_first
from pipeline.transcript import gaps
from pipeline.transcript.hallucinations import MIN_FALLBACK_LOGPROB, is_loop
from pipeline.types import Samples, Span, Utterance, Word, cut

Features = NDArray[np.float32]
"""Log-mel spectrogram of 30 s, shape (bands, frames)."""

BEAM_SIZE = 5
"""Whisper's default, and the value of the reference system."""

MAX_PROMPT_TOKENS = 223
"""Half of Whisper's context; the other half is for the text of the window."""
MAX_HOTWORD_TOKENS = 111
"""Of them for hot words, about 35; the initial prompt has the rest. With twice as many that do not occur, the word error rate
of whisper-base was 1.8 points higher (docs/measurements.md)."""

SEED = 1
"""Of the sampling above temperature 0. A thread of CTranslate2 reads it when it first samples: a model that was just loaded
gives the same texts for the same calls in the same order."""

# faster-whisper shortens an over-long first word only where it follows a pause, which it detects from the last word of the
# previous window. A batch holds windows of unrelated recordings, so each window gets an offset far from the others. Then every
# window follows a pause, and its result does not depend on the other windows of the batch.
WINDOW_OFFSET_S = 1000.0

MIN_GAP_SPEECH_S = 2.0
"""Speech in a gap between words, with 0.4 s before and after it, from which the gap is transcribed."""

MAX_PASSES = 3
"""A gap that is left in what was transcribed for a gap is transcribed, too."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of a recording of at most 30 s, and its language where that is known."""

    audio: Samples
    """The whole recording; only `span` of it is read."""
    span: Span
    language: str | None
    """None: it is detected, and may change within the window."""
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
        ctranslate2.set_random_seed(SEED)
        self.model = WhisperModel(
            str(path),
            device=device,
            compute_type="float16" if device == "cuda" else "int8",
            # On a GPU only the alignment of words runs on the CPU; 16 threads took a third longer for it than one.
            cpu_threads=1 if device == "cuda" else threads,
            local_files_only=True,
        )
        self._pipeline = FallbackPipeline(self.model)
        self._detector = LanguageDetector(self.model)
        self._tokenizer = lru_cache(len(LANGUAGES))(self._make_tokenizer)

    def transcribe(self, windows: Sequence[Window]) -> list[list[Utterance]]:
        """The utterances of each window, in seconds of its recording; one forward pass for each language and decoding.

        A window in which the language changes is transcribed in parts. What has speech, but no words, is transcribed again.
        """
        if not self.model.model.is_multilingual and any(not _is_english(window) for window in windows):
            raise ValueError("the model knows English only: name another model, or no other language and no task")
        return self._transcribe(windows, MAX_PASSES)

    def detect_language(self, window: Window) -> str:
        """The language of most of the window: the time of the encoder, without that of the words."""
        if not self.model.model.is_multilingual:
            return "en"
        encoded = encoded_array(self.model.encode(self._features(window)[None]))[0]
        spans = self._detector.spans(window.audio, window.span, encoded, window.decoding.expected_language)
        return most_spoken_first((language, span.duration) for span, language in spans)[0]

    def hotwords_read(self, decoding: Decoding) -> list[str]:
        """Those of the hot words for which there is room, in order; a shorter one may follow one that is left out."""
        return _read(Tokenizer(self.model.hf_tokenizer, False), decoding)

    def _transcribe(self, windows: Sequence[Window], passes: int) -> list[list[Utterance]]:
        if not windows:
            return []
        encoded = self.model.encode(np.stack([self._features(window) for window in windows]))
        parts = [self._parts(window, encoded, i) for i, window in enumerate(windows)]
        utterances: list[list[Utterance]] = [[] for _ in windows]
        kinds = [(found[0].language, found[0].decoding) if len(found) == 1 else None for found in parts]
        for kind in dict.fromkeys(kinds):
            if kind is not None:
                members = [i for i, other in enumerate(kinds) if other == kind]
                own = encoded if len(members) == len(windows) else as_encoded(encoded_array(encoded)[members])
                for i, result in zip(members, self._forward([windows[i] for i in members], own, *kind), strict=True):
                    utterances[i] = result
        for i, window in enumerate(windows):
            if len(parts[i]) > 1:
                utterances[i] = [found for part in parts[i] for found in self._transcribe([part], passes)[0]]
            elif passes > 1:
                utterances[i] = self._without_gaps(window, utterances[i], passes - 1)
        return utterances

    def _features(self, window: Window) -> Features:
        features: Features = pad_or_trim(self.model.feature_extractor(cut(window.audio, window.span))[..., :-1])
        return features

    def _parts(self, window: Window, encoded: Any, index: int) -> list[Window]:
        """The window in parts of one language each; `encoded` is the encoder's output of the batch."""
        if window.language is not None:
            return [window]
        expected = window.decoding.expected_language
        spans = self._detector.spans(window.audio, window.span, encoded_array(encoded)[index], expected)
        decoding = replace(window.decoding, expected_language=None)
        return [replace(window, span=span, language=language, decoding=decoding) for span, language in spans]

    def _without_gaps(self, window: Window, utterances: Sequence[Utterance], passes: int) -> list[Utterance]:
        """The utterances, and those of speech that they leave out."""
        result = list(utterances)
        for gap in gaps.gaps(window.span, utterances):
            speech = find_speech(cut(window.audio, gap))
            if sum(span.duration for span in speech) < MIN_GAP_SPEECH_S:
                continue
            span = Span(gap.start + speech[0].start, gap.start + speech[-1].end)
            (found,) = self._transcribe([replace(window, span=span)], passes)
            result = gaps.fill(result, gap, [utterance for utterance in found if _is_certain(utterance)])
        return result

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
        self, windows: Sequence[Window], encoded: Any, language: str | None, decoding: Decoding
    ) -> list[list[Utterance]]:
        assert language is not None
        tokenizer, options = self._tokenizer(language, decoding)
        clocks = [WINDOW_OFFSET_S * (i + 1) for i in range(len(windows))]
        metadata = [{"offset": clock, "duration": window.span.duration} for clock, window in zip(clocks, windows, strict=True)]
        results = self._pipeline.decode(encoded, tokenizer, metadata, options)
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
        return Utterance(words, float(segment["avg_logprob"]), language, float(segment["no_speech_prob"]))


def _is_english(window: Window) -> bool:
    return window.language in (None, "en") and window.decoding.task == "transcribe"


def _is_certain(utterance: Utterance) -> bool:
    text = "".join(word.text for word in utterance.words)
    return utterance.avg_logprob >= MIN_FALLBACK_LOGPROB and not is_loop(text)


def _tokens(tokenizer: Tokenizer, text: str) -> list[int]:
    """Of a text that other text precedes."""
    found: list[int] = tokenizer.encode(f" {text}") if text else []
    return found


def _read(tokenizer: Tokenizer, decoding: Decoding) -> list[str]:
    def fit(words: list[str]) -> bool:
        return len(_tokens(tokenizer, text_of(words))) <= MAX_HOTWORD_TOKENS

    words = hotwords_of(decoding.hotwords)
    if fit(words):  # as in each window of a recording: its hot words were chosen before
        return words
    read: list[str] = []
    for word in words:
        if fit([*read, word]):
            read.append(word)
    return read


def _prompt(tokenizer: Tokenizer, decoding: Decoding) -> str | None:
    """The hot words, then the end of the initial prompt, cut to what Whisper reads."""
    hotwords = _tokens(tokenizer, text_of(_read(tokenizer, decoding)))
    text = _tokens(tokenizer, decoding.initial_prompt)
    prompt: str = tokenizer.decode([*hotwords, *text[len(hotwords) - MAX_PROMPT_TOKENS :]])
    return prompt or None
