"""Does every recording that was accepted complete, whatever process is killed meanwhile?

python -m benchmarks.reliability.kill [--kills N] [--seed N] [--only KIND ...]

An application is started as a user starts it, with a second node in its Ray cluster, and recordings are sent to it all the
time. At random moments one of its processes is killed with SIGKILL: a replica of any kind, Serve's controller, the proxy, the
second node, PostgreSQL, or all of them, after which the application starts again on the same data. In the end every accepted
recording must be `completed`, with the same segments as without a kill.
"""

import argparse
import random
import sys

from benchmarks.harness.application import open_directory
from tests.reliability.kills import KINDS, TwoNodeApplication, kill_under_load
from vivavoce.printing import table

KILLED = ("killed", "times", "not there", "ready again after", "at most")
RECORDINGS = ("accepted", "completed", "failed", "wrong", "attempts 1, 2, 3", "refused requests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    kinds = [arguments.only[i % len(arguments.only)] for i in range(arguments.kills)]
    chance.shuffle(kinds)
    with open_directory() as directory, TwoNodeApplication(directory / "data") as application:
        tally = kill_under_load(application, kinds, chance)
    print(f"\nKills\n{table(KILLED, tally.killed())}")
    print(f"\nRecordings\n{table(RECORDINGS, [tally.recordings()])}")
    for wrong in tally.wrong:
        print(wrong)
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
