"""Detect text that Whisper is known to produce without speech."""

import re
import unicodedata
import zlib

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

MAX_COMPRESSION = 2.4
"""Text length over compressed length, above which Whisper's own decoder assumes a loop (Radford et al. 2022, 4.5)."""
MIN_LOOP_CHARACTERS = 100
"""A shorter repetition may be spoken: "no, no, no, no"."""

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


def reason_to_leave_out(text: str, duration: float, avg_logprob: float) -> str | None:
    """Why the text of a segment is not part of a transcript; None where it is.

    `duration` is in seconds, `avg_logprob` Whisper's mean token log probability. Left out are a text without a letter or digit,
    a text of fewer than `MIN_CHARACTERS` characters as written (so "No." stays, and so does a single ideograph), a lone filler
    and a loop. One of `CAPTIONS` is left out if the segment is too short for it or the model was unsure.
    """
    text = text.strip()
    words = _normalise(text)
    if not any(character.isalnum() for character in words):
        return "it has no words"
    if words in FILLERS:
        return "it is a filler"
    if is_loop(text):
        return "the transcriber repeats itself there"
    if len(text) < MIN_CHARACTERS and not _WORD_CHARACTERS.search(text):
        return "it is too short for a word"
    doubtful = duration < MIN_CAPTION_S or avg_logprob < MIN_LOGPROB
    if doubtful and any(f" {caption} " in f" {words} " for caption in CAPTIONS):
        return "the transcriber often writes it where nothing is said"
    return None
