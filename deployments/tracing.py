"""OpenTelemetry exporter, for `exporter_import_path` in Serve's configuration."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def otlp() -> list[SpanProcessor]:
    """Send spans to `OTEL_EXPORTER_OTLP_ENDPOINT`, by default a collector on this machine."""
    return [BatchSpanProcessor(OTLPSpanExporter())]
