"""What Prometheus is told of the stages that Serve does not tell by itself.

Serve measures the queues before the replicas, how long calls take and how full batches are; what is here knows of audio and of
models. Every series carries Serve's tags (`deployment`, `replica`, `application`). Ray puts `ray_` before the names and gives
them out at the metrics port of each node, some seconds after they change.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from ray.serve import metrics

AUDIO = "vivavoce_audio_seconds_total"
WAIT = "vivavoce_model_wait_seconds"
INFERENCE = "vivavoce_inference_seconds"
FACTOR = "vivavoce_real_time_factor"
FAILURES = "vivavoce_failures_total"

SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0]
"""From a second of speech on a GPU to the clustering of a very long recording."""
FACTORS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]

REASONS = {
    "out of memory": "out_of_memory",  # torch, CTranslate2 and the C library all say so
    "allocate memory": "out_of_memory",
    "cuda": "device",
    "cublas": "device",
    "cudnn": "device",
}
"""What an error's message holds, and the reason that is."""


@dataclass(frozen=True, slots=True)
class Call:
    """A piece of work for a model, as metrics and errors tell of it."""

    name: str
    """One of a few: each has time series of its own."""
    what: str
    """For people."""
    audio: float = 0.0
    """Seconds of it that the model hears."""
    urgent: bool = False
    """Whether somebody speaks and waits for it: it goes before what else waits for this model."""
    recording_key: Hashable = None
    """The recording that it is for; those that wait for this model take turns."""


class StageMetrics:
    """Made on the replica that it tells of, whose tags it takes."""

    def __init__(self) -> None:
        self._audio = metrics.Counter(AUDIO, "Seconds of audio that were processed.", ("call",))
        self._wait = metrics.Histogram(WAIT, "Seconds that a call or batch waited for its model.", SECONDS, ("call",))
        self._inference = metrics.Histogram(INFERENCE, "Seconds that a model took for a call or batch.", SECONDS, ("call",))
        self._factor = metrics.Histogram(FACTOR, "Seconds of inference for a second of audio.", FACTORS, ("call",))
        by_reason: Any = ("call", "reason")  # Ray takes tuples of any length, and annotates one of length one
        self._failures = metrics.Counter(FAILURES, "Calls and batches that failed, by reason.", by_reason)

    def done(self, call: Call, wait: float, inference: float) -> None:
        """A call or a batch succeeded; both times in seconds."""
        tags = {"call": call.name}
        self._wait.observe(wait, tags)
        self._inference.observe(inference, tags)
        if call.audio > 0:
            self._audio.inc(call.audio, tags)
            self._factor.observe(inference / call.audio, tags)

    def failed(self, call: Call, error: Exception) -> None:
        self._failures.inc(1, {"call": call.name, "reason": reason(error)})


def reason(error: Exception) -> str:
    """Why a call failed, as one of a few words: out_of_memory, device, input, other."""
    if isinstance(error, MemoryError):
        return "out_of_memory"
    message = str(error).lower()
    for part, name in REASONS.items():
        if part in message:
            return name
    # What engines raise for audio that they cannot take.
    return "input" if isinstance(error, ValueError) else "other"
