"""How the page is served. tests/browser opens the real one."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api import page
from settings import Settings
from storage.postgres.database import Database
from tests.support.application import answering, connected, no_stages
from tests.support.program import ROOT

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SCRIPT = b"console.log(1);" * 100
ROUTES = ROOT / "web" / "src" / "app" / "routes.tsx"


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a build leaves."""
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(f'<meta property="csp-nonce" nonce="{page.NONCE}">')
    (built / "icon.svg").write_text("<svg/>")
    (built / "manifest.webmanifest").write_text("{}")
    (built / "assets" / "index-Dn3.js").write_bytes(SCRIPT)
    (built / "assets" / "index-Dn3.js.gz").write_bytes(gzip.compress(SCRIPT))
    (built / "assets" / "worklet-Ab1.js").write_bytes(SCRIPT)
    (tmp_path / "secret").write_text("not a file of the page")
    monkeypatch.setattr(page, "DIST", built)
    return built


@pytest.fixture(params=["required", "auto"])
async def client(
    request: pytest.FixtureRequest, dist: Path, database: Database, database_url: str, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Of an application that requires a login, and of one that does not."""
    async with (
        connected(Settings(auth=request.param), database_url, tmp_path, no_stages(), None) as context,
        answering(context) as application,
    ):
        application.client.base_url = httpx.URL("http://localhost")
        yield application.client


def addresses() -> list[str]:
    """Those that web/src/app/routes.tsx knows, with a value for each parameter."""
    paths: list[str] = re.findall(r'path: "([^"*]+)"', ROUTES.read_text())
    assert "people" in paths
    return [re.sub(r":\w+\??", "12", path if path.startswith("/") else f"/{path}") for path in paths]


async def test_every_address_of_the_page_is_answered_with_it(client: httpx.AsyncClient) -> None:
    for address in [*addresses(), "/settings", "/c/12?t=3.5"]:
        for method in ("GET", "HEAD"):
            answer = await client.request(method, address, headers=BROWSER)
            assert answer.status_code == 200, address
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-cache"
            assert "ETag" not in answer.headers  # files of a package may be of one size and time before and after an update
        assert (await client.post(address)).status_code == 405


async def test_each_answer_has_a_nonce_of_its_own(client: httpx.AsyncClient) -> None:
    nonces = set()
    for _ in range(3):
        answer = await client.get("/", headers=BROWSER)
        nonce = re.findall(r'nonce="([\w-]{22})"', answer.text)[0]
        assert answer.headers["Content-Security-Policy"].endswith(f"; style-src 'self' 'nonce-{nonce}'")
        assert "default-src 'self'; " in answer.headers["Content-Security-Policy"]
        nonces.add(nonce)
    assert len(nonces) == 3


async def test_programs_get_json_at_the_root(client: httpx.AsyncClient) -> None:
    for accept in ("application/json", "*/*", ""):
        answer = await client.get("/", headers={"Accept": accept})
        assert answer.json() == {"message": "Vivavoce", "docs": "/docs", "api": "/api/v1", "mcp": "/mcp"}
        assert "Accept" in answer.headers["Vary"].split(", ")


async def test_unknown_paths_are_no_page(client: httpx.AsyncClient) -> None:
    for path in ("/api", "/api/v1/none", "/api/none", "/v1/none", "/mcp/none", "/docs/none", "/health", "/none", "/openapi"):
        answer = await client.get(path, headers=BROWSER)
        assert answer.status_code in (401, 404), path
        assert answer.headers["Content-Type"] == "application/json"


async def test_assets_are_kept_and_compressed(client: httpx.AsyncClient) -> None:
    packed = await client.get("/assets/index-Dn3.js", headers={"Accept-Encoding": "br, gzip"})
    plain = await client.get("/assets/index-Dn3.js", headers={"Accept-Encoding": "identity"})
    alone = await client.get("/assets/worklet-Ab1.js", headers={"Accept-Encoding": "gzip"})
    assert packed.content == plain.content == alone.content == SCRIPT
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(SCRIPT) / 10
    assert not any("Content-Encoding" in answer.headers for answer in (plain, alone))
    for answer in (packed, plain, alone):
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Accept-Encoding" in answer.headers["Vary"].split(", ")
    assert packed.headers["ETag"] != plain.headers["ETag"]
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert (await client.get("/assets/index-Dn3.js", headers=again)).status_code == 304


async def test_other_files_are_asked_for_again(client: httpx.AsyncClient) -> None:
    for path, kind in (("/icon.svg", "image/svg+xml"), ("/manifest.webmanifest", "application/manifest+json")):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].partition(";")[0] == kind
        assert answer.headers["Cache-Control"] == "no-cache"
        again = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


async def test_nothing_else_is_sent(client: httpx.AsyncClient) -> None:
    for path in ("none.js", "", "../index.html", "..%2f..%2fsecret", "%00", "a" * 3000, "//etc/passwd"):
        answer = await client.get(f"/assets/{path}", headers={**BROWSER, "Accept-Encoding": "gzip"})
        assert answer.status_code in (401, 404), path
        assert "max-age" not in answer.headers.get("Cache-Control", "")


async def test_without_a_build_the_page_says_what_to_do(client: httpx.AsyncClient, dist: Path) -> None:
    (dist / "index.html").unlink()
    (dist / "icon.svg").unlink()
    answer = await client.get("/people", headers=BROWSER)
    assert answer.status_code == 503
    assert "hatch_build.py" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await client.get("/icon.svg")).status_code == 404
    assert (await client.get("/")).json()["api"] == "/api/v1"
