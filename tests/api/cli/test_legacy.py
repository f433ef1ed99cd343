"""What `vivavoce import-legacy` cannot import, it says in a sentence."""

from pathlib import Path

from tests.storage.legacy_database import legacy_database
from tests.support.command_line import vivavoce_here


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    letter = tmp_path / "letter.db"
    letter.write_text("Dear all,")
    done = vivavoce_here("import-legacy", letter)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"vivavoce: {letter} is no SQLite file")
    assert "Traceback" not in done.stderr


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with legacy_database(tmp_path / "speakers.db"):
        pass
    assert vivavoce_here("import-legacy", tmp_path / "speakers.db", "--audio", tmp_path / "none").returncode == 2


def test_an_address_of_the_reference_system_names_the_command() -> None:
    done = vivavoce_here("models", "list", DATABASE_URL="sqlite:////app/volumes/speakers.db")
    assert "vivavoce import-legacy" in done.stderr
