"""No request, valid or invalid by the OpenAPI schema, causes a server error, or an answer that the schema does not have."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from api.security import is_openai
from pipeline.stages import Stages
from settings import Settings
from storage.backups import backups
from storage.backups.snapshots import Running
from storage.postgres.database import Database
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.fixed_stages import FixedStages
from tests.support.openapi import published

schemathesis = pytest.importorskip("schemathesis")

EXAMPLES = 6
"""Valid and invalid requests for each route; all routes take less than a minute."""
SOAK_EXAMPLES = 300
REQUEST_TIMEOUT_S = 120.0
SETTINGS = Settings(max_upload_mb=1, speaker_threshold=0.5)

ENDLESS = {"include-path": "/api/v1/events", "max-stream-events": 1}
"""A stream without an end: its first event is read."""

schema = schemathesis.openapi.from_dict(
    deepcopy(published().document),
    config=schemathesis.Config.from_dict({"operations": [ENDLESS]}),
)
OPERATIONS = {operation.ok().label: operation.ok() for operation in schema.get_all_operations()}
LABELS = sorted(OPERATIONS, key=lambda label: label.startswith("DELETE"))  # while the requested objects exist

NEED_A_LANGUAGE_MODEL = {
    "POST /api/v1/ask",
    "POST /api/v1/conversations/{conversation_id}/summary",
    "POST /api/v1/settings/summaries/check",
}
"""Here is none: 503 says so."""
EXISTING: dict[str, st.SearchStrategy[Any]] = {
    "conversation_id": st.integers(1, 3),
    "segment_id": st.integers(1, 12),
    "speaker_id": st.integers(1, 3),
    "name": st.just("home"),
    "emotion": st.just("happy"),
}
"""Ids that half of the requests use: existing objects."""


async def fill(database: Database) -> None:
    """Three conversations of three speakers, one of them without a name."""
    async with database.session() as session:
        people = [await add_speaker(session, name, seed) for seed, name in enumerate(("Ana", "Unknown_01", "Bo"))]
        for who in (people[:2], [people[2], None], people):
            await add_talk(session, who)
        await backups.create(session, Running(SETTINGS, MODEL), "home", None, empty=False)


@pytest.fixture(scope="module")
def address(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    fixed = FixedStages()
    stages = Stages(fixed, fixed, fixed, fixed)
    with serving(SETTINGS, database_url, tmp_path_factory.mktemp("audio"), MODEL, fill, stages) as address:
        yield address


@pytest.mark.parametrize("examples", [EXAMPLES, pytest.param(SOAK_EXAMPLES, marks=pytest.mark.soak)])
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", LABELS)
def test_no_request_causes_a_server_error(address: str, label: str, mode: Any, examples: int) -> None:
    cases = OPERATIONS[label].as_strategy(generation_mode=mode)

    @settings(
        max_examples=examples,
        derandomize=examples == EXAMPLES,  # a soak draws other examples each time
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        case = data.draw(cases)
        if case.path_parameters and data.draw(st.booleans()):
            case.path_parameters |= {name: data.draw(EXISTING[name]) for name in EXISTING.keys() & case.path_parameters.keys()}
        answer = case.call(base_url=address, timeout=REQUEST_TIMEOUT_S)
        refused = answer.status_code == 503 and label in NEED_A_LANGUAGE_MODEL
        assert answer.status_code < 500 or refused, (answer.status_code, answer.text[:500])
        media_type = answer.headers.get("content-type", [""])[0]
        url = urlsplit(str(answer.request.url))
        published().check(case.method, unquote(url.path), answer.status_code, media_type, answer.content)
        if answer.status_code >= 400:
            assert ("error" if is_openai(url.path) else "detail") in answer.json()

    try:
        check()
    except Unsatisfiable:
        pytest.skip("this request has nothing that could be invalid")
