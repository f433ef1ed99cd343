"""Clients that change the same conversations at the same time.

`test_contention` runs a short version without models, `benchmarks.reliability.contention` a long one with them.
"""

import asyncio
import math
import random
import sys

import httpx

from tests.reliability.clients import TIMEOUT_S, Client, Tally, World


async def run_clients(
    address: str, clients: int, seed: int, *, seconds: float = math.inf, actions: int = sys.maxsize, with_models: bool = True
) -> Tally:
    """Have so many clients send requests at the same time to `address` (below `/api/v1`).

    Each stops after `seconds`, or after so many `actions`.
    """
    world, tally, ids_read = World(), Tally(), asyncio.Event()
    end = asyncio.get_running_loop().time() + seconds

    async def run_client(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S) as http:
            client = Client(http, world, tally, random.Random(0))
            if not number:
                await client.look()
                ids_read.set()
            await ids_read.wait()
            done = 0
            while done < actions and asyncio.get_running_loop().time() < end:
                # A generator for each action: what is requested does not depend on earlier answers.
                client.chance = random.Random(f"{seed} {number} {done}")
                await client.act(with_models)
                done += 1

    await asyncio.gather(*(run_client(number) for number in range(clients)))
    return tally


async def await_jobs(address: str, tally: Tally) -> None:
    """Wait until no job is queued or running."""
    end = asyncio.get_running_loop().time() + TIMEOUT_S
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S) as http:
        while asyncio.get_running_loop().time() < end:
            counts = [(await http.get("/jobs", params={"state": state})).json()["total"] for state in ("queued", "running")]
            if not any(counts):
                return
            await asyncio.sleep(0.5)
    tally.faults.append(f"jobs have not ended after {TIMEOUT_S:.0f} s")


async def undo_all(address: str, tally: Tally) -> None:
    """Undo speaker changes until none is left or one is refused."""
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S) as http:
        client = Client(http, World(), tally, random.Random(0))
        while await client.request("undo at the end", "POST", "/speakers/undo") is not None:
            pass
