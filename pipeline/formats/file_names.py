"""Names of files that are safe on every system."""

import re
import unicodedata

from pipeline.names import spelling

MAX_BYTES = 120
"""Of a title in a file's name, in UTF-8: file systems allow 255 for the whole name."""

_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
"""What Windows refuses, which includes the separators of all systems, and what would reorder the name or cannot be encoded."""


def file_name(title: str | None, number: int, suffix: str) -> str:
    """`Planning (7).srt` for the conversation 7. Two numbers make two names, also where letter case does not count."""
    words = spelling(_REFUSED.sub(" ", title or "")).lstrip("-.~ ")
    shortened = unicodedata.normalize("NFC", words).encode()[:MAX_BYTES].decode(errors="ignore").rstrip(". ")
    return f"{shortened or 'Conversation'} ({number}).{suffix}"
