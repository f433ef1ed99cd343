"""The live protocol: what clients may send, what the server sends, and whether docs/live.md describes both."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from pipeline.decoding import Decoding
from pipeline.live.endpointing import SpeechSpan
from pipeline.live.partials import Partial
from pipeline.types import Word
from services.live import client_messages, server_messages
from services.live.client_messages import InvalidMessageError, NoMessageError, StartMessage, StopMessage
from services.live.server_messages import ServerMessage
from tests.support.program import ROOT
from tests.support.segments import segment

DOCUMENT = ROOT / "docs/live.md"


def rows(header: str) -> Iterator[list[str]]:
    """The cells of the table of docs/live.md under a header that begins with `header`."""
    lines = iter(DOCUMENT.read_text().splitlines())
    assert any(line.startswith(header) for line in lines), header
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def members(union: Any) -> dict[str, type[BaseModel]]:
    """The models of a discriminated union by their type."""
    models, _ = get_args(union)
    return {model.model_fields["type"].default: model for model in get_args(models)}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def fields(model: type[BaseModel]) -> list[str]:
    """The fields of a model and of those within it."""
    within = [found for field in model.model_fields.values() for found in models_in(field.annotation)]
    return [*model.model_fields, *(name for found in within for name in fields(found))]


def test_the_page_lists_every_message_and_field_of_the_server_and_no_other() -> None:
    described = {names(type_)[0]: sorted(names(data)) for type_, _, data in rows("| type | when |")}
    defined = {type_: sorted(fields(model.model_fields["data"].annotation)) for type_, model in members(ServerMessage).items()}  # type: ignore[arg-type]
    assert described == defined


def test_the_page_lists_every_message_and_field_of_the_client_and_no_other() -> None:
    assert {names(type_)[0] for type_, _ in rows("| type | meaning |")} == members(client_messages.ClientMessage).keys()
    described = {names(field)[0] for field, _, _ in rows("| field of `start` |")}
    assert described == StartMessage.model_fields.keys() - {"type"}
    assert StopMessage.model_fields.keys() == {"type"}


def sent(message: ServerMessage) -> tuple[str, dict[str, Any]]:
    """A message as its client reads it."""
    found = json.loads(server_messages.encode(message))
    assert set(found) == {"type", "data", "timestamp"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", found["timestamp"])
    return found["type"], found["data"]


def test_started() -> None:
    assert sent(server_messages.started(7, 48000, None)) == (
        "started",
        {"conversation_id": 7, "sample_rate": 48000, "message": "Recording started"},
    )
    assert sent(server_messages.started(7, 48000, 0.0)) == (
        "started",
        {"conversation_id": 7, "sample_rate": 48000, "message": "Recording resumed", "total_audio_seconds": 0.0},
    )
    assert sent(server_messages.started(7, 48000, None, "secret")) == (
        "started",
        {"conversation_id": 7, "sample_rate": 48000, "message": "Recording started", "resume_token": "secret"},
    )


def test_no_token_is_shown_where_a_message_is_printed() -> None:
    assert "secret" not in repr(StartMessage(resume_token="secret"))
    assert "secret" not in repr(server_messages.started(7, 48000, None, "secret"))


def test_status() -> None:
    message = server_messages.status(speaking=True, level=0.25, frames=3, segments=2, seconds=4.5)
    stats = {"buffer_size": 3, "segments_processed": 2, "total_audio_seconds": 4.5}
    assert sent(message) == ("status", {"vad_active": True, "audio_level": 0.25, "stats": stats})


def test_a_segment_keeps_its_nulls_except_for_the_confidence() -> None:
    word = {"word": " Hi.", "start": 1.0, "end": 1.5, "probability": 0.9}
    offsets = {"start_offset": 1.0, "end_offset": 1.5}
    emotion = dict.fromkeys(("emotion_category", "emotion_confidence", "activation", "valence", "detector_breakdown"))
    rest = {"is_known": False, "text": "Hi.", "words": [word], "avg_logprob": None, "language": "en"} | offsets | emotion
    stored = segment(1.0, 1.5, "Unknown_01", "Hi.", words=(Word(" Hi.", 1.0, 1.5, 0.9),), language="en")
    expected = {"segment_id": 1, "speaker_id": None, "speaker_name": "Unknown_01", "confidence": 0.0, **rest}
    assert sent(server_messages.segment(stored)) == ("segment", expected)


def test_partial() -> None:
    message = server_messages.partial(Partial("It is now", "It is"), SpeechSpan(8000, 24000))
    expected = {"text": "It is now", "stable": "It is", "start_offset": 0.5, "end_offset": 1.5}
    assert sent(message) == ("partial", expected)


@pytest.mark.parametrize(
    ("errors", "has_audio", "status", "audio", "text"),
    [
        (0, True, "completed", "success", "Recording completed and saved"),
        (0, False, "completed", "empty", "No sound came, so that nothing was saved"),
        (2, True, "completed_with_errors", "success", "Recording completed with segment-processing errors"),
    ],
)
def test_completed(errors: int, has_audio: bool, status: str, audio: str, text: str) -> None:
    counts = {"conversation_id": 7, "num_segments": 3, "num_speakers": 2, "duration": 30.0, "processing_errors": errors}
    message = server_messages.completed(**counts, has_audio=has_audio, languages=("en", "de"))  # type: ignore[arg-type]
    said = {"status": status, "concatenation_status": audio, "message": text, "languages": ["en", "de"]}
    assert sent(message) == ("completed", counts | said)


def test_an_error_may_quote_any_file_name() -> None:
    assert sent(server_messages.error("No file \udcff.")) == ("error", {"message": "No file \udcff."})


def test_the_server_message_of_an_unknown_type_is_skipped() -> None:
    assert server_messages.parse('{"type": "later", "data": {}}') is None
    with pytest.raises(ValueError, match=r"error\.data\.message"):
        server_messages.parse('{"type": "error", "data": {}}')


def test_client_messages() -> None:
    assert client_messages.parse('{"type": "start"}') == StartMessage()
    assert client_messages.parse('{"type": "start", "language": "EN", "later": 1}') == StartMessage(language="en")
    assert client_messages.parse('{"type": "stop"}') == StopMessage()


def test_null_is_the_default() -> None:
    nulls = dict.fromkeys(StartMessage.model_fields) | {"type": "start"}
    assert client_messages.parse(json.dumps(nulls)) == StartMessage()


def test_a_conversation_goes_on_as_it_was_started() -> None:
    asked = Decoding("translate", "Siobhán", "A talk.", enabled=False, model="large-v3")
    resumed = StartMessage().continuing("de", asked)
    assert (resumed.decoding, resumed.language) == (asked, "de")
    other = StartMessage(language="en", model="small")
    assert other.continuing("de", asked) == other


@pytest.mark.parametrize("text", ["{}", '{"type": "ping"}', '{"type": null}', '{"type": []}'])
def test_a_client_message_of_an_unknown_type_is_none(text: str) -> None:
    assert client_messages.parse(text) is None


@pytest.mark.parametrize("text", ["", "stop", "[]", "1", "[" * 50_000, '{"type": "stop", "x": "' + "x" * 2**16 + '"}'])
def test_a_text_that_is_no_object_is_no_message(text: str) -> None:
    with pytest.raises(NoMessageError, match="must be a JSON object"):
        client_messages.parse(text)


def test_all_wrong_fields_are_named() -> None:
    with pytest.raises(InvalidMessageError, match=r"The 'start' message is wrong. sample_rate: Input .*; encoding: Input "):
        client_messages.parse('{"type": "start", "sample_rate": 1, "encoding": "mp3"}')


def test_a_message_in_a_binary_frame_is_understood() -> None:
    assert client_messages.parse_binary(b'{"type": "stop"}') == StopMessage()
    assert client_messages.parse_binary(b' {"type": "start", "encoding": "int16"}\r\n\0') == StartMessage(encoding="int16")
    assert client_messages.parse_binary(b'{"type": "ping"}') is None
    for audio in (b"", b"{}{}", b"\x7b\x00\x7d", b"{" + bytes(1000) + b"}", b"[1]", b'{"type": "stop"}' + b" " * 70_000):
        with pytest.raises(NoMessageError):
            client_messages.parse_binary(audio)


@pytest.mark.parametrize("channels", ["auto", "mix", 2, None])
def test_live_channels_are_mixed(channels: object) -> None:
    started = client_messages.parse(json.dumps({"type": "start", "channels": channels}))
    assert isinstance(started, StartMessage)
    assert started.channels in ("auto", "mix")


def test_live_channels_are_not_transcribed_on_their_own() -> None:
    with pytest.raises(client_messages.InvalidMessageError, match="open a stream for each channel"):
        client_messages.parse('{"type": "start", "channels": "separate"}')
