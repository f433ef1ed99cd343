"""Titles of conversations without a language model: who speaks, what about, and when."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pipeline.summary.chapters import MIN_LINES
from pipeline.summary.lines import flat
from pipeline.summary.phrases import key_phrases

MAX_NAMES = 3
PHRASES = 2
MAX_CHARS = 120


def title(said: Sequence[tuple[str | None, str]], begun: datetime) -> str | None:
    """A title such as `Bill Baxley, W. Anderson: Sixteenth Street, statute of limitations (2026-03-01)`.

    Args:
        said: The known name of the speaker, and the text, of each line.
        begun: When the conversation began.

    Returns:
        None where too little was said to tell what it was about.
    """
    texts = [text for _, text in said]
    parts = [texts[start : start + MIN_LINES] for start in range(0, len(texts), MIN_LINES)]
    if len(texts) < MIN_LINES:
        return None
    (phrases,) = key_phrases([texts], PHRASES) if len(parts) < 3 else [_spread(parts)]
    if len(phrases) < PHRASES:
        return None
    speech = Counter[str]()
    for name, text in said:
        if name:
            speech[name] += len(text)
    names = ", ".join(flat(name) for name, _ in speech.most_common(MAX_NAMES))
    about = ", ".join(phrases)
    return f"{f'{names}: ' if names else ''}{about}"[:MAX_CHARS].rstrip() + f" ({begun:%Y-%m-%d})"


def _spread(parts: Sequence[Sequence[str]]) -> list[str]:
    """The phrases that are key phrases of the most parts."""
    found = key_phrases(parts, 2 * PHRASES)
    counted = Counter(phrase for one in found for phrase in one)
    best: list[str] = []
    used: set[str] = set()
    for phrase, _ in counted.most_common():
        words = set(phrase.casefold().split())
        if len(best) < PHRASES and used.isdisjoint(words):
            best.append(phrase)
            used |= words
    return best
