"""Speaker embeddings on a replica."""

from collections.abc import Sequence

import numpy as np

from deployments.metrics import Call
from deployments.stages.replica import Replica, owner
from pipeline.identity.matching import threshold_for
from pipeline.types import SAMPLE_RATE, Samples, Span, Voiceprint, cut
from settings import Settings


class SpeakerEmbedder(Replica):
    def __init__(self, settings: Settings) -> None:
        from engines.speaker_embedding import SpeakerEmbedding

        super().__init__("embedding", settings)
        threshold_for(self.weights.name, settings.speaker_threshold)  # raises now, not when the first recording is done
        self.engine = SpeakerEmbedding(self.weights.path, device=self.device, threads=settings.cpu_threads)
        self.engine.embed(np.zeros(SAMPLE_RATE, np.float32))  # warm up

    async def embed(self, audio: Samples, spans: Sequence[Span], heard: Voiceprint | None = None) -> Voiceprint:
        if heard is not None and heard.model == self.weights.name:
            return heard
        speech = np.concatenate([cut(audio, span) for span in spans])
        seconds = len(speech) / SAMPLE_RATE
        call = Call("embed", f"Embedding {seconds:.1f} s of speech", seconds, recording_key=owner(audio))
        return Voiceprint(await self.run(call, self.engine.embed, speech), self.weights.name)

    async def embed_each(self, audio: Samples, spans: Sequence[Span], urgent: bool = False) -> list[Voiceprint | None]:
        seconds = sum(span.duration for span in spans)
        call = Call("embed_each", f"Embedding {len(spans)} segments", seconds, urgent, owner(audio))
        vectors = await self.run(call, self.engine.embed_each, audio, spans)
        return [None if vector is None else Voiceprint(vector, self.weights.name) for vector in vectors]
