"""Webhooks: POST an event to the URL of each ended job, signed according to https://www.standardwebhooks.com.

The signature is our own code: an HMAC of the standard library and three headers need no dependency. Receivers can verify it
with any library of that specification.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Sequence

import httpx

from services import schemas
from services.fetch import FetchError, pin
from services.runtime import Runtime
from settings import Settings
from storage.jobs import webhooks
from storage.jobs.webhooks import Delivery
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

POLL_INTERVAL_S = 1.0
MAX_DELIVERIES = 16
"""Deliveries at a time."""
RESPONSE_TIMEOUT_S = 15.0


class Webhooks:
    """Delivers from `start` until `close`; a delivery that is not complete by then is due again later."""

    def __init__(self, settings: Settings, database: Database, runtime: Runtime) -> None:
        self._runtime = runtime
        self.settings = settings
        self.database = database

    def start(self) -> None:
        self._task = asyncio.create_task(self._deliver_all(), context=self._runtime.detached(""))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _deliver_all(self) -> None:
        if self.settings.webhook_secret is None:
            return
        secret = self.settings.webhook_secret.get_secret_value()
        async with httpx.AsyncClient(trust_env=False, timeout=RESPONSE_TIMEOUT_S) as client:
            while True:
                due: Sequence[Delivery] = ()
                try:
                    async with self.database.session() as session:
                        due = await webhooks.claim(session, MAX_DELIVERIES)
                    await asyncio.gather(*(self._deliver(client, delivery, secret) for delivery in due))
                except Exception as error:  # the database is down; what is not marked as delivered is due again
                    logger.warning("Webhooks wait for the database: %s", error)
                if len(due) < MAX_DELIVERIES:
                    await asyncio.sleep(POLL_INTERVAL_S)

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery, secret: str) -> None:
        job = schemas.Job.model_validate(delivery.job)
        what = "job" if job.kind == "recording" else job.kind
        event = schemas.JobEvent(type=f"{what}.{job.state}", timestamp=job.finished_at, data=job)
        body = event.model_dump_json().encode()
        headers = {"Content-Type": "application/json"} | signed(f"job_{job.id}", int(time.time()), body, secret)
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                request = client.build_request("POST", delivery.url, content=body, headers=headers)
                await pin(request, self.settings.private_urls)
                answer = await client.send(request, stream=True)  # only the status matters, so the body is not read
                await answer.aclose()
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, FetchError, TimeoutError) as error:
            logger.warning("The webhook of job %d failed in attempt %d: %s", job.id, delivery.attempt, reason(error))
        else:
            async with self.database.session() as session:
                await webhooks.mark_delivered(session, delivery)


def reason(error: Exception) -> str:
    """Why a delivery failed, without the URL, which often holds the receiver's secret."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the receiver answered {error.response.status_code}"
    return str(error) if isinstance(error, FetchError) else type(error).__name__


def signed(id_: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """The headers by which a receiver that has the secret verifies sender and time."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
