"""What the command says when something is not as it should be."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from control_plane.cli.session import Api, Refused, find
from control_plane.errors import Invalid
from control_plane.infra.net import Reply, Request


class FakeNet:
    """Answers from a table of method and path; what was asked can be looked at."""

    def __init__(self, answers: Mapping[str, tuple[int, Any]]) -> None:
        self.answers = answers
        self.asked: list[Request] = []

    async def send(self, request: Request) -> Reply:
        self.asked.append(request)
        path = request.url.removeprefix("http://slipway").partition("?")[0]
        status, body = self.answers[f"{request.method} {path}"]
        return Reply(status, {}, json.dumps(body).encode())


def _api(answers: Mapping[str, tuple[int, Any]]) -> tuple[Api, FakeNet]:
    net = FakeNet(answers)
    return Api(net, "http://slipway", "slo_token"), net


SHIPS = {
    "items": [{"id": "dp1", "name": "a"}, {"id": "dp2", "name": "b"}, {"id": "a", "name": "c"}]
}


async def test_the_operators_token_goes_with_every_question() -> None:
    api, net = _api({"GET /api/v1/accounts": (200, {"items": []})})

    await api.get("/accounts", limit=5, state=None)

    assert net.asked[0].url.endswith("/accounts?limit=5")
    assert net.asked[0].headers["Authorization"] == "Bearer slo_token"


async def test_a_problem_becomes_a_refusal_with_its_remedy() -> None:
    problem = {"detail": "There is no such thing.", "field": "name", "remedy": "Make one."}
    api, _ = _api({"POST /api/v1/accounts/paper": (422, problem)})

    with pytest.raises(Refused) as refused:
        await api.post("/accounts/paper", {})

    assert str(refused.value) == "There is no such thing. Make one."
    assert refused.value.field == "name"


async def test_an_answer_without_a_body_is_nothing() -> None:
    class Silent:
        async def send(self, request: Request) -> Reply:
            return Reply(204, {}, b"")

    assert await Api(Silent(), "http://slipway", "t").delete("/deployments/dp1") is None


@pytest.mark.parametrize(("text", "identity"), [("dp2", "dp2"), ("b", "dp2"), ("a", "a")])
async def test_a_thing_is_found_by_its_id_before_its_name(text: str, identity: str) -> None:
    api, _ = _api({"GET /api/v1/deployments": (200, SHIPS)})

    assert (await find(api, "/deployments", text, "deployment"))["id"] == identity


async def test_what_is_not_there_is_answered_with_what_is() -> None:
    api, _ = _api({"GET /api/v1/deployments": (200, SHIPS)})

    with pytest.raises(Invalid, match=r"no deployment 'x'\. There are: a, b, c\."):
        await find(api, "/deployments", "x", "deployment")


async def test_a_name_that_several_have_needs_the_id() -> None:
    twins = {"items": [{"id": "dp1", "name": "a"}, {"id": "dp2", "name": "a"}]}
    api, _ = _api({"GET /api/v1/deployments": (200, twins)})

    with pytest.raises(Invalid, match="dp1, dp2"):
        await find(api, "/deployments", "a", "deployment")
