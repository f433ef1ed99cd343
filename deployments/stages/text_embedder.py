"""The text embedder's deployment. It starts without a model, too: search then finds words only."""

from collections.abc import Sequence
from pathlib import Path

from deployments.metrics import Call
from deployments.stages.replica import Replica
from engines.sentences.encoder import SentenceEmbedding
from engines.weights.catalogue import Role
from engines.weights.resolver import Resolved
from pipeline.stages import NO_MODEL, TextsNotEmbeddedError
from pipeline.types import TextVectors
from settings import Settings


class TextEmbedder(Replica):
    CALLS = ("embed_query", "embed_passages")

    def __init__(self, settings: Settings) -> None:
        from engines.sentences.engine import ROLE, load

        super().__init__(ROLE, settings)
        self.engine: SentenceEmbedding | None = None
        if self.weights.name != NO_MODEL:
            self.engine = load(self.weights, settings, device=self.device)
            self.log_loaded()
        if settings.text_embedding_url:
            self.device = "remote"

    async def embed_query(self, text: str) -> TextVectors:
        # Milliseconds, for which a person waits: not behind the passages of an archive that is embedded.
        return await self.run_beside(Call("embed_query", "Embedding a query"), self._loaded().query, text)

    async def embed_passages(self, texts: Sequence[str]) -> TextVectors:
        return await self.run(Call("embed_passages", f"Embedding {len(texts)} texts"), self._loaded().passages, texts)

    def find_weights(self, role: Role, gpu: bool) -> Resolved:
        from engines.sentences.engine import find

        try:
            return find(self.settings, gpu=gpu)
        except TextsNotEmbeddedError as error:
            return Resolved(NO_MODEL, Path(), str(error))

    def _loaded(self) -> SentenceEmbedding:
        if self.engine is None:
            raise TextsNotEmbeddedError(self.note)
        return self.engine
