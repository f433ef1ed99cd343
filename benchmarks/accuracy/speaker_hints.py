"""Measure what a given number of speakers does to the diarization error rate.

    python -m benchmarks.accuracy.speaker_hints [--data DIRECTORY]

Each recording of `benchmarks.accuracy.diarization` is observed once, and clustered without a hint, with the right number of
speakers, and with one too few and one too many. It takes about ten minutes.
"""

import tempfile
from pathlib import Path

import soundfile

from benchmarks.accuracy.diarization import recordings, weights
from benchmarks.harness.command import DATA, Data, run
from engines.diarization import PyannoteDiarization
from pipeline.transcript.windows import shards
from pipeline.types import NO_HINT, SAMPLE_RATE, SpeakerHint
from vivavoce.printing import table

HEADER = ("recording", "speakers", "no number", "right number", "one fewer", "one more")


def main(data: Data = DATA) -> None:
    engine = PyannoteDiarization(weights())
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for recording in recordings(data, Path(scratch)):
            audio, _ = soundfile.read(recording.path, dtype="float32")
            observations = [engine.observe(audio, shard) for shard in shards(len(audio) / SAMPLE_RATE)]
            speakers = len({turn.speaker for turn in recording.reference.turns})
            row = [recording.name, str(speakers)]
            for hint in (NO_HINT, *(SpeakerHint(number) for number in (speakers, max(1, speakers - 1), speakers + 1))):
                turns = engine.cluster(observations, hint).turns
                error = recording.reference.strict(turns, recording.duration)
                row.append(f"{error:.1%} ({len({turn.speaker for turn in turns})})")
            rows.append(row)
    print(table(HEADER, rows))


if __name__ == "__main__":
    run(main)
