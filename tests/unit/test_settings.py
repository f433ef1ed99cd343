"""Settings that are not simply read from a variable."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from settings import Settings
from tests.support.command_line import vivavoce_here

FLOATS = [name for name, field in Settings.model_fields.items() if float in (field.annotation, *get_args(field.annotation))]


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://ada@db:5432/x?ssl=require", "postgresql+asyncpg://ada:old@db:5432/x?ssl=require"]
)
def test_the_password_of_the_database_may_be_in_a_file(url: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3/cr@t\n")
    settings = Settings(database_url=url, database_password_file=file)
    assert settings.database_url == "postgresql+asyncpg://ada:s3%2Fcr%40t@db:5432/x?ssl=require"
    assert Settings(**settings.chosen()) == settings


def test_a_password_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="cannot be read"):
        Settings(database_url="postgresql://ada@db/x", database_password_file=tmp_path / "none")
    (tmp_path / "password").write_text("secret")
    with pytest.raises(ValidationError, match="names no user"):
        Settings(database_url="postgresql://db/x", database_password_file=tmp_path / "password")


@pytest.mark.parametrize("url", ["sqlite:///data/speakers.db", "sqlite+aiosqlite:///speakers.db"])
def test_the_reference_systems_database_is_refused_with_the_way_to_migrate(url: str) -> None:
    with pytest.raises(ValidationError, match=r"embedded one; `vivavoce import-legacy` .*operations\.md, section Migration"):
        Settings(database_url=url)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:9"),
        ("192.0.2.7", "http://192.0.2.7:9"),
        ("::1", "http://[::1]:9"),
        ("2001:db8::7", "http://[2001:db8::7]:9"),
        ("0.0.0.0", "http://127.0.0.1:9"),
        ("::", "http://[::1]:9"),
        ("vivavoce.example", "http://vivavoce.example:9"),
    ],
)
def test_the_address_is_one_that_clients_reach(host: str, address: str) -> None:
    assert Settings(host=host, port=9).address == address


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
def test_no_number_is_infinite(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({name: value})


def test_an_endless_recording_is_refused_with_the_name_of_the_setting() -> None:
    assert len(FLOATS) > 8
    done = vivavoce_here("search", "x", MAX_DURATION_HOURS="inf")
    assert done.stderr == "vivavoce: the settings are wrong. MAX_DURATION_HOURS: Input should be a finite number\n"
