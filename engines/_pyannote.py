"""Import pyannote.audio without telemetry, and without its warning that it cannot decode files.

Import this module before any other module of pyannote.audio.
"""

import os
import warnings

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # telemetry is on by default

from engines import _torchaudio

_torchaudio.install()

with warnings.catch_warnings():
    # pyannote warns where torchcodec finds no FFmpeg of the system. It is not needed: pyannote only gets samples here.
    warnings.simplefilter("ignore")
    import pyannote.audio  # noqa: F401
