"""Benchmarks as commands: the options that they share, and one way to run them."""

import inspect
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

DATA = Path("../shared/data")
Data = Annotated[Path, typer.Option(help="Folder of recordings with references.", exists=True, file_okay=False)]
Answers = Annotated[Path | None, typer.Option(help="Folder in which results are kept and found again.")]
Files = Annotated[list[Path] | None, typer.Argument(help="Recordings.", exists=True, dir_okay=False)]
Seed = Annotated[int, typer.Option(help="Seed of the random choices.")]


def run(main: Callable[..., None]) -> None:
    """Run `main` with the options that its parameters declare; the docstring of its module is the help."""
    description = inspect.getdoc(sys.modules[main.__module__])
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(help=description)(main)
    app()


@contextmanager
def kept_in(answers: Path | None) -> Iterator[Path]:
    """The folder of `--answers`, or one that is removed at the end."""
    if answers is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        answers.mkdir(parents=True, exist_ok=True)
        yield answers
