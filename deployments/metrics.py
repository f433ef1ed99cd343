"""Prometheus metrics of the stages that Serve does not export.

Serve exports queue lengths, latencies and batch sizes; these metrics add audio seconds and inference times. Every series has
Serve's tags (`deployment`, `replica`, `application`). Ray adds the prefix `ray_` and exports them at the metrics port of each
node, some seconds after they change.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ray.serve import metrics

from pipeline.faults import device_fault

AUDIO = "vivavoce_audio_seconds_total"
WAIT = "vivavoce_model_wait_seconds"
INFERENCE = "vivavoce_inference_seconds"
FACTOR = "vivavoce_real_time_factor"
FAILURES = "vivavoce_failures_total"

SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0]
"""Bucket bounds: from one second of speech on a GPU to clustering a recording of many hours."""
REASONS = ("out_of_memory", "device", "input", "other")
FACTORS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a model, as metrics and errors describe it."""

    name: str
    """The method. Each name has its own time series."""
    what: str
    """The input, as an error message names it."""
    audio: float = 0.0
    """Seconds of audio in the call."""
    urgent: bool = False
    """A live client waits for it: it runs before other calls that wait for this model."""
    recording_key: Hashable = None
    """Identifies the recording; recordings share a model in round-robin order."""
    model: str = ""
    """Empty: the model that the stage was started with."""


class StageMetrics:
    """Created on the replica that it measures; the series take that replica's tags.

    `calls` are the names of its calls. The counters of their failures exist from the start: `rate` and `increase` see no first
    failure in a series that begins with it.
    """

    def __init__(self, calls: Iterable[str]) -> None:
        self._audio = metrics.Counter(AUDIO, "Seconds of audio that were processed.", ("call",))
        self._wait = metrics.Histogram(WAIT, "Seconds that a call or batch waited for its model.", SECONDS, ("call",))
        self._inference = metrics.Histogram(INFERENCE, "Seconds that a model took for a call or batch.", SECONDS, ("call",))
        self._factor = metrics.Histogram(FACTOR, "Seconds of inference for a second of audio.", FACTORS, ("call",))
        by_reason: Any = ("call", "reason")  # Ray accepts any length, but its annotation says length one
        self._failures = metrics.Counter(FAILURES, "Calls and batches that failed, by reason.", by_reason)
        for call in calls:
            for why in REASONS:
                export_zero(self._failures, {"call": call, "reason": why})

    def done(self, call: Call, wait: float, inference: float) -> None:
        """Count a successful call or batch. Times are in seconds."""
        tags = {"call": call.name}
        self._wait.observe(wait, tags)
        self._inference.observe(inference, tags)
        if call.audio > 0:
            self._audio.inc(call.audio, tags)
            self._factor.observe(inference / call.audio, tags)

    def failed(self, call: Call, error: Exception) -> None:
        self._failures.inc(1, {"call": call.name, "reason": reason(error)})


def export_zero(counter: metrics.Counter, tags: Mapping[str, str]) -> None:
    """Export the series of these tags with the value 0. Ray's `inc` refuses 0, and exports no series before its first call."""
    counter._record(0, dict(tags))


def reason(error: Exception) -> str:
    """The reason of a failure, one of `REASONS`."""
    # Engines raise ValueError for audio that they cannot process.
    return device_fault(error) or ("input" if isinstance(error, ValueError) else "other")
