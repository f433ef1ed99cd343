"""Import pyannote.audio as it should be imported here: without telemetry, and without the warning that it cannot decode files.

Import this module before anything of pyannote.audio.
"""

import os
import warnings

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # telemetry is on by default

from engines import _torchaudio

_torchaudio.install()

with warnings.catch_warnings():
    # pyannote looks for torchcodec, which needs an FFmpeg of the system; here it only ever gets samples.
    warnings.simplefilter("ignore")
    import pyannote.audio  # noqa: F401
