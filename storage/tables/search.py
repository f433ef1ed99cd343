"""The text of segments as full-text search reads it."""

from pipeline.names import INVISIBLE
from pipeline.transcript.tokens import IDEOGRAPHS

VISIBLE_TEXT = f"regexp_replace(normalize(text, NFC), '[{INVISIBLE}]', '', 'g')"
"""SQL: the text of a segment in NFC without invisible characters, so that each of its spellings is found."""
SPACED_TEXT = rf"regexp_replace({VISIBLE_TEXT}, '([{IDEOGRAPHS}])', ' \1 ', 'g')"
"""SQL: the text of a segment with each of these characters as a word of its own, so that parts of a sentence are found."""
LEXEMES = f"to_tsvector('simple'::regconfig, {SPACED_TEXT})"
"""SQL: the words of the text. `storage.search.search` says why they are not reduced to stems."""
