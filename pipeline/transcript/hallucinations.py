"""Detect text that Whisper is known to produce without speech."""

import math
import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from itertools import groupby

from pipeline.types import Segment

FILLERS = frozenset({"ah", "um", "uh", "oh", "eh", "hmm", "mm"})
"""Dropped if a segment has no other word."""

CAPTIONS = (
    "thank you",
    "thanks for watching",
    "please subscribe",
    "like and subscribe",
    "don't forget to subscribe",
    "see you next time",
    "thanks for listening",
)
"""Closing phrases of videos, which Whisper was trained to write into silence. People say them, too: they are dropped only if
the segment is doubtful."""

MIN_CHARACTERS = 3
MIN_CAPTION_S = 0.4
"""Too short for one of `CAPTIONS` to be spoken."""
MIN_LOGPROB = -0.6
"""Mean token log probability below which the transcription is doubtful."""

MIN_FALLBACK_LOGPROB = -1.0
"""Mean token log probability below which Whisper's own decoder decodes a window again (Radford et al. 2022, 4.5)."""
MAX_NO_SPEECH_PROB = 0.6
"""Of a window. Above it, an improbable text was not spoken (as before)."""

MAX_CHARACTERS_PER_S = 35.0
"""No speaker is faster: an auctioneer reaches 25. A decoder that loops fills a window with all the tokens that it may write."""

MAX_COMPRESSION = 2.4
"""Text length over compressed length, above which Whisper's own decoder assumes a loop (Radford et al. 2022, 4.5)."""
MIN_LOOP_CHARACTERS = 100
"""A shorter repetition may be spoken: "no, no, no, no"."""
MIN_REPEATS = 4
"""The same sentence so many times in a row is a repetition, too, and a text that is one phrase so many times."""

# Scripts in which one character can be a word: kana, CJK ideographs (and their extensions), Hangul syllables.
_WORD_CHARACTERS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")


def _normalise(text: str) -> str:
    """Lower case, straight apostrophes, no other punctuation, one space between words."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return " ".join(re.findall(r"[\w']+", folded))


def is_loop(text: str) -> bool:
    """Whether a phrase repeats many times, as in a decoder that loops."""
    if len(text) < MIN_LOOP_CHARACTERS:
        return False
    # Each character is a byte, whatever its script: the three bytes of a Devanagari letter in UTF-8 compress by themselves.
    codes = {character: code for code, character in enumerate(dict.fromkeys(text))}
    if len(codes) > 256:
        return False
    data = bytes(codes[character] for character in text)
    return len(data) / len(zlib.compress(data)) > MAX_COMPRESSION


def is_silence(avg_logprob: float, no_speech_prob: float) -> bool:
    """Whether a window has no speech, by the rule of Whisper's own decoder."""
    return avg_logprob < MIN_FALLBACK_LOGPROB and no_speech_prob > MAX_NO_SPEECH_PROB


def is_speakable(text: str, duration: float) -> bool:
    """Whether the text can be spoken in `duration` seconds."""
    return len(text.strip()) <= max(duration, MIN_CAPTION_S) * MAX_CHARACTERS_PER_S


def is_one_phrase(text: str) -> bool:
    """Whether the text is the same phrase `MIN_REPEATS` times or more; the last time it may be cut off."""
    letters = "".join(character for character in _normalise(text) if character != " ")
    longest = (len(letters) - 1) // (MIN_REPEATS - 1)
    return any(letters[:-period] == letters[period:] for period in range(1, longest + 1))


def repeated(texts: Sequence[str]) -> list[bool]:
    """For each sentence of a transcript whether it repeats.

    That is `is_loop` or `is_one_phrase`, or the same sentence `MIN_REPEATS` times in a row.
    """
    normal = [_normalise(text) for text in texts]
    flags: list[bool] = []
    for text, group in groupby(normal):
        count = len(list(group))
        flags += [bool(text) and count >= MIN_REPEATS] * count
    return [flag or is_loop(text) or is_one_phrase(text) for flag, text in zip(flags, texts, strict=True)]


def words_in(texts: Iterable[str]) -> frozenset[str]:
    """The single words of the texts, as `reason_to_leave_out` compares them."""
    return frozenset(word for text in texts for word in _normalise(text).split())


def reason_to_leave_out(
    segment: Segment, *, is_repeated: bool, nobody_speaks: bool = False, expected: frozenset[str] = frozenset()
) -> str | None:
    """Why a segment is not part of a transcript; None where it is.

    Left out are a text without a letter or digit, a text of fewer than `MIN_CHARACTERS` characters as written (so "No." stays,
    and so does a single ideograph), a lone filler, an improbable text where the model detects no speech, and a repetition that
    is improbable, too fast, or where the model detects no speech. One of `CAPTIONS` is left out if the segment is too short for
    it or the model was unsure. So are hot words alone, which it writes into noise, if it was unsure or there is no speech.

    Args:
        is_repeated: The segment is one of the `repeated`.
        nobody_speaks: The diarizer detects no speaker: then a doubtful text is improbable.
        expected: The single words of the hot words.
    """
    text, duration = segment.text, segment.end - segment.start
    words = _normalise(text)
    if not any(character.isalnum() for character in words):
        return "it has no words"
    if words in FILLERS:
        return "it is a filler"
    no_speech = segment.no_speech_prob > MAX_NO_SPEECH_PROB
    if no_speech and segment.avg_logprob < (MIN_LOGPROB if nobody_speaks else MIN_FALLBACK_LOGPROB):
        return "there seems to be no speech, and the transcriber was unsure"
    if is_repeated and (no_speech or _logprob(segment) < MIN_FALLBACK_LOGPROB or not is_speakable(text, duration)):
        return "the transcriber repeats itself there"
    if len(text) < MIN_CHARACTERS and not _WORD_CHARACTERS.search(text):
        return "it is too short for a word"
    if expected.issuperset(words.split()):
        if no_speech or nobody_speaks:
            return "it is hot words alone, and there seems to be no speech"
        if segment.avg_logprob < MIN_LOGPROB:
            return "it is hot words alone, and the transcriber was unsure"
    doubtful = duration < MIN_CAPTION_S or segment.avg_logprob < MIN_LOGPROB
    if doubtful and any(f" {caption} " in f" {words} " for caption in CAPTIONS):
        return "the transcriber often writes it where nothing is said"
    return None


def _logprob(segment: Segment) -> float:
    """Mean log probability of the segment's own words; `avg_logprob` is that of its window."""
    return sum(math.log(max(word.probability, 1e-9)) for word in segment.words) / len(segment.words)
