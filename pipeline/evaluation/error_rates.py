"""Error rates of a transcript: words, word speakers and diarization."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import jiwer
import numpy as np

from pipeline.transcript.tokens import tokens


def _align(reference: Sequence[str], hypothesis: Sequence[str]) -> jiwer.WordOutput:
    """Align words, as `tokens` returns them, by edit distance."""
    return jiwer.process_words(" ".join(reference), " ".join(hypothesis))


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Substituted, deleted and inserted words, and the number of words in the reference.

    Case and punctuation do not count.
    """
    expected = tokens(reference)
    found = _align(expected, tokens(hypothesis))
    return found.substitutions + found.deletions + found.insertions, len(expected)


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Wrong words as a fraction of the reference's words; above 1 where the hypothesis has many more words.

    Raises ValueError where the reference has no words.
    """
    errors, words = word_errors(reference, hypothesis)
    if not words:
        raise ValueError("The reference has no words: there is nothing to measure an error rate against.")
    return errors / words


@dataclass(frozen=True, slots=True)
class DiarizationErrors:
    """Seconds of the reference's speech, and seconds of each kind of error under the best mapping of speakers."""

    speech: float
    missed: float
    false_alarm: float
    confusion: float

    @property
    def rate(self) -> float:
        """The diarization error rate. Where the reference holds no speech: 1 if the hypothesis does, else 0."""
        wrong = self.missed + self.false_alarm + self.confusion
        return wrong / self.speech if self.speech else float(wrong > 0)

    def __add__(self, other: "DiarizationErrors") -> "DiarizationErrors":
        """The errors of two recordings together."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return DiarizationErrors(*(one + another for one, another in pairs))


def word_speaker_accuracy(reference: Sequence[tuple[str, str]], hypothesis: Sequence[tuple[str, str]]) -> float:
    """Fraction of the correctly transcribed words that have the right speaker; 0 where no word is correct.

    Both arguments are (word, speaker) in order of time. Words are aligned by edit distance (of several shortest alignments the
    one that jiwer returns), and only those that are the same on both sides count. Each speaker of the hypothesis stands for at
    most one of the reference, in the mapping that is best overall.
    """
    from scipy.optimize import linear_sum_assignment

    expected = [(token, speaker) for word, speaker in reference for token in tokens(word)]
    found = [(token, speaker) for word, speaker in hypothesis for token in tokens(word)]
    (chunks,) = _align([word for word, _ in expected], [word for word, _ in found]).alignments
    pairs: Counter[tuple[str, str]] = Counter()
    for chunk in chunks:
        if chunk.type == "equal":
            said = expected[chunk.ref_start_idx : chunk.ref_end_idx]
            heard = found[chunk.hyp_start_idx : chunk.hyp_end_idx]
            pairs.update((speaker, label) for (_, speaker), (_, label) in zip(said, heard, strict=True))
    if not pairs:
        return 0.0
    speakers, labels = sorted({speaker for speaker, _ in pairs}), sorted({label for _, label in pairs})
    counts = np.array([[pairs[speaker, label] for label in labels] for speaker in speakers])
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / counts.sum())
