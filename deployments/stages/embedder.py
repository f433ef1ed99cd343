"""The speaker embedder's deployment."""

import logging
from collections.abc import Sequence

import numpy as np

from deployments.metrics import Call
from deployments.stages.replica import Replica, recording_key
from engines.voiceprints import VoiceprintEngine, speech_of
from pipeline.identity.thresholds import configured_threshold
from pipeline.types import SAMPLE_RATE, Samples, Span, Voiceprint
from settings import Settings

logger = logging.getLogger("ray.serve")


class SpeakerEmbedder(Replica):
    CALLS = ("embed", "embed_each")

    def __init__(self, settings: Settings) -> None:
        from engines.speaker_embedding import SpeakerEmbedding

        super().__init__("embedding", settings)
        self._check_threshold()  # raises here, not after the first recording
        engine = SpeakerEmbedding(self.weights.path, device=self.device, threads=settings.cpu_threads)
        self.engine = VoiceprintEngine(engine, self.weights.name)
        self.engine.embed(np.zeros(SAMPLE_RATE, np.float32))  # warm up
        self.log_loaded()

    async def embed(
        self, audio: Samples, spans: Sequence[Span], known: Voiceprint | None = None, urgent: bool = False
    ) -> Voiceprint:
        if known is not None and self.engine.made(known):
            return known
        speech = speech_of(audio, spans)
        seconds = len(speech) / SAMPLE_RATE
        call = Call("embed", f"Embedding {seconds:.1f} s of speech", seconds, urgent, recording_key(audio))
        return await self.run(call, self.engine.embed, speech)

    async def embed_each(self, audio: Samples, spans: Sequence[Span], urgent: bool = False) -> list[Voiceprint | None]:
        seconds = sum(span.duration for span in spans)
        call = Call("embed_each", f"Embedding {len(spans)} segments", seconds, urgent, recording_key(audio))
        return await self.run(call, self.engine.embed_each, audio, spans)

    def _check_threshold(self) -> None:
        """Say in `/status` and the log why SPEAKER_THRESHOLD is not used or doubtful. Raises ValueError where there is none."""
        settings = self.settings
        threshold = configured_threshold(self.weights.name, settings.speaker_threshold, settings.speaker_threshold_model)
        if threshold.warning:
            logger.warning(threshold.warning)
            self.note = " ".join(filter(None, (self.note, threshold.warning)))
