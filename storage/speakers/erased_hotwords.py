"""Remove a person's name from the hot words of the installation and of transcripts."""

from collections.abc import Collection

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.checkpoint import ChosenHotwords
from pipeline.hotwords import as_hotword
from pipeline.identity.erased_person import mentions
from pipeline.names import key
from storage.tables import Conversation, JobStageRow, VocabularyRow
from storage.tables.names import key_of


async def remove(session: AsyncSession, names: Collection[str]) -> None:
    """The caller holds `storage.speakers.speakers.lock`."""
    spoken = {as_hotword(name) for name in names}
    parts = [key(name) for name in spoken]
    for table in (Conversation, VocabularyRow):
        word = func.unnest(table.hotwords).column_valued("word")
        named = select(word).where(or_(*(func.strpos(key_of(word), part) > 0 for part in parts))).exists()
        for id_, words in (await session.execute(select(table.id, table.hotwords).where(named))).all():
            kept = [word for word in words if not mentions(word, spoken)]
            await session.execute(update(table).where(table.id == id_).values(hotwords=kept))
    # A running attempt has them in memory; what it stores is checked again (`services.identity.transcripts`).
    chosen = JobStageRow.stage == ChosenHotwords.stage
    content = or_(*(func.strpos(key_of(JobStageRow.result), part) > 0 for part in parts))
    await session.execute(delete(JobStageRow).where(chosen, content))
