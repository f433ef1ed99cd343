"""Hot words: names and terms that the transcriber reads before every window.

They come from the request, from the settings and, where the settings say so, from the names of the known speakers. Whisper has
room for few of them: they are chosen in this order before a recording is processed.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.checkpoint import ChosenHotwords
from pipeline.decoding import Decoding, prompt_text
from pipeline.names import distinct
from pipeline.stages import Transcriber
from pipeline.types import Note

SEPARATORS = re.compile(r"[,;\n、，；]")
MAX_HOTWORD_CHARS = 100
"""A longer text without a separator is divided: none of it would be read where there is no room for all."""
MAX_QUOTED_WORDS = 50
"""In a note on words that were left out."""
MAX_HOTWORDS = 200
"""In the settings. Whisper has room for about 35 of one word."""

Hotword = Annotated[str, Field(max_length=MAX_HOTWORD_CHARS), AfterValidator(prompt_text)]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Hot words for all recordings, beside those of a request."""

    words: tuple[str, ...] = ()
    speaker_names: tuple[str, ...] = ()
    """They take the room that the others leave."""


NO_VOCABULARY = Vocabulary()


def hotwords_of(text: str) -> list[str]:
    """The hot words of a list with commas, semicolons or line breaks between them."""
    parts = (" ".join(part.split()) for part in SEPARATORS.split(text))
    return [word for part in parts for word in textwrap.wrap(part, MAX_HOTWORD_CHARS, break_on_hyphens=False)]


def text_of(words: Iterable[str]) -> str:
    """The list as `Decoding.hotwords` has it."""
    return ", ".join(words)


def as_hotword(name: str) -> str:
    """A speaker's name as one hot word."""
    return " ".join(SEPARATORS.sub(" ", name).split())


def merged(*lists: Iterable[str]) -> tuple[str, ...]:
    """The words of all lists in order. Of two spellings of one word the first counts."""
    return tuple(distinct(chain.from_iterable(lists)))


async def choose(transcriber: Transcriber[Any], decoding: Decoding, vocabulary: Vocabulary) -> ChosenHotwords:
    """Those that the transcriber reads. Names of speakers that it does not read are not among those left out."""
    words = merged(hotwords_of(decoding.hotwords), vocabulary.words)
    offered = merged(words, map(as_hotword, vocabulary.speaker_names))
    if not offered or not decoding.enabled:
        return ChosenHotwords()
    read = await transcriber.hotwords_read(replace(decoding, hotwords=text_of(offered)))
    return ChosenHotwords(
        used=tuple(read),
        left_out=tuple(word for word in words if word not in set(read)),
        speaker_names=tuple(word for word in read if word not in set(words)),
    )


def left_out_note(words: Sequence[str]) -> Note:
    more = len(words) - MAX_QUOTED_WORDS
    quoted = text_of(words[:MAX_QUOTED_WORDS]) + (f" and {more} more" if more > 0 else "")
    return Note("left_out", f"Hot words that the transcriber has no room for were not used: {quoted}.")
