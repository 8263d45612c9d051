"""What people get wrong: each is a 4xx that names the field and says what to do."""

from typing import Any

import httpx
import pytest

from tests.fakes.site import CODE

PAPER = {"name": "practice", "currency": "USDT", "amount": "1000"}


async def _upload(operator: httpx.AsyncClient) -> None:
    assert (
        await operator.post("/strategies", json={"name": "cross", "code": CODE})
    ).status_code == 201


async def test_a_strategy_that_does_not_parse_is_refused_with_its_line(
    operator: httpx.AsyncClient,
) -> None:
    code = "class Broken(:\n    pass\n"
    answer = await operator.post("/strategies", json={"name": "broken", "code": code})

    assert answer.status_code == 422
    problem = answer.json()
    assert problem["field"] == "code"
    assert "line 1" in problem["detail"]
    assert problem["remedy"]
    assert problem["errors"][0]["rule"] == "syntax"


async def test_the_report_of_a_refused_version_can_be_looked_at(
    operator: httpx.AsyncClient,
) -> None:
    await operator.post("/strategies", json={"name": "broken", "code": "import os\n"})

    versions = (await operator.get("/strategies/broken/versions")).json()["items"]
    report = (await operator.get(f"/versions/{versions[0]['id']}")).json()

    assert report["state"] == "failed"
    assert report["findings"]
    assert report["code"] == "import os\n"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"instrument": "DOGEXYZ"}, "instrument"),
        ({"resolution": "7m"}, "resolution"),
        ({"parameters": {"fast": 1}}, "parameters.fast"),
        ({"parameters": {"fast": "many"}}, "parameters.fast"),
        ({"parameters": {"slow": 5}}, "parameters.slow"),
        ({"strategy": "nothing"}, "strategy"),
        ({"memory_mb": 1}, "memory_mb"),
        ({"memory_mb": "much"}, "memory_mb"),
        ({"cpus": 99}, "cpus"),
        ({"is_admin": True}, "is_admin"),
        ({"name": ""}, "name"),
    ],
)
async def test_a_deployment_that_cannot_be_is_refused_by_its_field(
    operator: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    await _upload(operator)

    answer = await operator.post("/deployments", json={"strategy": "cross", **change})

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["field"] == field
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/deployments/dpnone"),
        ("POST", "/deployments/dpnone/stop"),
        ("DELETE", "/deployments/dpnone"),
        ("GET", "/deployments/dpnone/logs"),
        ("GET", "/deployments/dpnone/executions"),
        ("GET", "/signals/sgnone"),
        ("GET", "/intents/none"),
        ("GET", "/strategies/none/versions"),
        ("GET", "/versions/none"),
        ("GET", "/accounts/acnone/balances"),
    ],
)
async def test_what_is_not_there_is_a_404_in_words(
    operator: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await operator.request(method, path)

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("There is no ")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "-5"}, "amount"),
        ({"amount": "lots"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"currency": "rupees please"}, "currency"),
        ({"name": " "}, "name"),
        ({"tenant": "us-other"}, "tenant"),
    ],
)
async def test_an_account_that_cannot_be_is_refused_by_its_field(
    operator: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await operator.post("/accounts/paper", json={**PAPER, **change})

    assert answer.status_code == 422
    assert answer.json()["field"] == field


@pytest.mark.parametrize("query", ["limit=0", "limit=1000000", "limit=x", "cursor=%F0%9F%90%8B"])
@pytest.mark.attack("U13")
async def test_a_page_that_cannot_be_is_refused(operator: httpx.AsyncClient, query: str) -> None:
    answer = await operator.get(f"/signals?{query}")

    assert answer.status_code == 422
    assert answer.json()["field"] in {"limit", "cursor"}


@pytest.mark.parametrize("manifest", ["[1]", "{", '"text"'])
async def test_a_manifest_that_is_no_object_is_refused(
    operator: httpx.AsyncClient, manifest: str
) -> None:
    files = {"code": ("a.py", CODE), "manifest": ("a.json", manifest)}
    answer = await operator.post("/strategies/files", data={"name": "cross"}, files=files)

    assert answer.status_code == 422
    assert answer.json()["field"] == "manifest"


async def test_code_that_is_no_text_is_refused(operator: httpx.AsyncClient) -> None:
    files = {"code": ("a.py", b"\xff\xfe\x00")}
    answer = await operator.post("/strategies/files", data={"name": "cross"}, files=files)

    assert answer.status_code == 422
    assert answer.json()["field"] == "code"


async def test_a_name_of_somebody_elses_thing_is_taken_once(operator: httpx.AsyncClient) -> None:
    await operator.post("/accounts/paper", json=PAPER)

    answer = await operator.post("/accounts/paper", json=PAPER)

    assert answer.status_code == 409
    assert answer.json()["field"] == "name"


async def test_a_field_that_is_wrong_is_shown_as_it_may_be(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/accounts/paper", json={**PAPER, "currency": "inr"})

    assert (answer.status_code, answer.json()["field"]) == (422, "currency")
    assert answer.json()["remedy"] == 'Correct currency, such as "INR".'


@pytest.mark.parametrize("body", [b'{"name": "practice"}', b"[]", b""])
async def test_a_body_that_is_no_json_object_is_told_to_be_one(
    operator: httpx.AsyncClient, body: bytes
) -> None:
    """`curl -d` says that it sends a form."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await operator.post("/accounts/paper", content=body, headers=kind)

    assert answer.status_code == 422
    assert answer.json()["detail"] == "The body is no JSON object."
    assert "Content-Type: application/json" in answer.json()["remedy"]
