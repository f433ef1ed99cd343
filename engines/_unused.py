"""Import a library without what it imports for training alone.

pyannote.audio is written for Lightning, and Lightning imports torchmetrics, TorchDynamo and transformers. No engine needs
them. In a process with a diarizer or an embedder they took 3 of 7.6 CPU seconds of the import and 95 MB of memory.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn


class _Placeholder(ModuleType):
    """A module in which each name is a class that cannot be instantiated."""

    __version__ = "0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def unavailable(*_args: object, **_kwargs: object) -> NoReturn:
            raise RuntimeError(f"{self.__name__}.{name} was not imported; see engines/_unused.py.")

        return type(name, (), {"__new__": unavailable})


class _Finder(MetaPathFinder, Loader):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if _belongs(fullname, self._names) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == "torch._dynamo":
            vars(module)["disable"] = _unchanged


def _belongs(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _unchanged(function: Callable[..., Any], *_: object, **__: object) -> Callable[..., Any]:
    """In place of a decorator that keeps TorchDynamo away from a function."""
    return function


@contextmanager
def placeholders(*packages: str) -> Iterator[None]:
    """In the block, importing these packages gives placeholders, unless they are imported already."""
    absent = [name for name in packages if name not in sys.modules]
    finder = _Finder(absent)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _belongs(name, absent)]:
            parent, _, child = name.rpartition(".")
            if parent in sys.modules:
                vars(sys.modules[parent]).pop(child, None)
            del sys.modules[name]
