"""A server of this machine with the interfaces of AWS: S3, EC2 and IAM."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.support.ports import free_port

REGION = "us-west-2"


@contextmanager
def aws() -> Iterator[str]:
    """Its address. All clients of AWS in this process, and in those that it starts meanwhile, use it."""
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", address)
            patch.setenv("AWS_ACCESS_KEY_ID", "testing")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
            patch.setenv("AWS_DEFAULT_REGION", REGION)
            patch.delenv("AWS_PROFILE", raising=False)
            yield address
            httpx.post(
                f"{address}/moto-api/reset", timeout=120
            ).raise_for_status()  # servers of one process share what they hold
    finally:
        server.stop()


def create_bucket(name: str) -> None:
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
