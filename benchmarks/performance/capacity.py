"""The size and the cost of an installation, computed from measurements of an hour of audio.

    python -m benchmarks.performance.capacity

The first table repeats measurements, which `footprint`, `gpu`, `scale` and `live` of this folder make. The other tables are
computed from it and from the prices and data sheets below. `docs/scale.md` explains them.
"""

from dataclasses import dataclass

from benchmarks.harness.command import run
from vivavoce.printing import table

HOUR_S, MONTH_H = 3600.0, 730.0
MB, GB, TB = 1e6, 1e9, 1e12

# An hour of audio, measured by `footprint`: a talk of 12 minutes ten times, the embedded models, one core of an x86-64 server.
CPU_S = {
    "decode": 5.4,
    "find_speech": 7.5,
    "detect_language, once a recording": 0.9,
    "transcribe": 277.2,
    "observe": 192.4,
    "cluster, a recording of an hour": 1.0,
    "embed_each": 40.3,
    "recognize": 58.8,
}
MOVED_MB = {
    "samples, once to each node": 230.4,
    "observations, to the caller and to the clustering": 34.5,
    "all other calls": 4.0,
}
"""Through Ray."""
SEGMENTS = 612.0
ROWS_MB, INDEXES_MB, LOG_MB = 4.67, 0.34, 5.6
SEGMENTS_SHARE = 4.47 / 4.67
"""Of the table of segments in the bytes of all rows."""
STORED_AUDIO_MB = 68.7

# Measured by `gpu` on an H100 with 16 cores, see docs/operations.md: times real time, and the share of time the GPU is busy.
GPU_HOST_CPU_S = 16 * HOUR_S / 410
"""At most: all 16 cores for the time that the embedded models took, four recordings at a time."""
GRAPHS = {"embedded models": (410, 0.47), "large-v3, emotion2vec_plus_large": (84, 0.64)}
LARGE_WINDOW_S = 1.7 / 16
"""large-v3 in fp16 on the same machine: a window in a batch of 16."""

# Measured by `scale`, with 100,000 references.
MATCH_S = 6.6e-3
REFERENCES = 100_000
REFERENCE_BYTES = 1020.0
READ_S = 1e-5
"""A reference, when a process reads all of them."""
LIVE_VAD = 0.006
"""Cores for the voice activity detection of a stream."""

# Assumptions about use.
REFERENCES_OF_VOICE = 5
LIVE_SEGMENT_S = 5.0
PARTIAL_INTERVAL_S = 1.0
STREAM_BYTES_S = 32_000
"""16 kHz, 16 bits."""

# List prices: AWS, us-east-1, on demand, Linux, November 2026. H100: an eighth of a p5.48xlarge.
S3_MONTH, EBS_MONTH = 0.023 / GB, 0.08 / GB
"""Dollars for a byte and month: S3 Standard, gp3."""
TABLE_LIMIT = 32 * 2**40
"""Bytes of a table of PostgreSQL with pages of 8 kB."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The part of a machine that belongs to one GPU."""

    name: str
    dollars_an_hour: float
    cores: float
    slower: tuple[float, float]
    """Than an H100 SXM, by memory bandwidth and by dense fp16 arithmetic, according to data sheets."""


MACHINES = (
    Machine("H100 (p5.48xlarge / 8)", 55.04 / 8, 192 / 8, (1.0, 1.0)),
    Machine("A10G (g5.xlarge)", 1.006, 4, (3350 / 600, 989 / 70)),
    Machine("L4 (g6.xlarge)", 0.8048, 4, (3350 / 300, 989 / 121)),
)


def an_hour() -> str:
    rows = [(f"CPU s, {name}", f"{seconds:.1f}") for name, seconds in CPU_S.items()]
    rows.append(("CPU s, all calls", f"{sum(CPU_S.values()):.0f}"))
    for name, (speed, busy) in GRAPHS.items():
        rows.append((f"H100 s, {name}", f"{busy * HOUR_S / speed:.1f}"))
    rows.append(("CPU s beside an H100, at most", f"{GPU_HOST_CPU_S:.0f}"))
    rows += [(f"MB moved, {name}", f"{size:.1f}") for name, size in MOVED_MB.items()]
    rows += [("MB in the audio store (FLAC)", f"{STORED_AUDIO_MB:.1f}"), ("MB of rows", f"{ROWS_MB:.2f}")]
    rows += [
        ("MB of indexes", f"{INDEXES_MB:.2f}"),
        ("MB of PostgreSQL's log", f"{LOG_MB:.1f}"),
        ("segments", f"{SEGMENTS:.0f}"),
    ]
    return table(("an hour of audio", "measured"), rows)


