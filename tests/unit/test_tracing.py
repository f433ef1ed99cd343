"""Spans reach a collector."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.sdk.trace import TracerProvider

from deployments.tracing import otlp


def test_spans_are_sent_to_the_collector_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    received: dict[str, bytes] = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        provider = TracerProvider()
        for processor in otlp():
            provider.add_span_processor(processor)
        with provider.get_tracer("test").start_as_current_span("Transcribing 30 s"):
            pass
        assert provider.force_flush()
        provider.shutdown()
        server.shutdown()
    assert b"Transcribing 30 s" in received["/v1/traces"]
