"""Replace words in a text."""

import re
from dataclasses import dataclass

from pipeline.transcript.word_times import clean


@dataclass(frozen=True, slots=True)
class Replacement:
    """`find` is text as it is, no pattern."""

    find: str
    replace: str
    match_case: bool = False
    whole_words: bool = False
    """Not inside of other words."""

    def in_text(self, text: str) -> tuple[str, int]:
        """The text, as a segment holds it, with all places replaced, and their number."""
        pattern = re.escape(self.find)
        if self.whole_words:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        changed, count = re.subn(pattern, lambda _: self.replace, text, flags=0 if self.match_case else re.IGNORECASE)
        return clean(changed), count
