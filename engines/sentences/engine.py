"""The encoder that the settings choose."""

from engines.sentences.encoder import Encoder, SentenceEmbedding
from engines.weights.catalogue import EMBEDDED, Role
from engines.weights.resolver import Resolved, WeightsError, resolve
from pipeline.stages import TextsNotEmbeddedError
from settings import Settings

ROLE: Role = "text_embedding"


def find(settings: Settings, *, gpu: bool, progress: bool = False) -> Resolved:
    """The model's weights; for a server, its name. Raises TextsNotEmbeddedError where they cannot be had. Blocks."""
    if settings.text_embedding_url:
        return Resolved(settings.text_embedding_model, settings.data_path)
    try:
        return resolve(ROLE, settings, gpu=gpu, progress=progress)
    except WeightsError as error:
        raise TextsNotEmbeddedError(f"Search finds words only: {error}") from error


def load(weights: Resolved, settings: Settings, *, device: str = "cpu") -> SentenceEmbedding:
    """Load the model. Takes half a second for the embedded one."""
    return SentenceEmbedding(_encoder(weights, settings, device), weights.name)


def _encoder(weights: Resolved, settings: Settings, device: str) -> Encoder:
    if settings.text_embedding_url:
        from engines.sentences.remote import RemoteEncoder

        key = settings.text_embedding_api_key
        return RemoteEncoder(settings.text_embedding_url, weights.name, key.get_secret_value() if key else None)
    if weights.name == EMBEDDED[ROLE]:
        from engines.sentences.multilingual_e5 import MultilingualE5Small

        return MultilingualE5Small(weights.path, settings.cpu_threads)
    from engines.sentences.onnx_repository import OnnxRepository

    return OnnxRepository(weights.path, device, settings.cpu_threads)
