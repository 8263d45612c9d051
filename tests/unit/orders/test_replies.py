"""What the exchange answered is kept with each order for a while, and says nothing private."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.brokers.replies import HIDDEN, LONGEST, PRIVATE, Said, listening, tell
from control_plane.core.ids import IntentId, Tenant
from control_plane.infra.db import Database
from control_plane.orders.service import explaining
from control_plane.orders.service.tidying import Tidier
from control_plane.settings import TradingSettings
from tests.factories import future
from tests.fakes.clock import FakeClock
from tests.unit.orders.test_at_coindcx import AtCoinDcx, at_coindcx


@pytest.fixture
async def perpetual(memory: Database, clock: FakeClock) -> AtCoinDcx:
    return await at_coindcx(memory, clock, future())


async def exchanges(at: AtCoinDcx) -> list[dict[str, Any]]:
    entry = await at.ship.only("intents", leg="entry")
    story = await at.ship.db.read(explaining.story, Tenant("us1"), IntentId(entry.id))
    assert story is not None
    found: list[dict[str, Any]] = story["exchanges"]
    return found


async def test_what_answered_an_order_stands_in_its_story(perpetual: AtCoinDcx) -> None:
    await perpetual.ship.signal("LONG")
    await perpetual.work()

    (created,) = [one for one in await exchanges(perpetual) if one["asked"] == "create"]
    order = next(o for o in await perpetual.ship.rows("orders") if o.exchange_order_id)
    assert (created["method"], created["status"]) == ("POST", 200)
    assert created["client_order_id"] == order.client_order_id
    assert order.exchange_order_id in str(created["body"])
    assert "secret" not in str(await perpetual.ship.rows("venue_reply"))


async def test_what_looks_in_doubt_were_answered_stands_there_too(perpetual: AtCoinDcx) -> None:
    perpetual.fault("accept_then_500")
    await perpetual.ship.signal("LONG")
    await perpetual.work(8)

    told = await exchanges(perpetual)
    assert (told[0]["asked"], told[0]["status"]) == ("create", 500)
    assert "look" in {one["asked"] for one in told[1:]}
    assert (await perpetual.ship.only("intents", leg="entry")).state == "FILLED"


async def test_they_are_forgotten_after_a_while_and_the_order_is_not(
    perpetual: AtCoinDcx,
) -> None:
    await perpetual.ship.signal("LONG")
    await perpetual.work()
    desk = replace(perpetual.ship.desk, settings=TradingSettings(replies_kept_days=1))
    await Tidier(desk).once()
    assert await perpetual.ship.rows("venue_reply")
    await perpetual.ship.clock.advance(86_401)
    await desk.leases.once()
    await Tidier(desk).once()

    assert await perpetual.ship.rows("venue_reply") == []
    assert await perpetual.ship.rows("orders")


secrets = st.sampled_from(sorted(PRIVATE))
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
documents = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(secrets | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


def private(value: Any) -> list[Any]:
    match value:
        case dict():
            mine = [inner for name, inner in value.items() if name.lower() in PRIVATE]
            return mine + [one for inner in value.values() for one in private(inner)]
        case list():
            return [one for inner in value for one in private(inner)]
        case _:
            return []


@given(documents)
def test_nothing_private_is_left_whatever_the_document(document: Any) -> None:
    told = Said("POST", "/", 200, msgspec.json.encode(document)).told()
    if len(told) <= LONGEST:
        assert all(one in (HIDDEN, None) for one in private(msgspec.json.decode(told)))


@given(st.binary(max_size=2_000))
def test_whatever_came_is_told_as_text(body: bytes) -> None:
    assert len(Said("GET", "/", 502, body).told()) <= 12 * LONGEST
    assert "\0" not in Said("GET", "/", 502, body).told()


def test_a_document_is_cut_where_nobody_reads_on() -> None:
    long = Said("GET", "/", 200, msgspec.json.encode(["x" * 100] * 1_000)).told()
    assert len(long) == LONGEST + 1


def test_only_whoever_listens_hears() -> None:
    tell("GET", "/", 200, b"1")
    with listening() as said:
        tell("GET", "/", 200, b"2")
    tell("GET", "/", 200, b"3")
    assert [one.body for one in said] == [b"2"]
