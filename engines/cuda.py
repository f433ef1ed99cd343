"""What CTranslate2 needs of a GPU machine."""

import ctypes
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path


def available() -> bool:
    """Is there a GPU that the models can use?"""
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())


def load_libraries() -> None:
    """Load cuBLAS 12 and cuDNN 9 from their Python packages, where those are installed.

    CTranslate2 opens both by name, and the loader does not look into Python packages; torch may have brought another major
    version. Libraries that the system has are found without this.
    """
    for package, patterns in {
        "nvidia.cublas": ("libcublasLt.so.12", "libcublas.so.12"),
        "nvidia.cudnn": ("libcudnn*.so.9",),
    }.items():
        with suppress(ModuleNotFoundError):
            spec = find_spec(package)
            for folder in (spec.submodule_search_locations or ()) if spec else ():
                for pattern in patterns:
                    for library in sorted(Path(folder, "lib").glob(pattern)):
                        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
