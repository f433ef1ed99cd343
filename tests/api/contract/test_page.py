"""`docs/api.md` lists every route, and those of the older API with the test that replays it."""

import re
from pathlib import Path

from api.security import is_openai
from tests.support.application import Application

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_page_lists_every_route_and_every_test_is_there(application: Application) -> None:
    tests = set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))))
    served = {(method.upper(), path) for path, methods in application.app.openapi()["paths"].items() for method in methods}
    text = PAGE.read_text()
    replayed = re.findall(r"^\| (\w+) `([^`]+)` \|[^|]*\| `(test_\w+)` \|$", text, re.MULTILINE)
    added = re.findall(r"^\| (\w+) `([^`]+)` \| [^|]*\|$", text, re.MULTILINE)
    assert len(replayed) >= 45
    assert {test for _, _, test in replayed} <= tests
    # Their other address is in no schema; the named tests request both.
    listed = {
        (method, path if is_openai(path) else f"/api/v1{path.replace('/conversations/speakers/', '/speakers/')}")
        for method, path, *_ in (*replayed, *added)
    }
    assert listed <= served
    assert {path for _, path in served - listed} == {"/health/live", "/health/ready"}


def test_the_schema_says_what_everything_is_for(application: Application) -> None:
    for path, methods in application.app.openapi()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)
            silent = [
                one["name"] for one in operation.get("parameters", ()) if one["in"] != "path" and "description" not in one
            ]
            assert not silent, (method, path, silent)
