"""Trading stops by itself, tells why, and goes on by itself where one can see that it may."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from control_plane.core.ids import SHARDS, shard_of
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import leases
from control_plane.market.store import put_lag
from control_plane.orders.models.guarding import (
    clock_is_right,
    why_clock,
    why_rush,
    why_stale,
)
from control_plane.orders.service import checking
from control_plane.orders.service.guarding import Guard
from control_plane.orders.service.halting import Halts
from control_plane.tables import SCHEMA
from tests.factories import D
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import DEPLOYMENT, Slice, sail, subscribe

MARKET = "instrument:spot:B-BTC_USDT"


@dataclass
class Watch:
    """The guard, and what it sees of the venue's clock."""

    ship: Slice
    guard: Guard
    halts: Halts
    skew: int | None = 0

    async def passes(self, seconds: float, beat: float = 5.0) -> None:
        """As its loop does."""
        for _ in range(int(seconds / beat)):
            await self.ship.db.write(fed)
            await self.guard.once()
            await self.ship.clock.advance(beat)

    async def standing(self) -> dict[str, tuple[str, str]]:
        rows = await self.halts.listed()
        return {row["scope"]: (row["cause"], row["by_user"]) for row in rows if row["active"]}

    async def told(self) -> list[tuple[str, str]]:
        kinds = ("incident", "incident_over")
        return [
            (row.kind, row.subject_id)
            for row in await self.ship.rows("events")
            if row.kind in kinds and row.subject_kind == "halt"
        ]


@pytest.fixture
async def watch(memory: Database, clock: FakeClock) -> Watch:
    ship = await sail(memory, clock)
    halts = Halts(ship.db, ship.desk.bus)
    made = Watch(ship, Guard(ship.desk, halts), halts)
    made.guard.skews = {"paper": lambda: made.skew}
    return made


def fed(tx: Tx) -> None:
    """Somebody feeds every market."""
    tx.run(delete(leases).where(leases.c.role == "market"))
    until = tx.now_ms() + 15_000
    row = {"role": "market", "holder": "m", "epoch": 1, "expires_ms": until}
    known = {column.name: getattr(column.default, "arg", None) for column in leases.c}
    plain = {name: value for name, value in known.items() if value is not None}
    tx.run(insert(leases), [{**plain, **row, "shard": shard} for shard in range(SHARDS)])


async def test_a_clock_that_is_off_halts_its_venue_until_it_has_been_right_for_a_minute(
    watch: Watch,
) -> None:
    watch.skew = 5_001
    await watch.passes(5)
    assert await watch.standing() == {"venue:paper": ("clock", "slipway")}
    await watch.ship.signal("LONG")
    await watch.ship.work()
    assert (await watch.ship.only("skips")).reason == "halted"
    (alarm,) = await watch.ship.db.read(checking.alarms)
    assert (alarm.rule, alarm.subject, alarm.what) == (
        "clock",
        "venue:paper",
        "its clock is +5.0 s from ours",
    )

    watch.skew = 3_000  # no longer too far, and not right
    await watch.passes(90)
    assert await watch.standing()
    watch.skew = None  # nobody knows
    await watch.passes(90)
    assert await watch.standing()
    watch.skew = -2_000
    await watch.passes(60)
    assert await watch.standing()
    await watch.passes(10)
    assert await watch.standing() == {}
    assert await watch.told() == [("incident", "venue:paper"), ("incident_over", "venue:paper")]
    assert await watch.ship.db.read(checking.alarms) == []


async def test_a_clock_that_goes_wrong_again_begins_its_minute_anew(watch: Watch) -> None:
    for skew, seconds in ((6_000, 5), (0, 50), (6_000, 5), (0, 50)):
        watch.skew = skew
        await watch.passes(seconds)
        assert await watch.standing(), skew
    await watch.passes(15)
    assert await watch.standing() == {}


async def test_another_process_speaks_for_its_own_clock_as_long_as_it_lives(watch: Watch) -> None:
    skew = {"paper": lambda: 9_000}
    other = Guard(watch.ship.desk, watch.halts, skew)
    await watch.ship.db.write(fed)
    await other.once()
    table = SCHEMA.tables["halt"]
    await watch.ship.db.write(lambda tx: tx.run(update(table).values(holder="other")))
    await watch.ship.db.write(held_by, "other")
    await watch.passes(90)
    assert await watch.standing()
    await watch.ship.db.write(held_by, None)
    await watch.passes(70)
    assert await watch.standing() == {}


def held_by(tx: Tx, holder: str | None) -> None:
    """A shard of trading, for as long as the test lasts."""
    shard = (leases.c.role == "trading") & (leases.c.shard == 0)
    until = 0 if holder is None else tx.now_ms() + 10_000_000
    tx.run(update(leases).where(shard).values(holder=holder or "me", expires_ms=until))


async def test_a_market_that_is_behind_is_halted_and_goes_on_once_it_has_caught_up(
    watch: Watch,
) -> None:
    ours = "spot:B-BTC_USDT"
    await watch.ship.db.write(put_lag, ours, "coindcx", "its minutes are late")
    await watch.ship.db.write(put_lag, "spot:ETH", "coindcx", "nobody follows it")
    await watch.passes(60)
    assert await watch.standing() == {}
    await watch.passes(5)
    assert await watch.standing() == {MARKET: ("stale", "slipway")}

    await watch.ship.db.write(put_lag, ours, "coindcx", None)
    await watch.passes(10)
    assert await watch.standing()
    await watch.passes(5)
    assert await watch.standing() == {}
    assert await watch.told() == [("incident", MARKET), ("incident_over", MARKET)]


