"""The emotion recognizer's deployment: emotion2vec, or the embedded model where that is not available."""

from collections.abc import Sequence

import numpy as np

from deployments.metrics import Call
from deployments.stages.replica import Replica, recording_key
from pipeline.types import SAMPLE_RATE, Emotion, Samples, Span, cut
from settings import Settings


class EmotionRecognizer(Replica):
    CALLS = ("recognize",)

    def __init__(self, settings: Settings) -> None:
        from engines.emotions.engine import load, weakness

        super().__init__("emotion", settings)
        self.engine = load(self.weights, device=self.device, threads=settings.cpu_threads)
        self.note = " ".join(filter(None, (self.note, weakness(self.weights.name)))) or None
        noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
        self.engine.recognize([noise])  # warm up; the engine skips silence, so noise is used
        self.log_loaded()

    async def recognize(self, audio: Samples, spans: Sequence[Span], urgent: bool = False) -> list[Emotion]:
        seconds = sum(span.duration for span in spans)
        call = Call("recognize", f"Recognizing the emotion of {len(spans)} segments", seconds, urgent, recording_key(audio))
        return await self.run(call, self.engine.recognize, [cut(audio, span) for span in spans])
