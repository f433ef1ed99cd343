"""Import pyannote.audio without telemetry, without what only training needs, and without a warning.

Import this module before any other module of pyannote.audio.
"""

import os
import warnings

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # telemetry is on by default

from engines import _torchaudio, _unused

_torchaudio.install()

with warnings.catch_warnings(), _unused.placeholders("torchmetrics", "torch._dynamo", "transformers"):
    # pyannote warns where torchcodec finds no FFmpeg of the system. It is not needed: pyannote only gets samples here.
    warnings.simplefilter("ignore")
    import pyannote.audio
    import pyannote.audio.pipelines  # noqa: F401
