"""The builder of `deployments.app` with models that sleep: `import_path: tests.support.cluster.graph:build_app`."""

from unittest.mock import patch

from ray.serve import Application

from deployments import app
from tests.support.cluster import stages


def build_app(args: app.AppArgs) -> Application:
    with (
        patch.object(app, "Transcriber", stages.Transcriber),
        patch.object(app, "Diarizer", stages.Diarizer),
        patch.object(app, "SpeakerEmbedder", stages.SpeakerEmbedder),
        patch.object(app, "EmotionRecognizer", stages.EmotionRecognizer),
    ):
        return app.build_app(args)
