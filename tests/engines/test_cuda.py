"""What is loaded of CUDA; no GPU is needed for that."""

import ctypes
from pathlib import Path

import pytest

from engines import cuda


def test_cublas_12_is_loaded_out_of_its_package_after_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lib = tmp_path / "nvidia" / "cublas" / "lib"
    lib.mkdir(parents=True)
    for name in ("libcublas.so.12", "libcublasLt.so.12", "libnvblas.so.12"):
        (lib / name).touch()
    loaded: list[tuple[str, int]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda path, mode: loaded.append((path, mode)))
    monkeypatch.setattr(cuda, "find_spec", lambda name: Spec(tmp_path / name.replace(".", "/")))
    cuda.load_libraries()
    assert loaded == [(str(lib / name), ctypes.RTLD_GLOBAL) for name in ("libcublasLt.so.12", "libcublas.so.12")]


def test_where_there_is_no_such_package_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", None)
    monkeypatch.setattr(cuda, "find_spec", lambda _name: None)
    cuda.load_libraries()


class Spec:
    def __init__(self, folder: Path) -> None:
        self.submodule_search_locations = [str(folder)]
