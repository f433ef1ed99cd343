"""`vivavoce evaluate`, against a running application."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from settings import Settings
from storage.conversations import labels
from storage.postgres.database import Database
from storage.tables import SegmentRow
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.command_line import vivavoce_here
from tests.support.program import vivavoce


async def fill(database: Database) -> None:
    """Two labelled conversations of Ana; half of the segments of the first are labelled as Bo's."""
    async with database.session() as session:
        ana, bo = await add_speaker(session, "Ana", 1), await add_speaker(session, "Bo", 2)
        for who, truth in (([ana], ("Ana", "Bo")), ([ana, bo], ("Ana", "Bo"))):
            id_ = await add_talk(session, who, seed=1)
            ids = await session.scalars(
                select(SegmentRow.id).where(SegmentRow.conversation_id == id_).order_by(SegmentRow.position)
            )
            await labels.put(session, id_, {segment: truth[i % 2] for i, segment in enumerate(ids)})


@pytest.fixture(scope="module")
def address(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(Settings(speaker_threshold=0.5), database_url, tmp_path_factory.mktemp("audio"), MODEL, fill) as address:
        yield address


def test_it_prints_tables_and_writes_the_plot(address: str, tmp_path: Path) -> None:
    text, plot = tmp_path / "said.txt", tmp_path / "curve.svg"
    text.write_text("Line 0. Line 1. Line 2. Line three.")
    done = vivavoce("evaluate", "--url", address, "--text", f"1={text}", "--plot", plot)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["conversation", "lines", "right", "right,", "2", "s+", "right", "by", "time", "DER", "WER"]
    assert lines[1].split() == ["1", "A", "talk", "4", "50.0%", "-", "50.0%", "50.0%", "12.5%"]
    assert lines[2].split() == ["2", "A", "talk", "4", "100.0%", "-", "100.0%", "0.0%", "-"]
    assert lines[3].split() == ["all", "8", "75.0%", "-", "75.0%", "25.0%", "12.5%"]
    assert lines[5].split() == ["speaker_threshold", "right", "wrong", "name", "not", "recognised"]
    assert any(line.startswith("0.50") and "now" in line for line in lines)
    assert "8 labelled lines" in lines[-1]
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    assert {path.name for path in tmp_path.iterdir()} == {"said.txt", "curve.svg"}


def test_one_conversation_can_be_asked_for(address: str) -> None:
    done = vivavoce_here("evaluate", "--url", address, "--conversation", "2")
    assert done.stdout.splitlines()[2].startswith("all")
    assert "A talk" in done.stdout.splitlines()[1]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--url", "http://127.0.0.1:9"), 1, "nothing answers at http://127.0.0.1:9"),
        (("--url", "nonsense"), 1, "nothing answers at nonsense"),
        (("--text", "7"), 2, "--text"),
        (("--rttm", "7=/nowhere.rttm"), 2, "--rttm"),
        (("--collar", "3"), 2, "--collar"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: tuple[str, ...], status: int, says: str) -> None:
    done = vivavoce_here("evaluate", *arguments)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_application_refuses_is_said_in_its_words(address: str, tmp_path: Path) -> None:
    done = vivavoce_here("evaluate", "--url", address, "--conversation", "999")
    assert (done.returncode, done.stderr) == (1, "vivavoce: Conversation not found\n")
    done = vivavoce_here("evaluate", "--url", address, "--plot", tmp_path / "nowhere" / "curve.svg")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
