"""`vivavoce models`: the weights that the configured models need."""

import sys

import typer

from settings import Settings

app = typer.Typer(help="The weights that the configured models need.", no_args_is_help=True)


@app.command()
def pull() -> None:
    """Download the missing weights of the configured models."""
    from engines import cuda
    from engines.weights import resolver

    for model in resolver.pull(Settings(), gpu=cuda.available()):
        print(f"{model.name}: {model.path}" + (f"\n  {model.note}" if model.note else ""))


@app.command("list")
def list_models() -> None:
    """List the configured models: each file, its size and licence, and whether its hash is right."""
    from engines import cuda
    from engines.weights import resolver
    from vivavoce.printing import size, table

    files = resolver.listing(Settings(), gpu=cuda.available())
    rows = [(f.role, f.model, f.state, size(f.size), f.licence, str(f.path)) for f in files]
    print(table(("stage", "model", "state", "size", "licence", "file"), rows))
    if any(file.state == "missing" for file in files):
        print("\n`vivavoce models pull` fetches what is missing.", file=sys.stderr)