def cost() -> str:
    """Of an hour of audio: the GPU or the cores, whichever takes longer."""
    rows = []
    for name, (speed, busy) in GRAPHS.items():
        for machine in MACHINES:
            gpu, cpu = busy * HOUR_S / speed, GPU_HOST_CPU_S / machine.cores
            seconds = sorted(max(gpu * slower, cpu) for slower in machine.slower)
            dollars = [took / HOUR_S * machine.dollars_an_hour for took in seconds]
            rows.append(
                (name, machine.name, *(f"{low:.{n}f} to {high:.{n}f}" for (low, high), n in ((seconds, 0), (dollars, 3))))
            )
    return table(("models", "machine", "s of it", "dollars"), rows)


def stored() -> str:
    rows = []
    for million in (1, 10, 100):
        hours = million * 1e6
        database, segments = hours * (ROWS_MB + INDEXES_MB) * MB, hours * ROWS_MB * SEGMENTS_SHARE * MB
        audio = hours * STORED_AUDIO_MB * MB
        rows.append(
            (
                f"{million} million",
                f"{hours * SEGMENTS / 1e9:.1f}",
                f"{database / TB:.0f}",
                f"{segments / TABLE_LIMIT:.1f}",
                f"{audio / TB:,.0f}",
                f"{database * EBS_MONTH:,.0f}",
                f"{audio * S3_MONTH:,.0f}",
            )
        )
    header = (
        "hours",
        "10^9 segments",
        "TB of database",
        "of the limit of a table",
        "TB of audio",
        "$/month disk",
        "$/month S3",
    )
    return table(header, rows)


def voices() -> str:
    rows = []
    for count in (20_000, 100_000, 1_000_000, 10_000_000):
        references = count * REFERENCES_OF_VOICE
        match = MATCH_S * references / REFERENCES
        rows.append(
            (
                f"{count:,}",
                f"{references:,}",
                f"{references * REFERENCE_BYTES / GB:.1f}",
                f"{match:.3f}",
                f"{references * READ_S:,.0f}",
                f"{LIVE_SEGMENT_S / match:,.0f}",
            )
        )
    return table(("voices", "references", "GB in each ingress", "s a match", "s to read all", "streams at most"), rows)


def live(streams: int = 10_000) -> str:
    embedded, full = (busy * HOUR_S / speed / HOUR_S for speed, busy in GRAPHS.values())
    segment = LARGE_WINDOW_S / LIVE_SEGMENT_S
    rows = [
        ("Gbit/s that arrive", f"{streams * STREAM_BYTES_S * 8 / 1e9:.1f}"),
        ("cores for voice activity detection", f"{streams * LIVE_VAD:.0f}"),
        ("segments a second", f"{streams / LIVE_SEGMENT_S:,.0f}"),
        ("H100, embedded models, as for recordings", f"{streams * embedded:.0f}"),
        ("H100, full-size models, as for recordings", f"{streams * full:.0f}"),
        ("H100, large-v3 alone, a window for each segment", f"{streams * segment:.0f}"),
        ("H100, large-v3 alone, partial results every second", f"{streams * LARGE_WINDOW_S / PARTIAL_INTERVAL_S:,.0f}"),
    ]
    return table((f"{streams:,} live streams", "computed"), rows)


def main() -> None:
    for title, text in (
        ("Measured", an_hour()),
        ("Computed: cost of an hour of audio", cost()),
        ("Computed: an archive", stored()),
        ("Computed: voices", voices()),
        ("Computed: live", live()),
    ):
        print(f"{title}\n\n{text}\n")


if __name__ == "__main__":
    run(main)
