"""What the command says when something is not as it should be."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from control_plane.cli.session import Api, find_account, find_deployment
from control_plane.client import AsyncClient, calls
from control_plane.errors import Invalid

Answers = dict[str, Any]


@pytest.fixture
def answers() -> Answers:
    """Of a server, by path."""
    return {}


@pytest.fixture
async def api(answers: Answers) -> AsyncIterator[Api]:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=answers[request.url.path])

    transport = httpx.MockTransport(answer)
    async with AsyncClient("http://slipway", "slo_token", transport=transport) as client:
        yield Api(client)


def _ships(**names: str) -> Answers:
    rows = [{"id": identity, "name": name} for identity, name in names.items()]
    return {"items": rows, "next_cursor": None}


@pytest.mark.parametrize(("text", "identity"), [("dp2", "dp2"), ("b", "dp2"), ("a", "a")])
async def test_a_thing_is_found_by_its_id_before_its_name(
    api: Api, answers: Answers, text: str, identity: str
) -> None:
    answers["/api/v1/deployments"] = _ships(dp1="a", dp2="b", a="c")

    assert (await find_deployment(api, text))["id"] == identity


async def test_what_is_not_there_is_answered_with_what_is(api: Api, answers: Answers) -> None:
    answers["/api/v1/deployments"] = _ships(dp1="a", dp2="b", a="c")

    with pytest.raises(Invalid, match=r"no deployment 'x'\. There are: a, b, c\."):
        await find_deployment(api, "x")


async def test_a_name_that_several_have_needs_the_id(api: Api, answers: Answers) -> None:
    answers["/api/v1/accounts"] = _ships(ac1="a", ac2="a")

    with pytest.raises(Invalid, match="ac1, ac2"):
        await find_account(api, "a")


async def test_a_long_list_is_looked_through_to_its_end() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        asked.append(str(cursor))
        items = [{"id": "dp9", "name": "z"}] if cursor else [{"id": "dp1", "name": "a"}]
        return httpx.Response(200, json={"items": items, "next_cursor": None if cursor else "c"})

    client = AsyncClient("http://slipway", transport=httpx.MockTransport(answer))
    async with client:
        assert (await find_deployment(Api(client), "z"))["id"] == "dp9"
        assert len(await Api(client).rows(calls.list_deployments())) == 1

    assert asked == ["None", "c", "None"]
