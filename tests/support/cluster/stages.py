"""The deployments of the models, with models that sleep. A replica imports no more than those of the product do."""

from deployments.stages import diarizer, embedder, emotion, transcriber
from settings import Settings
from tests.support.cluster import sleeping


class Transcriber(transcriber.Transcriber):
    def __init__(self, settings: Settings) -> None:
        sleeping.install()
        super().__init__(settings)


class Diarizer(diarizer.Diarizer):
    def __init__(self, settings: Settings) -> None:
        sleeping.install()
        super().__init__(settings)


class SpeakerEmbedder(embedder.SpeakerEmbedder):
    def __init__(self, settings: Settings) -> None:
        sleeping.install()
        super().__init__(settings)


class EmotionRecognizer(emotion.EmotionRecognizer):
    def __init__(self, settings: Settings) -> None:
        sleeping.install()
        super().__init__(settings)
