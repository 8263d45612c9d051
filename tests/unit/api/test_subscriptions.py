from typing import Any

import httpx
import pytest

TERMS = {"capital": "5000", "capital_currency": "USDT", "risk": "0.01"}


@pytest.fixture
async def subscribed(operator: httpx.AsyncClient, deployed: str, account: str) -> str:
    body = {**TERMS, "deployment_id": deployed, "account_id": account}
    made = await operator.post("/subscriptions", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_a_subscription_is_listed_with_its_terms(
    operator: httpx.AsyncClient, subscribed: str, deployed: str
) -> None:
    listed = (await operator.get("/subscriptions", params={"deployment_id": deployed})).json()

    (found,) = listed["items"]
    assert found["id"] == subscribed
    assert (found["capital"], found["risk"], found["state"]) == ("5000", "0.01", "active")


@pytest.mark.parametrize(
    ("steps", "state"),
    [(["pause"], "paused"), (["pause", "resume"], "active"), (["cancel"], "cancelled")],
)
async def test_a_subscription_does_as_it_is_told(
    operator: httpx.AsyncClient, subscribed: str, steps: list[str], state: str
) -> None:
    for step in steps:
        answer = await operator.post(f"/subscriptions/{subscribed}/{step}")

    assert answer.json()["state"] == state
    assert (await operator.get(f"/subscriptions/{subscribed}")).json()["state"] == state


async def test_terms_are_changed_as_a_whole(operator: httpx.AsyncClient, subscribed: str) -> None:
    answer = await operator.put(
        f"/subscriptions/{subscribed}/terms", json={**TERMS, "risk": "0.02"}
    )

    assert answer.json()["risk"] == "0.02"
    assert answer.json()["version"] == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"deployment_id": "dpnone"}, "deployment_id"),
        ({"account_id": "acnone"}, "account_id"),
        ({"capital": "-1"}, "capital"),
        ({"capital": "1e999999"}, "capital"),
        ({"capital": "1"}, "capital"),
        ({"risk": "2"}, "risk"),
        ({"leverage": "200"}, "leverage"),
        ({"capital_currency": "DOGE"}, "capital_currency"),
        ({"sizing": "yolo"}, "sizing"),
        ({"max_age_seconds": 0}, "max_age_seconds"),
        ({"state": "active"}, "state"),
    ],
)
async def test_terms_that_cannot_be_are_refused_by_their_field(
    operator: httpx.AsyncClient,
    deployed: str,
    account: str,
    change: dict[str, Any],
    field: str,
) -> None:
    body = {**TERMS, "deployment_id": deployed, "account_id": account, **change}
    answer = await operator.post("/subscriptions", json=body)

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["field"] == field


async def test_one_account_follows_a_deployment_once(
    operator: httpx.AsyncClient, subscribed: str, deployed: str, account: str
) -> None:
    body = {**TERMS, "deployment_id": deployed, "account_id": account}
    answer = await operator.post("/subscriptions", json=body)

    assert answer.status_code == 409
    assert subscribed in answer.json()["detail"]
