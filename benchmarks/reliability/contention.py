"""Check that the database stays consistent while clients change the same conversations at the same time.

python -m benchmarks.reliability.contention [--clients N] [--seconds S] [--seed N]

An application is started as a user starts it, and recordings are processed. Then the clients identify, rename, merge, correct,
label, restore, undo and delete at random, and have recordings processed again, each as fast as it is answered. No request may
fail with a status of 500 or more, or remain without an answer. At the end the invariants of `tests.reliability.invariants` must
hold. Then every change that can be undone is undone, step by step, and they must hold again.
"""

import asyncio
import sys

from benchmarks.harness.application import running
from benchmarks.harness.command import Seed, run
from storage.postgres.database import Database
from storage.postgres.embedded import EmbeddedPostgres
from tests.reliability.clients import RECORDINGS, Tally
from tests.reliability.contention import await_jobs, run_clients, undo_all
from tests.reliability.invariants import INVARIANTS, violations
from vivavoce.printing import table
from vivavoce.sample import recording


async def measure(clients: int, seconds: float, seed: int) -> Tally:
    with running() as application:
        for _ in range(RECORDINGS):
            application.process_file(recording())
        address = str(application.client.base_url)
        tally = await run_clients(address, clients, seed, seconds=seconds)
        await await_jobs(address, tally)
        with EmbeddedPostgres(application.data / "postgres") as url:  # the application's own
            database = Database(url)
            try:
                tally.faults += await violations(database)
                await undo_all(address, tally)
                tally.faults += [f"after undoing: {fault}" for fault in await violations(database)]
            finally:
                await database.dispose()
    return tally


def main(clients: int = 20, seconds: float = 60.0, seed: Seed = 0) -> None:
    tally = asyncio.run(measure(clients, seconds, seed))
    print(table(("answers", *map(str, tally.statuses())), tally.rows()))
    print("\n".join(tally.faults) or f"\nNo failure; all {len(INVARIANTS) + 1} invariants hold, before and after undoing.")
    sys.exit(bool(tally.faults))


if __name__ == "__main__":
    run(main)
