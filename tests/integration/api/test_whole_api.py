"""The whole OpenAPI document against a real server in process: whatever comes in, no answer is a
bug of ours, and each is as the document says. One operation at a time, then along its links.

`make fuzz` looks longer: SLIPWAY_API_EXAMPLES and SLIPWAY_API_WALKS say how long.
"""

import asyncio
import os
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from tests.fakes.site import CODE, TOKEN, make_world

pytestmark = [pytest.mark.long, pytest.mark.db, pytest.mark.timeout(900)]

ADDRESS = "http://127.0.0.1:8000"
EXAMPLES = int(os.environ.get("SLIPWAY_API_EXAMPLES", "4"))  # of each operation and kind
WALKS = int(os.environ.get("SLIPWAY_API_WALKS", "12"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TOO_LARGE = 413  # a refusal as well, which the check of refusals does not know
BOUNDED = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Site:
    """A server and one who may do everything there, on a loop of their own."""

    def __init__(self, database: Database, clock: Clock, rng: Rng) -> None:
        self.runner = asyncio.Runner()
        world = self.runner.run(make_world(database, clock, rng, accounts={"sign_up": "open"}))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=ADDRESS)
        self.schema = schemathesis.openapi.from_dict(_for_one_who_may(world.app.openapi()))

    def ask(self, case: Any) -> httpx.Response:
        case.headers["Authorization"] = f"Bearer {TOKEN}"
        asked = requests.Request(**case.as_transport_kwargs(base_url=ADDRESS)).prepare()
        return self.send(str(asked.method), str(asked.url), asked.body, dict(asked.headers))

    def send(self, method: str, url: str, content: Any, headers: dict[str, str]) -> httpx.Response:
        raw = {k.encode(): v.encode("latin-1", "replace") for k, v in headers.items()}
        return self.runner.run(self.client.request(method, url, content=content, headers=raw))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = self.runner.run(self.client.post(f"/api/v1{path}", json=body, headers=headers))
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made


def _for_one_who_may(document: dict[str, Any]) -> dict[str, Any]:
    """Who asks is no part of what is tried here: `test_matrix` tries that. Nor are cookies: they
    are texts, and no text is of the wrong type.
    """
    made = deepcopy(document)
    for methods in made["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
            asked = operation["parameters"]
            operation["parameters"] = [one for one in asked if one.get("in") != "cookie"]
    return made


def check(case: Any, answer: Any) -> None:
    is_refused = answer.status_code == TOO_LARGE
    case.validate_response(
        answer, checks=CHECKS if is_refused else [*CHECKS, negative_data_rejection]
    )


@pytest.fixture
def site(database: Database, real_clock: Clock, rng: Rng) -> Iterator[Site]:
    made = Site(database, real_clock, rng)
    made.post("/strategies", {"name": "SMA cross", "code": CODE})
    made.post("/deployments", {"strategy": "SMA cross", "name": "night"})
    made.post("/accounts/paper", {"name": "practice", "currency": "USDT", "amount": "1000"})
    yield made
    made.runner.run(made.client.aclose())
    made.runner.close()


def test_no_request_finds_a_bug_and_each_is_answered_as_documented(site: Site) -> None:
    for found in site.schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr] # else this fails, and says why
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        kinds = [operation.as_strategy(generation_mode=mode) for mode in modes]

        @settings(BOUNDED, max_examples=EXAMPLES * len(kinds))
        @given(case=st.one_of(*kinds))
        def answers(case: Any) -> None:
            check(case, site.ask(case))

        answers()


def test_no_walk_along_the_links_finds_one_either(site: Site) -> None:
    class Walk(site.schema.as_state_machine()):  # type: ignore[misc] # made at run time
        def call(self, case: Any, **_options: Any) -> Any:
            return schemathesis.Response.from_any(site.ask(case))

        def validate_response(self, response: Any, case: Any, **_options: Any) -> None:
            check(case, response)

    Walk.run(settings=settings(BOUNDED, max_examples=WALKS, stateful_step_count=8))
