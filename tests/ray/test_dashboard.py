"""Ray's dashboard of `vivavoce serve`, by its HTTP API, and the command that opens it."""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import vivavoce.dashboard
from deployments import metrics
from tests.support.command_line import vivavoce_here
from tests.support.program import ServedApplication

pytestmark = pytest.mark.ray

STAGES = {"Transcriber", "Diarizer", "SpeakerEmbedder", "EmotionRecognizer", "TextEmbedder", "Ingress"}
BROWSER = """
import sys, urllib.request
from pathlib import Path

class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None

try:
    urllib.request.build_opener(Stay, urllib.request.ProxyHandler({})).open(sys.argv[1])
except urllib.error.HTTPError as answer:
    Path(__file__).with_name("cookie").write_text(answer.headers["Set-Cookie"].partition(";")[0])
"""
METRICS_TIMEOUT_S = 120.0
"""Replicas report every ten seconds."""


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """Beside the models the dashboard answers later than a person waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vivavoce.dashboard, "TIMEOUT_S", 600.0)
        patch.setattr(vivavoce.dashboard, "BROWSER_TIMEOUT_S", 600.0)
        yield


@pytest.fixture(scope="module")
def printed(program: ServedApplication) -> str:
    done = vivavoce_here("dashboard", "--no-browser", "--data-dir", program.data)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dashboard(printed: str) -> Iterator[httpx.Client]:
    """Signed in as a browser is, with the token that the command prints."""
    address, (token,) = printed.split()[0], re.findall(r"\b[0-9a-f]{64}\b", printed)
    with httpx.Client(base_url=address, timeout=600, trust_env=False) as client:
        assert client.get("/api/serve/applications/").status_code == 401
        assert client.post("/api/authenticate", headers={"Authorization": "Bearer wrong"}).status_code == 403
        client.post("/api/authenticate", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        yield client


@pytest.fixture(scope="module")
def deployments(dashboard: httpx.Client) -> dict[str, Any]:
    found = dashboard.get("/api/serve/applications/").raise_for_status().json()
    return dict(found["applications"]["vivavoce"]["deployments"])


def test_the_program_prints_its_address(program: ServedApplication, printed: str) -> None:
    address = printed.split()[0]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
    assert f"Ray's dashboard: {address} " in program.stderr


def test_deployments_and_replicas_carry_the_names_of_the_stages(dashboard: httpx.Client, deployments: dict[str, Any]) -> None:
    assert deployments.keys() == STAGES
    assert {deployment["status"] for deployment in deployments.values()} == {"HEALTHY"}
    actors = dashboard.get("/logical/actors").raise_for_status().json()["data"]["actors"].values()
    names = {actor["className"] for actor in actors if actor["state"] == "ALIVE"}
    assert {f"ServeReplica:vivavoce:{name}" for name in STAGES} <= names


def test_the_logs_of_replicas_open(dashboard: httpx.Client, deployments: dict[str, Any]) -> None:
    for deployment in deployments.values():
        (replica,) = deployment["replicas"]
        query = {"node_id": replica["node_id"], "filename": replica["log_file_path"].lstrip("/"), "lines": "100"}
        assert dashboard.get("/api/v0/logs/file", params=query).status_code == 200, replica["log_file_path"]


def test_our_metrics_are_at_the_address_that_it_names(dashboard: httpx.Client) -> None:
    (scraped,) = dashboard.get("/api/prometheus/sd").raise_for_status().json()
    deadline = time.monotonic() + METRICS_TIMEOUT_S
    while True:
        text = "".join(
            httpx.get(f"http://{target}/metrics", trust_env=False, timeout=600).text for target in scraped["targets"]
        )
        found = set(re.findall(rf'ray_{metrics.AUDIO}\{{.*deployment="(\w+)"', text))  # the sample was processed
        if found >= STAGES - {"Ingress", "TextEmbedder"} or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert found - {"TextEmbedder"} == STAGES - {"Ingress", "TextEmbedder"}


def test_the_command_signs_a_browser_in(program: ServedApplication, tmp_path: Path) -> None:
    """A browser that keeps the cookie of the page that it is sent to."""
    browser = tmp_path / "browser.py"
    browser.write_text(BROWSER)
    environment = {"DISPLAY": ":0", "BROWSER": f"{sys.executable} {browser} %s"}
    done = vivavoce_here("dashboard", "--data-dir", program.data, **environment)
    assert done.returncode == 0, done.stderr
    (address,) = done.stdout.split()  # and no token
    name, value = (tmp_path / "cookie").read_text().split("=")
    assert (
        httpx.get(f"{address}/api/serve/applications/", cookies={name: value}, trust_env=False, timeout=120).status_code == 200
    )


def test_without_a_running_program_the_command_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    done = vivavoce_here("dashboard", "--data-dir", empty)
    assert done.returncode == 1
    assert f"No dashboard runs for {empty}" in done.stderr
