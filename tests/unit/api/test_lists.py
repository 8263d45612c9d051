"""Every list is asked alike: in pages, in both directions, filtered by its rows' own fields."""

import httpx
import pytest

from tests.fakes.clock import FakeClock


@pytest.fixture
async def three(operator: httpx.AsyncClient, clock: FakeClock) -> list[str]:
    """Accounts, oldest first."""
    names = ["a", "b", "c"]
    for name in names:
        body = {"name": name, "currency": "USDT" if name == "b" else "INR", "amount": "10"}
        assert (await operator.post("/accounts/paper", json=body)).status_code == 201
        await clock.advance(1)
    return names


async def _names(operator: httpx.AsyncClient, **query: str) -> list[str]:
    """Page after page."""
    found: list[str] = []
    while True:
        page = (await operator.get("/accounts", params=query)).json()
        found += [row["name"] for row in page["items"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("limit", ["1", "2", "3", "500"])
async def test_a_short_list_is_paged_like_a_long_one(
    operator: httpx.AsyncClient, three: list[str], limit: str
) -> None:
    assert await _names(operator, limit=limit) == [*reversed(three)]
    assert await _names(operator, limit=limit, sort="oldest") == three


async def test_a_list_is_filtered_by_what_its_rows_say(
    operator: httpx.AsyncClient, three: list[str]
) -> None:
    assert await _names(operator, home_currency="INR", limit="1") == ["c", "a"]
    assert await _names(operator, name="b", venue="paper") == ["b"]
    assert await _names(operator, name="b", home_currency="INR") == []


async def test_events_are_filtered_and_turned_round_by_the_database(
    operator: httpx.AsyncClient, deployed: str, three: list[str]
) -> None:
    async def kinds(**query: str) -> list[str]:
        return [
            row["kind"] for row in (await operator.get("/events", params=query)).json()["items"]
        ]

    every = await kinds()

    assert await kinds(sort="oldest") == [*reversed(every)]
    assert await kinds(subject_id=deployed, kind="deployment_created") == ["deployment_created"]
    assert await kinds(subject_kind="nothing") == []


async def test_what_has_no_moment_is_in_alphabetical_order(operator: httpx.AsyncClient) -> None:
    async def ids(**query: str) -> list[str]:
        found = (await operator.get("/instruments", params=query)).json()["items"]
        return [row["id"] for row in found]

    assert await ids() == sorted(await ids())
    assert await ids(sort="z-a") == [*reversed(await ids())]
    assert {one.partition(":")[0] for one in await ids(kind="spot")} == {"spot"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/accounts", "sort=fastest"),
        ("/trades", "state=wild"),
        ("/halts", "active=perhaps"),
        ("/accounts", "limit=501"),
        ("/events", "cursor=WzEsImEiXQ"),
        ("/events", "cursor=WzEsOTk5OTk5OTk5OTk5OTk5OTk5OTld"),
    ],
)
async def test_what_a_list_does_not_know_is_refused(
    operator: httpx.AsyncClient, path: str, query: str
) -> None:
    answer = await operator.get(f"{path}?{query}")

    assert answer.status_code == 422
    assert answer.json()["field"] == query.partition("=")[0]
    assert answer.json()["remedy"]
