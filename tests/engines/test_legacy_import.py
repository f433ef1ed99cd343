"""`vivavoce import-legacy` with the real speaker embedding, as the shell runs it."""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from pipeline.types import Vector
from storage.postgres.database import Database
from storage.tables import ParticipantRow, Speaker
from tests.storage.legacy_database import add_conversation, add_segment, add_speaker, legacy_database
from tests.support.command_line import vivavoce_here
from tests.support.program import DATA

READERS = DATA / "read_speech" / "librispeech_test-other"


async def voices(url: str) -> list[tuple[str, Vector]]:
    database = Database(url)
    try:
        async with database.session() as session:
            query = (
                select(Speaker.name, ParticipantRow.vector)
                .select_from(ParticipantRow)
                .join(Speaker, Speaker.id == ParticipantRow.speaker_id)
                .order_by(ParticipantRow.conversation_id)
            )
            return [(name, vector) for name, vector in await session.execute(query) if vector is not None]
    finally:
        await database.dispose()


@pytest.mark.skipif(not READERS.exists(), reason=f"the recordings of {READERS} are not there")
def test_voices_of_another_model_are_computed_from_the_recordings(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYANNOTE_METRICS_ENABLED", "0")  # set when the engines are imported, which the first command does
    audio = tmp_path / "data" / "recordings"
    audio.mkdir(parents=True)
    said = {1: ("Ann", "1688"), 2: ("Ben", "1998"), 3: ("Ann", "1688")}
    with legacy_database(tmp_path / "speakers.db", 1) as to:
        for number, name in enumerate(("Ann", "Ben", "Cleo"), 1):
            add_speaker(to, number, name)
        for id_, (name, reader) in said.items():
            source = sorted((READERS / reader).glob("*.flac"))[id_]
            shutil.copy(source, audio / f"conv_{id_}_full.wav")  # the name does not decide how it is read
            add_conversation(to, id_)
            add_segment(to, id_, id_, 0.2, 4.0, speaker_id=1 if name == "Ann" else 2, speaker_name=name)
    arguments = ("import-legacy", tmp_path / "speakers.db", "--audio", tmp_path / "data")
    env = {"DATABASE_URL": database_url, "AUDIO_URL": str(tmp_path / "store")}
    done = vivavoce_here(*arguments, **env)
    assert done.returncode == 0, done.stderr
    assert "3 conversation(s), 3 segment(s), 3 recording(s), 3 speaker(s)" in done.stdout
    assert done.stdout.endswith("Not recognised in new recordings until a sample of the voice is enrolled:\n  Cleo\n")
    (first, ann), (second, ben), (third, again) = asyncio.run(voices(database_url))
    assert (first, second, third) == ("Ann", "Ben", "Ann")
    assert ann @ again > 0.5 > ann @ ben

    done = vivavoce_here(*arguments, **env)
    assert "3 conversation(s) were here already" in done.stdout
