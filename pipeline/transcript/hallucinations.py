"""What Whisper is known to write where nobody says it."""

import re
import unicodedata
import zlib

FILLERS = frozenset({"ah", "um", "uh", "oh", "eh", "hmm", "mm"})
"""Noise of a mouth, when it is all there is."""

CAPTIONS = (
    "thank you",
    "thanks for watching",
    "please subscribe",
    "like and subscribe",
    "don't forget to subscribe",
    "see you next time",
    "thanks for listening",
)
"""Ends of videos, which Whisper learned to write into silence. People say them too: it takes a doubt to drop them."""

MIN_CHARACTERS = 3
MIN_DURATION = 0.4
"""Seconds below which nobody says one of `CAPTIONS`."""
MIN_LOGPROB = -0.6
"""Mean token log probability below which Whisper was guessing."""

MAX_COMPRESSION = 2.4
"""Ratio of text to its zlib compression from which Whisper's own decoder takes a text for a loop (Radford et al. 2022, 4.5)."""
MIN_LOOP = 100
"""Characters from which a loop can be told from a person who says "no, no, no, no"."""

# Scripts in which one character can be a word: kana, CJK ideographs (and their extensions), Hangul syllables.
_WORD_CHARACTERS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")


def _normalise(text: str) -> str:
    """Lower case, straight apostrophes, no other punctuation, one space between words."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return " ".join(re.findall(r"[\w']+", folded))


def is_loop(text: str) -> bool:
    """Whether a phrase comes again and again, as when the decoder has caught itself."""
    data = text.encode()
    return len(text) >= MIN_LOOP and len(data) / len(zlib.compress(data)) > MAX_COMPRESSION


def is_hallucination(text: str, duration: float, avg_logprob: float) -> bool:
    """Whether a line of the transcript was made up.

    `duration` is in seconds, `avg_logprob` Whisper's mean token log probability. Always dropped are a text without a letter or
    digit, one of fewer than `MIN_CHARACTERS` characters as it is written (so "No." stays, and so does a single ideograph), a
    lone filler, and a loop. One of `CAPTIONS` is dropped where the line is too short for it or the model was unsure.
    """
    text = text.strip()
    words = _normalise(text)
    if not any(character.isalnum() for character in words) or words in FILLERS or is_loop(text):
        return True
    if len(text) < MIN_CHARACTERS and not _WORD_CHARACTERS.search(text):
        return True
    doubtful = duration < MIN_DURATION or avg_logprob < MIN_LOGPROB
    return doubtful and any(f" {caption} " in f" {words} " for caption in CAPTIONS)
