"""Secrets and personal data that texts of errors hold do not reach logs and stored reasons."""

import io
import logging
from collections.abc import Iterator

import httpx
import pytest

from deployments.logs import redact_logs
from services.errors import failure_reason
from services.redaction import redact
from services.webhooks import reason


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("postgresql+asyncpg://ada:s3cret@db:5432/x", "postgresql+asyncpg://…@db:5432/x"),
        ("see https://user:pass@index.example/simple/", "see https://…@index.example/simple/"),
        ("GET https://s3.example/talk.wav?X-Amz-Signature=abc&k=1 failed", "GET https://s3.example/talk.wav?… failed"),
        (
            "Client error '404 Not Found' for url 'https://hooks.example/services/T0/B0/s3cret'\nFor more",
            "Client error '404 Not Found' for url 'https://hooks.example/…'\nFor more",
        ),
        ("HTTP Request: POST https://hooks.example/T0/s3cret 200 OK", "HTTP Request: POST https://hooks.example/… 200 OK"),
        ("{'authorization': 'Bearer abcdefgh.ijkl'}", "{'authorization': 'Bearer …'}"),
        ("the key vv_0123456789abcdef is revoked", "the key vv_… is revoked"),
        ("HF_TOKEN=hf_0123456789abcdef", "HF_TOKEN=hf_…"),
        (
            "duplicate key value violates a constraint\nDETAIL:  Key (name)=(Ada\nLovelace) already exists.\n[SQL: INSERT]",
            "duplicate key value violates a constraint\nDETAIL: …\n[SQL: INSERT]",
        ),
        ("invalid input for query argument $1: 'Ada' (an integer is required)", "invalid input for query argument $1: …"),
        ('invalid input syntax for type integer: "Ada"', "invalid input syntax for type integer: …"),
    ],
)
def test_what_is_secret_is_removed(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "accept the conditions at https://huggingface.co/pyannote/embedding and set HF_TOKEN",
        "Job 3 failed in attempt 1",
        "the bearer of bad news wrote to ada@example.org about basic English",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


def test_a_stored_reason_holds_no_password() -> None:
    assert failure_reason(ValueError("https://a:b@host/x refuses\nmore")) == "https://…@host/x refuses"


def test_a_failed_webhook_is_described_without_its_url() -> None:
    answer = httpx.Response(500, request=httpx.Request("POST", "https://hooks.example/s3cret?token=s3cret"))
    with pytest.raises(httpx.HTTPStatusError) as caught:
        answer.raise_for_status()
    assert reason(caught.value) == "the receiver answered 500"
    assert reason(httpx.ConnectError("https://hooks.example/s3cret")) == "ConnectError"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a logger of any library writes after `redact_logs`."""
    before = logging.getLogRecordFactory()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logging.getLogger("a.library").addHandler(handler)
    redact_logs()
    redact_logs()
    yield out
    logging.getLogger("a.library").removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_log_lines_of_any_library_are_redacted(written: io.StringIO) -> None:
    logger = logging.getLogger("a.library")
    logger.warning("%s does not answer", "https://a:s3cret@host/x")
    try:
        raise ValueError("no https://host/x?token=s3cret")
    except ValueError:
        logger.exception("It failed in attempt %d", 1)
    text = written.getvalue()
    assert "s3cret" not in text
    assert "https://…@host/x does not answer" in text
    assert "It failed in attempt 1" in text
    assert "ValueError: no https://host/x?…" in text
