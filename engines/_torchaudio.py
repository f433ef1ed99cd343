"""Make torchaudio importable beside a CPU build of torch.

torchaudio on the package index is linked against CUDA. Beside a CPU build of torch its extension does not load, and the import
fails with an OSError. The parts that pyannote.audio and FunASR use (Kaldi filterbanks, resampling, MFCC) are pure torch, and
torchaudio also works without the extension. Call `install` before importing either of them.
"""

import sys
from types import ModuleType
from typing import NoReturn


def _missing(function: object) -> object:
    def unavailable(*_args: object, **_kwargs: object) -> NoReturn:
        raise RuntimeError(f"{function} needs torchaudio's compiled extension, which does not fit the installed torch.")

    return unavailable


def install() -> None:
    """Import torchaudio, without its compiled extension where that does not load. Does nothing the second time."""
    try:
        import torchaudio
    except OSError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        extension = ModuleType("torchaudio._extension")
        extension.__dict__.update(
            _IS_TORCHAUDIO_EXT_AVAILABLE=False,
            _IS_ALIGN_AVAILABLE=False,
            _check_cuda_version=lambda: None,
            fail_if_no_align=_missing,
        )
        sys.modules["torchaudio._extension"] = extension
        import torchaudio  # noqa: F401
