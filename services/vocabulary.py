"""The hot words of the installation: which there are, and which of them the transcriber reads."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.checkpoint import ChosenHotwords
from pipeline.decoding import PLAIN, Decoding
from pipeline.hotwords import Vocabulary, as_hotword, choose, merged, text_of
from pipeline.stages import Transcriber
from services.access import audit
from services.errors import ModelsUnavailableError
from services.policy import STATUS_TIMEOUT_S
from storage import vocabulary
from storage.postgres.database import Database
from storage.vocabulary import StoredVocabulary


class VocabularyTooLongError(ValueError):
    """The transcriber has no room for all hot words; the message names those that must go."""


@dataclass(frozen=True, slots=True)
class CurrentVocabulary:
    hotwords: Sequence[str]
    include_speaker_names: bool
    speaker_names: Sequence[str] | None
    """Those that are read beside the hot words; None while the transcriber does not answer."""
    left_out: Sequence[str] | None
    """Hot words and names that the default model has no room for; None as above."""


class Vocabularies:
    def __init__(self, database: Database, transcriber: Transcriber[Any]) -> None:
        self._database = database
        self._transcriber = transcriber

    async def read(self) -> Vocabulary:
        async with self._database.session() as session:
            return await vocabulary.read(session)

    async def chosen(self, decoding: Decoding) -> ChosenHotwords:
        """The hot words of a live recording with this decoding. Raises ModelsUnavailableError."""
        return await self._choose(decoding, await self.read())

    async def current(self) -> CurrentVocabulary:
        """What is stored, and which of it the transcriber reads, if it answers."""
        async with self._database.session() as session:
            stored = await vocabulary.stored(session)
            offered = await vocabulary.read(session, stored)
        try:
            chosen = await self._choose(PLAIN, offered)
        except ModelsUnavailableError:
            return CurrentVocabulary(stored.hotwords, stored.include_speaker_names, None, None)
        return self._described(stored, offered, chosen)

    async def change(self, new: StoredVocabulary) -> CurrentVocabulary:
        """Replace the vocabulary, for what is transcribed from now on.

        Words without room are refused here, as each recording would have a note on them; names of speakers only fill what room
        is left. Raises VocabularyTooLongError, ModelsUnavailableError.
        """
        async with self._database.session() as session:
            offered = await vocabulary.read(session, new)
        chosen = await self._choose(PLAIN, offered)
        if chosen.left_out:
            given, more = len(new.hotwords), len(chosen.left_out)
            raise VocabularyTooLongError(
                f"The transcriber has room for {given - more} of the {given} hot words: leave out {more} of them, such as "
                f"{text_of(chosen.left_out[:3])}."
            )
        async with self._database.session() as session:
            await vocabulary.replace(session, new)
            await audit.record(session, "vocabulary.change")
        return self._described(new, offered, chosen)

    async def _choose(self, decoding: Decoding, offered: Vocabulary) -> ChosenHotwords:
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                return await choose(self._transcriber, decoding, offered)
        except Exception as error:
            raise ModelsUnavailableError from error

    def _described(self, stored: StoredVocabulary, offered: Vocabulary, chosen: ChosenHotwords) -> CurrentVocabulary:
        used = set(chosen.used)
        names = merged(offered.words, map(as_hotword, offered.speaker_names))[len(offered.words) :]
        return CurrentVocabulary(
            hotwords=stored.hotwords,
            include_speaker_names=stored.include_speaker_names,
            speaker_names=[name for name in names if name in used],
            left_out=[*chosen.left_out, *(name for name in names if name not in used)],
        )
