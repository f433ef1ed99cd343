"""Prometheus metrics of the stages that Serve does not export.

Serve exports queue lengths, latencies and batch sizes; these metrics add audio seconds and inference times. Every series has
Serve's tags (`deployment`, `replica`, `application`). Ray adds the prefix `ray_` and exports them at the metrics port of each
node, some seconds after they change.
"""

from collections.abc import Hashable
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
    """Created on the replica that it measures; the series take that replica's tags."""

    def __init__(self) -> None:
        self._audio = metrics.Counter(AUDIO, "Seconds of audio that were processed.", ("call",))
        self._wait = metrics.Histogram(WAIT, "Seconds that a call or batch waited for its model.", SECONDS, ("call",))
        self._inference = metrics.Histogram(INFERENCE, "Seconds that a model took for a call or batch.", SECONDS, ("call",))
        self._factor = metrics.Histogram(FACTOR, "Seconds of inference for a second of audio.", FACTORS, ("call",))
        by_reason: Any = ("call", "reason")  # Ray accepts any length, but its annotation says length one
        self._failures = metrics.Counter(FAILURES, "Calls and batches that failed, by reason.", by_reason)

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


def reason(error: Exception) -> str:
    """The reason of a failure: out_of_memory, device, input or other."""
    # Engines raise ValueError for audio that they cannot process.
    return device_fault(error) or ("input" if isinstance(error, ValueError) else "other")
