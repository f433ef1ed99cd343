"""`vivavoce import-legacy`: take over the data of the reference system.

It works beside a running application, and without one.
"""

import asyncio
import sys
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from engines import cuda, in_process
from engines.in_process import LocalEmbedder
from services.archive.legacy_import import Imported, LegacyImport
from settings import Settings
from storage.audio import AudioStore
from storage.legacy.sqlite_file import LegacyFile
from storage.postgres.database import Database
from vivavoce.database import with_database

MAX_LINES = 100
"""Of each list that is printed."""


def import_file(file: Path, audio: Path | None, settings: Settings, *, voices: bool) -> str:
    """Import the file, with progress on stderr; returns what was done. Raises LegacyFileError, DatabaseError, WeightsError."""
    with LegacyFile(file) as source:
        embedder: LocalEmbedder | None = None
        model = ""
        if voices and audio is not None:
            embedder, note = in_process.load_embedder(settings, device="cuda" if cuda.available() else "cpu")
            model = embedder.engine.model
            if note:
                print(note, file=sys.stderr)

        async def run(database: Database) -> Imported:
            store = AudioStore(settings.audio_url or str(settings.data_path / "audio"))
            await asyncio.to_thread(store.close_to_others)
            with tqdm(unit="conversation", leave=False) as bar:

                def show(done: int, total: int) -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                return await LegacyImport(settings, database, store, source, audio, embedder, model).run(show)

        return _told(file, with_database(settings, run))


def _told(file: Path, done: Imported) -> str:
    imported = (
        f"{done.conversations} conversation(s), {done.segments} segment(s), {done.recordings} recording(s), "
        f"{done.speakers} speaker(s), {done.labels} label(s)"
    )
    lines = [f"Imported from {file}: {imported}."]
    if done.present:
        lines.append(f"{done.present} conversation(s) were here already, and stay as they are.")
    if losses := list(done.losses):
        lines += ["", "Left out or guessed:", *_listed(losses)]
    if done.voiceless:
        lines += ["", "Not recognised in new recordings until a sample of the voice is enrolled:", *_listed(done.voiceless)]
    return "\n".join(lines)


def _listed(sentences: list[str]) -> list[str]:
    more = len(sentences) - MAX_LINES
    return [*(f"  {sentence}" for sentence in islice(sentences, MAX_LINES)), *([f"  … and {more} more"] if more > 0 else [])]
