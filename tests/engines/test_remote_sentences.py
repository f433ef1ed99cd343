"""Sentence embeddings of a server with OpenAI's `/v1/embeddings`: a real HTTP server, which answers well or badly."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from engines.sentences import engine
from engines.sentences.encoder import SentenceEmbedding
from engines.sentences.remote import RemoteEncoder
from pipeline.stages import TextsNotEmbeddedError
from settings import Settings

KEY = "sk-test"


class Server(ThreadingHTTPServer):
    """Gives each text a vector of its own length; `broken` replaces its answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, Any]] = []
        self.broken: tuple[int, bytes] | None = None
        self.base64 = False


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "key": self.headers["Authorization"]} | body)
        items = [{"index": i, "embedding": self._vector(text)} for i, text in enumerate(body["input"])]
        answer = {"object": "list", "data": items[::-1], "model": body["model"]}
        status, content = self.server.broken or (200, json.dumps(answer).encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _vector(self, text: str) -> list[float] | str:
        vector = [float(len(text)), 1.0, 0.0]
        return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode() if self.server.base64 else vector

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def model(server: Server) -> SentenceEmbedding:
    settings = Settings.model_validate(
        {
            "text_embedding_url": f"http://127.0.0.1:{server.server_address[1]}/v1/",
            "text_embedding_model": "multilingual-e5-large",
            "text_embedding_api_key": KEY,
        }
    )
    return engine.load(engine.find(settings, gpu=False), settings)


@pytest.mark.parametrize("as_base64", [False, True])
def test_texts_keep_their_order_and_get_unit_vectors(server: Server, model: SentenceEmbedding, as_base64: bool) -> None:
    server.base64 = as_base64
    texts = ["a" * count for count in range(1, 101)]
    found = model.passages(texts)
    assert found.model == "multilingual-e5-large"
    lengths = found.vectors[:, 0] / found.vectors[:, 1]
    assert lengths.round(3).tolist() == [len("passage: ") + count for count in range(1, 101)]
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.ones(100), abs=1e-5)
    assert [len(request["input"]) for request in server.requests] == [64, 36]
    assert all(request["path"] == "/v1/embeddings" and request["key"] == f"Bearer {KEY}" for request in server.requests)
    model.query("b")
    assert server.requests[-1]["input"] == ["query: b"]


def test_long_texts_are_cut_and_told(server: Server, model: SentenceEmbedding) -> None:
    assert model.passages(["short", "long " * 1000]).cut == (1,)
    assert max(map(len, server.requests[0]["input"])) == 2000


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b'{"error": "wrong key"}', 'it answers 401: {"error": "wrong key"}'),
        (401, f"no such key: {KEY}".encode(), "it answers 401: no such key: …"),
        (500, b"", "it answers 500"),
        (200, b"<html>", "not one vector of numbers for each text"),
        (200, b'{"data": []}', "1 to 4000 finite numbers"),
        (200, b'{"data": [{"index": 0, "embedding": []}]}', "1 to 4000 finite numbers"),
        (200, b'{"data": [{"index": 0, "embedding": [1, null]}]}', "not one vector of numbers for each text"),
        (200, b'{"data": [{"index": 0, "embedding": [1, NaN]}]}', "1 to 4000 finite numbers"),
        (200, b'{"data": [{"index": 0, "embedding": "!"}]}', "1 to 4000 finite numbers"),
        (200, json.dumps({"data": [{"index": 0, "embedding": [0.5] * 4001}]}).encode(), "1 to 4000 finite numbers"),
    ],
)
def test_bad_answers_are_told(server: Server, model: SentenceEmbedding, status: int, body: bytes, says: str) -> None:
    server.broken = status, body
    with pytest.raises(TextsNotEmbeddedError) as refused:
        model.query("a")
    assert "TEXT_EMBEDDING_URL" in str(refused.value)
    assert says in str(refused.value)
    assert KEY not in str(refused.value)


def test_no_proxy_gets_what_is_for_this_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    encoder = RemoteEncoder(f"http://127.0.0.1:{server.server_address[1]}/v1", "any", None)
    assert len(encoder.encode(["a"]).vectors) == 1


def test_a_server_that_is_away_is_told() -> None:
    settings = Settings(text_embedding_url="http://127.0.0.1:9/v1", text_embedding_model="any")
    with pytest.raises(TextsNotEmbeddedError, match="embeds no texts"):
        engine.load(engine.find(settings, gpu=False), settings).query("a")


def test_a_server_needs_the_name_of_its_model() -> None:
    with pytest.raises(ValueError, match="TEXT_EMBEDDING_MODEL"):
        Settings(text_embedding_url="http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match="http://"):
        Settings(text_embedding_url="127.0.0.1:9", text_embedding_model="any")
