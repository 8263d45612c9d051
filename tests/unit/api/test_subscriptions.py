from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.factories import D
from tests.fakes.site import World
from tests.unit.api.holdings import put

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


async def test_each_change_is_told_newest_first_with_who_made_it(
    operator: httpx.AsyncClient, subscribed: str
) -> None:
    await operator.put(f"/subscriptions/{subscribed}/terms", json={**TERMS, "risk": "0.02"})
    until = {"until": "2999-01-01T00:00:00Z"}
    refused = await operator.post(f"/subscriptions/{subscribed}/pause", json=until)
    assert (refused.status_code, refused.json()["field"]) == (422, "until")
    await operator.post(f"/subscriptions/{subscribed}/cancel", json={"positions": "close"})

    listed = (await operator.get(f"/subscriptions/{subscribed}/versions")).json()["items"]
    assert [(one["version"], one["changed"]) for one in listed] == [
        (3, ["positions", "state"]),
        (2, ["risk"]),
        (1, []),
    ]
    assert {one["changed_by"] for one in listed} == {"operator"}
    assert listed[1]["terms"]["risk"] == "0.02"


async def test_versions_come_in_pages_that_lose_none_made_at_the_same_moment(
    operator: httpx.AsyncClient, subscribed: str
) -> None:
    for step in ("pause", "resume") * 6:
        await operator.post(f"/subscriptions/{subscribed}/{step}")
    path, seen, cursor = f"/subscriptions/{subscribed}/versions", [], None
    while True:
        asked = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        page = (await operator.get(path, params=asked)).json()
        seen += [one["version"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == list(range(13, 0, -1))


async def test_the_leverage_that_counts_is_told_with_whose_word_it_is(
    operator: httpx.AsyncClient, deployed: str, account: str
) -> None:
    order = {"strategy": "cross", "instrument": "fut:B-BTC_USDT", "max_leverage": "3"}
    ship = (await operator.post("/deployments", json=order)).json()
    assert ship["max_leverage"] == "3"
    body = {**TERMS, "deployment_id": ship["id"], "account_id": account, "leverage": "5"}
    made = (await operator.post("/subscriptions", json=body)).json()
    path = f"/deployments/{ship['id']}"
    altered = (await operator.patch(path, json={"max_leverage": "4"})).json()
    now = (await operator.get(f"/subscriptions/{made['id']}")).json()

    assert made["levered_by"]["effective"] == "3"
    assert (altered["max_leverage"], altered["revision"]) == ("4", ship["revision"])
    assert now["levered_by"] == {
        "subscription": "5",
        "deployment": "4",
        "instrument": "10",
        "effective": "4",
    }


@pytest.mark.parametrize("most", ["0.5", "101", "NaN"])
async def test_no_ceiling_that_cannot_be(
    operator: httpx.AsyncClient, deployed: str, most: str
) -> None:
    answer = await operator.patch(f"/deployments/{deployed}", json={"max_leverage": most})
    assert (answer.status_code, answer.json()["field"]) == (422, "max_leverage")


async def signalled(world: World, deployment: str) -> None:
    """Two entries and an exit between them, and what the market did."""
    told = [("entry", "LONG", "50000"), ("exit", "EXIT_LONG", "51000"), ("entry", "LONG", "50000")]
    for number, (kind, action, price) in enumerate(told, 1):
        open_ms = number * 300_000
        stop = {"stop_loss": D("49000")} if kind == "entry" else {}
        row = {
            "id": f"sg{number}",
            "deployment_id": deployment,
            "tenant": "another",
            "instrument": "spot:B-BTC_USDT",
            "trigger": f"5m:{open_ms}",
            "trigger_open_ms": open_ms,
            "kind": kind,
            "action": action,
            "price": D(price),
            "state": "planned",
            **stop,
        }
        await put(world.services.db, "signal", **row)
    fell = {"instrument": "spot:B-BTC_USDT", "open_ms": 1_200_000, "volume": 1.0}
    for resolution in ("1m", "5m"):
        prices = {"open": 50_000.0, "high": 50_000.0, "low": 48_000.0, "close": 50_000.0}
        await put(world.services.db, "candle", resolution=resolution, **fell, **prices)


async def test_a_preview_tells_what_the_terms_would_have_done_and_changes_nothing(
    world: World, operator: httpx.AsyncClient, deployed: str, account: str
) -> None:
    body = {**TERMS, "deployment_id": deployed, "account_id": account}
    assert (await operator.post("/subscriptions/preview", json=body)).json()["lines"] == []
    await signalled(world, deployed)
    found = (await operator.post("/subscriptions/preview", json=body)).json()

    assert [(one["did"], one["ended_by"]) for one in found["lines"]] == [
        ("enter", "signal"),
        ("leave", None),
        ("enter", "stop"),
    ]
    assert (found["entries"], found["exits"], found["skips"]) == (2, 1, {})
    assert found["capacity"] is None
    assert Decimal(found["smallest"]["capital"]) > 0
    assert (await operator.get("/subscriptions")).json()["items"] == []

    made = (await operator.post("/subscriptions", json=body)).json()
    path = f"/subscriptions/{made['id']}/preview"
    again = (await operator.get(path, params={"signals": 1})).json()
    assert [one["did"] for one in again["lines"]] == ["enter"]
    assert again["lines"][0]["quantity"] == found["lines"][2]["quantity"]


async def test_a_preview_refuses_what_subscribing_refuses(
    world: World, operator: httpx.AsyncClient, deployed: str, account: str
) -> None:
    await signalled(world, deployed)
    body = {**TERMS, "deployment_id": deployed, "account_id": account, "capital": "0.2"}
    for path in ("/subscriptions/preview", "/subscriptions"):
        answer = await operator.post(path, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "capital")


async def test_capacity_is_told_for_a_deployment(
    operator: httpx.AsyncClient, deployed: str
) -> None:
    path = f"/deployments/{deployed}/capacity"
    found = (await operator.get(path, params={"max_age_seconds": "120"})).json()

    assert found == {
        "calls_per_minute": 672,
        "calls_per_entry": 4,
        "max_age_seconds": 120,
        "addresses": 1,
        "per_address": 336,
        "in_all": 336,
        "following": 0,
    }
    assert (await operator.get("/deployments/dpnone/capacity")).status_code == 404
