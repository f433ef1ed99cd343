"""GPU support: detection, the libraries that CTranslate2 needs, and the health check."""

import ctypes
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path


def available() -> bool:
    """Whether there is a GPU that the models can use."""
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())


def load_libraries() -> None:
    """Load cuBLAS 12 from its Python package, where that is installed.

    CTranslate2 opens cuBLAS by name, and the dynamic loader does not search Python packages. torch may have installed another
    major version. A library of the system is found without this.
    """
    with suppress(ModuleNotFoundError):
        spec = find_spec("nvidia.cublas")
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for name in ("libcublasLt.so.12", "libcublas.so.12"):  # the second needs the first
                for library in Path(folder, "lib").glob(name):
                    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def preload() -> None:
    """Import torch, which takes seconds: in the first `check_device` the import would block the event loop."""
    import torch  # noqa: F401


def check_device() -> None:
    """Raise RuntimeError where a kernel of this process has faulted: every later call on the GPU then fails as well."""
    import torch

    torch.cuda.synchronize()
