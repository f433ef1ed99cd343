"""A second Whisper model. It replaces one word in its output, so that tests can recognise its transcripts."""

import json
from pathlib import Path

from engines.weights.resolver import resolve
from settings import Settings

NAME = "whisper-milwaukee"
HEARD, WRITTEN = "Chicago", "Milwaukee"


def second_model(directory: Path) -> Path:
    """A directory with the embedded model, the tokenizer of which writes another city."""
    original, path = resolve("whisper", Settings(), gpu=False).path, directory / NAME
    path.mkdir()
    for file in original.iterdir():
        if file.name != "tokenizer.json":
            (path / file.name).symlink_to(file)
    tokenizer = json.loads((original / "tokenizer.json").read_text())
    replacement = {"type": "Replace", "pattern": {"String": HEARD}, "content": WRITTEN}
    tokenizer["decoder"] = {"type": "Sequence", "decoders": [replacement, tokenizer["decoder"]]}
    (path / "tokenizer.json").write_text(json.dumps(tokenizer))
    return path