async def test_a_market_that_nobody_feeds_is_halted_too(watch: Watch) -> None:
    await watch.passes(5)
    await watch.ship.clock.advance(15)
    for _ in range(12):
        await watch.guard.once()
        await watch.ship.clock.advance(5)
    assert await watch.standing() == {}
    await watch.guard.once()
    assert await watch.standing() == {MARKET: ("stale", "slipway")}
    await watch.passes(20)
    assert await watch.standing() == {}


def entries(tx: Tx, ship: Slice, number: int, account: str) -> None:
    at = ship.desk.now_ms() - 1_000
    alike = {"tenant": "us1", "shard": int(shard_of(account)), "instrument": ship.instrument.id}
    alike |= {"account_id": account, "venue": "paper", "side": "buy", "quantity": D("1")}
    for n in range(number):
        name = f"{account}{at}{n}"
        intent = {"id": name, "signal_id": name, "subscription_id": f"s{name}", "leg": "entry"}
        intent |= {"deployment_id": DEPLOYMENT, "kind": "limit", "state": "FILLED"}
        tx.run(insert(SCHEMA.tables["intent"]), rowed("intent", alike | intent, planned_ms=at))
        order = {"id": name, "intent_id": name, "client_order_id": name, "kind": "limit"}
        order |= {"state": "FILLED", "exchange_order_id": name}
        tx.run(insert(SCHEMA.tables["orders"]), rowed("orders", alike | order, signed_ms=at))


def rowed(name: str, row: dict[str, Any], **more: Any) -> dict[str, Any]:
    known = {c.name: getattr(c.default, "arg", None) for c in SCHEMA.tables[name].c}
    return {n: v for n, v in known.items() if v is not None and not callable(v)} | row | more


async def test_a_rush_of_entries_halts_whose_they_are_until_a_person_lifts_it(
    watch: Watch,
) -> None:
    for number in range(2, 9):
        await subscribe(watch.ship, number)
    await watch.ship.db.write(entries, watch.ship, 10, "ac1")
    await watch.passes(5)
    assert await watch.standing() == {}, "as many are nobody's rush"
    await watch.ship.db.write(entries, watch.ship, 1, "ac1")
    await watch.passes(5)
    assert await watch.standing() == {"account:ac1": ("rush", "slipway")}
    await watch.ship.db.write(entries, watch.ship, 6, "ac2")
    await watch.passes(5)
    assert await watch.standing() == {
        "account:ac1": ("rush", "slipway"),
        "deployment:dep1": ("rush", "slipway"),
    }

    await watch.passes(120)
    assert len(await watch.standing()) == 2, "it does not lift itself"
    for scope in ("account:ac1", "deployment:dep1"):
        await watch.halts.unhalt(scope, by_user="ann")
    await watch.passes(10)
    assert await watch.standing() == {}
    assert len(await watch.told()) == 4


async def test_what_a_person_halts_a_person_lifts_whatever_stood_before(watch: Watch) -> None:
    watch.skew = 9_000
    await watch.passes(5)
    await watch.halts.halt("venue:paper", by_user="ann", mode="reduce_only")
    watch.skew = 0
    await watch.passes(120)
    assert await watch.standing() == {"venue:paper": ("", "ann")}


async def test_what_waits_for_a_person_is_not_lost_behind_what_lifts_itself(watch: Watch) -> None:
    watch.skew = 9_000
    await watch.passes(5)
    table = SCHEMA.tables["intent"]
    await watch.ship.db.write(entries, watch.ship, 6, "ac1")
    doubt = {"state": "UNKNOWN", "signed_ms": 1, "attempt": 1, "risk": "{}"}
    apart = {"margin_currency": table.c.id}
    await watch.ship.db.write(lambda tx: tx.run(update(table).values(**doubt, **apart)))
    await watch.passes(5)
    watch.skew = 0
    await watch.passes(120)
    assert await watch.standing() == {"venue:paper": ("doubt", "slipway")}


@given(st.integers(-20_000, 20_000) | st.none())
def test_a_clock_is_never_both_wrong_and_right(skew: int | None) -> None:
    assert not (why_clock(skew) is not None and clock_is_right(skew))
    assert (why_clock(skew) is not None) == (skew is not None and abs(skew) > 5_000)


@given(st.integers(0, 10_000), st.integers(0, 1_000), st.floats(0.1, 3_600))
def test_what_subscriptions_call_for_is_no_rush(entries: int, followers: int, pace: float) -> None:
    why = why_rush(entries, followers, pace)
    assert (why is not None) == (entries > 10 and entries > 2 * followers * max(1.0, pace))


@given(st.integers(0, 10**6) | st.none(), st.integers(1, 10**5))
def test_a_market_is_behind_for_as_long_as_is_allowed(behind: int | None, allowed: int) -> None:
    is_stale = why_stale(behind, "late", allowed) is not None
    assert is_stale == (behind is not None and behind >= allowed)
