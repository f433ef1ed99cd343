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
    """Load cuBLAS 12 from its Python package, where that is installed.

    CTranslate2 opens it by name, and the loader does not look into Python packages; torch may have brought another major
    version. A library that the system has is found without this.
    """
    with suppress(ModuleNotFoundError):
        spec = find_spec("nvidia.cublas")
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for name in ("libcublasLt.so.12", "libcublas.so.12"):  # the second needs the first
                for library in Path(folder, "lib").glob(name):
                    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
