"""Error rates of a transcript: words, word speakers and diarization."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import accumulate, pairwise

import jiwer
import numpy as np

from pipeline.transcript.tokens import tokens

_MARKS = {"。": ".", "、": ",", "？": "?", "！": "!", "…": "."}


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


def aligned(utterances: Sequence[str], hypothesis: str) -> list[tuple[str, str]]:
    """The words of each utterance of the reference, with what one hypothesis of all has in their place.

    The edit distances of the utterances sum to that of the whole. Words that the hypothesis has between two utterances belong
    to the first one.
    """
    expected, found = [words for words in map(tokens, utterances) if words], tokens(hypothesis)
    (chunks,) = _align([word for words in expected for word in words], found).alignments
    starts = [
        chunk.hyp_start_idx + (0 if chunk.type == "delete" else place)
        for chunk in chunks
        for place in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]  # in the hypothesis, of each word of the reference
    ends = accumulate(map(len, expected))
    cuts = [0, *(starts[end] if end < len(starts) else len(found) for end in ends)]
    return [(" ".join(words), " ".join(found[a:b])) for words, (a, b) in zip(expected, pairwise(cuts), strict=True)]


def character_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Wrong characters, and the characters of the reference: of words as `tokens` returns them, without spaces."""
    expected, found = "".join(tokens(reference)), "".join(tokens(hypothesis))
    if not expected:
        return len(found), 0
    aligned = jiwer.process_characters(expected, found)
    return aligned.substitutions + aligned.deletions + aligned.insertions, len(expected)


def speaker_word_errors(reference: Mapping[str, str], hypothesis: Mapping[str, str]) -> tuple[int, int]:
    """Wrong words, and the words of the reference, for the concatenated minimum-permutation word error rate (cpWER).

    Both arguments have all words of each speaker in order of time. Each speaker of the hypothesis stands for at most one of the
    reference, in the mapping with the fewest errors; all words of the others are wrong (Watanabe et al., CHiME-6, 2020).
    """
    from scipy.optimize import linear_sum_assignment

    size = max(len(reference), len(hypothesis))
    expected = [*reference.values(), *[""] * (size - len(reference))]
    found = [*hypothesis.values(), *[""] * (size - len(hypothesis))]
    errors = np.array([[word_errors(one, other)[0] for other in found] for one in expected])
    return int(errors[linear_sum_assignment(errors)].sum()), sum(len(tokens(text)) for text in expected)


def written_errors(reference: str, hypothesis: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """(wrong, all) for the case of words, and for the punctuation after words; only words that are right are compared.

    All punctuation is what either text has: a mark that is missing, one too many, and another mark are one error each.
    """
    expected, found = (_written(text) for text in (reference, hypothesis))
    (chunks,) = _align([word for word, _, _ in expected], [word for word, _, _ in found]).alignments
    pairs = [
        pair
        for chunk in chunks
        if chunk.type == "equal"
        for pair in zip(
            expected[chunk.ref_start_idx : chunk.ref_end_idx], found[chunk.hyp_start_idx : chunk.hyp_end_idx], strict=True
        )
    ]
    case = sum(one[1] != other[1] for one, other in pairs)
    marks = [(one[2], other[2]) for one, other in pairs if one[2] or other[2]]
    return (case, len(pairs)), (sum(one != other for one, other in marks), len(marks))


def _written(text: str) -> list[tuple[str, str, str]]:
    """Each word as it is compared, as it is written, and the mark after it; full stops of every script are one."""
    found = []
    for part in text.split():
        words = tokens(part)
        if words:
            mark = "" if part[-1].isalnum() else _MARKS.get(part[-1], part[-1])
            found.append(("".join(words), "".join(char for char in part if char.isalnum()), mark))
    return found
