"""Check that every accepted recording completes, whichever process is killed meanwhile.

python -m benchmarks.reliability.kill [--kills N] [--seed N] [--only KIND ...]

An application is started as a user starts it, with a second node in its Ray cluster, and recordings are sent to it all the
time. At random moments one of its processes is killed with SIGKILL: a replica of any kind, Serve's controller, the proxy, the
second node, PostgreSQL, or all of them, after which the application starts again on the same data. In the end every accepted
recording must be `completed`, with the same segments as without a kill.
"""

import os
import random
import sys
from typing import Annotated

import typer

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import Seed, run
from tests.reliability.kills import KINDS, TwoNodeApplication, kill_under_load
from tests.support.program import ServedApplication
from vivavoce.printing import table

KILLED = ("killed", "times", "not there", "ready again after", "at most")
RECORDINGS = ("accepted", "completed", "failed", "wrong", "attempts 1, 2, 3", "refused requests")


def main(
    kills: int = 50,
    seed: Seed = 0,
    only: Annotated[list[str] | None, typer.Option(help="Kinds of processes to kill; all if not given.")] = None,
) -> None:
    chance = random.Random(seed)
    if unknown := set(only or ()) - set(KINDS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose of {', '.join(KINDS)}.", param_hint="--only")
    chosen = only or KINDS
    kinds = [chosen[i % len(chosen)] for i in range(kills)]
    chance.shuffle(kinds)
    with (
        open_directory() as directory,
        ServedApplication(directory, **os.environ) as served,
        TwoNodeApplication(served) as application,
    ):
        tally = kill_under_load(application, kinds, chance)
    print(f"\nKills\n{table(KILLED, tally.killed())}")
    print(f"\nRecordings\n{table(RECORDINGS, [tally.recordings()])}")
    for wrong in tally.wrong:
        print(wrong)
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    run(main)
