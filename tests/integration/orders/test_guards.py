"""The second wall, on both databases: what the release statement and the tables refuse by
themselves.
"""

from typing import Any

import pytest
from sqlalchemy import Row, delete, insert, update
from sqlalchemy.exc import IntegrityError

from control_plane.infra.db import Database, Tx
from control_plane.orders.models.halts import KINDS, covering
from control_plane.orders.store import intents, releasing
from control_plane.orders.store.releasing import Asked
from control_plane.tables import SCHEMA
from tests.factories import D
from tests.unit.orders.desk import Slice, sail, subscribe

pytestmark = pytest.mark.db

INTENT, LEASE, HALT = (SCHEMA.tables[name] for name in ("intent", "lease", "halt"))


@pytest.fixture
async def ship(database: Database) -> Slice:
    made = await sail(database, database.clock)
    await made.signal("LONG")
    await made.loops.planner.once()
    return made


async def release(ship: Slice, *, holder: str = "", now: int = 0, **changes: Any) -> bool:
    """The statement alone, on the one intent that is ready."""
    row = await ship.only("intents")
    holder, now = holder or ship.desk.leases.holder, now or ship.desk.now_ms()
    return await ship.db.write(_release, [asked(ship, row)._replace(**changes)], holder, now) != []


def asked(ship: Slice, row: Row[Any]) -> Asked:
    return Asked(row.id, row.version, ship.desk.epoch(row.shard), "{}")


def _release(tx: Tx, batch: list[Asked], holder: str, now: int) -> list[str]:
    return sorted(releasing.release(tx, batch, holder=holder, now=now))


async def run(ship: Slice, statement: Any) -> int:
    return await ship.db.write(lambda tx: tx.run(statement))


async def test_what_is_ready_leaves_once(ship: Slice) -> None:
    assert await release(ship)
    assert not await release(ship)
    assert (await ship.only("intents")).attempt == 1


async def test_another_holder_or_epoch_lets_nothing_out(ship: Slice) -> None:
    assert not await release(ship, holder="a stranger")
    assert not await release(ship, epoch=0)
    assert not await release(ship, epoch=99)


async def test_a_stale_epoch_lets_nothing_out_and_changes_nothing(ship: Slice) -> None:
    row = await ship.only("intents")
    newer = ship.desk.epoch(row.shard) + 1
    await run(ship, update(INTENT).values(epoch=newer))
    assert not await release(ship)
    fresh = await ship.only("intents")
    changed = await ship.db.write(
        lambda tx: intents.advance(
            tx, fresh, "denied", epoch=newer - 1, now=1, reason="from the past"
        )
    )
    assert changed is None


async def test_an_expired_lease_lets_nothing_out(ship: Slice) -> None:
    await run(ship, update(LEASE).values(expires_ms=1))
    assert not await release(ship)


async def test_a_halted_scope_lets_no_entry_out(ship: Slice) -> None:
    halt = {"scope": "platform", "mode": "halt_new", "active": True, "by_user": "a", "at_ms": 1}
    await run(ship, insert(HALT).values(reason="", **halt))
    assert not await release(ship)
    await run(ship, update(HALT).values(active=False))
    assert await release(ship)


async def test_every_scope_that_covers_an_entry_holds_it_back_and_no_other(ship: Slice) -> None:
    row = await ship.only("intents")
    halt = {"mode": "halt_new", "active": True, "by_user": "a", "at_ms": 1, "reason": ""}
    others = [f"{kind}:another" for kind in KINDS]
    await ship.db.write(lambda tx: tx.run(insert(HALT), [halt | {"scope": s} for s in others]))
    for scope in sorted(covering(row)):
        await run(ship, insert(HALT).values(scope=scope, **halt))
        assert not await release(ship), scope
        await run(ship, delete(HALT).where(HALT.c.scope == scope))
    assert await release(ship)


async def test_of_a_batch_exactly_those_leave_that_nothing_holds_back(ship: Slice) -> None:
    first = await ship.only("intents")
    own: dict[str, dict[str, Any]] = {
        "fine": {"account_id": "ac2"},
        "changed": {"account_id": "ac3", "version": 7},
        "sent": {"account_id": "ac4", "state": "OPEN"},
        "halted": {"account_id": "ac5", "deployment_id": "dep5"},
        "old": {"account_id": "ac6", "expires_ms": 1},
        "later": {"account_id": "ac7", "epoch": 99},
        "doubtful": {"account_id": "ac8"},
        "decided by a person": {"account_id": "ac9"},
        "a way out of what a person decides": {"account_id": "ac9", "leg": "sl", "gen": 1},
        "an old way out": {"account_id": "ac6", "leg": "sl", "expires_ms": 1},
        "unlisted": {"account_id": "ac10"},
    }
    in_doubt: dict[str, Any] = {"state": "UNKNOWN", "attempt": 1, "signed_ms": 1, "leg": "sl"}
    known: dict[str, Any] = {"account_id": "ac9", "state": "QUARANTINED", "reason": "unclear"}
    beside = {"one in doubt": in_doubt | {"account_id": "ac8", "risk": "{}"}, "a question": known}
    rows = [
        {**first._mapping, "id": name, "subscription_id": name, **values}
        for name, values in (own | beside).items()
    ]
    await ship.db.write(lambda tx: [tx.run(insert(INTENT), row) for row in rows])
    halt = {"scope": "deployment:dep5", "mode": "halt_new", "active": True, "by_user": "a"}
    await run(ship, insert(HALT).values(at_ms=1, reason="", **halt))

    epoch = ship.desk.epoch(first.shard)
    batch = [Asked(name, 0, epoch, "{}") for name in own if name != "unlisted"]
    us = (ship.desk.leases.holder, ship.desk.now_ms())
    let_out = await ship.db.write(_release, batch, *us)
    assert let_out == ["a way out of what a person decides", "an old way out", "fine"]
    assert {row.id for row in await ship.rows("intents") if row.state == "SENDING"} == set(let_out)


async def test_what_is_in_doubt_keeps_others_of_its_position_out_of_the_queue(ship: Slice) -> None:
    first = await ship.only("intents")
    waiting = dict(first._mapping) | {"id": "waiting", "gen": 1}
    other = dict(first._mapping) | {"id": "other", "gen": 1, "account_id": "ac2"}
    way_out = dict(first._mapping) | {"id": "out", "leg": "exit", "planned_ms": 10**15}
    for row in (waiting, other | {"subscription_id": "su2"}, way_out):
        await run(ship, insert(INTENT).values(**row))
    asked_now = (ship.desk.owned(), ship.desk.now_ms(), 10)
    queue = [row.id for row in await ship.db.read(releasing.ready, *asked_now)]
    assert queue[0] == "out"
    assert sorted(queue[1:]) == sorted([first.id, "waiting", "other"])
    await run(
        ship,
        update(INTENT)
        .where(INTENT.c.id == first.id)
        .values(state="SENDING", attempt=1, signed_ms=1, risk="{}"),
    )
    queue = [row.id for row in await ship.db.read(releasing.ready, *asked_now)]
    assert queue == ["out", "other"]


async def test_an_expired_entry_does_not_leave(ship: Slice) -> None:
    assert not await release(ship, now=ship.desk.now_ms() + 61_000)


async def test_a_second_order_in_doubt_is_refused_by_statement_and_index(ship: Slice) -> None:
    first = await ship.only("intents")
    twin = dict(first._mapping) | {"id": "twin", "gen": 1}
    await run(ship, insert(INTENT).values(**twin))
    row = next(r for r in await ship.rows("intents") if r.id == first.id)
    other = next(r for r in await ship.rows("intents") if r.id == "twin")
    us = (ship.desk.leases.holder, ship.desk.now_ms())
    assert await ship.db.write(_release, [asked(ship, row)], *us) == [row.id]
    assert await ship.db.write(_release, [asked(ship, other)], *us) == []
    doubt = {"state": "SENDING", "attempt": 1, "signed_ms": 1, "risk": "{}"}
    with pytest.raises(IntegrityError):
        await run(ship, update(INTENT).where(INTENT.c.id == "twin").values(**doubt))


async def test_nothing_is_in_doubt_without_a_recorded_risk_decision(ship: Slice) -> None:
    with pytest.raises(IntegrityError):
        await run(ship, update(INTENT).values(state="SENDING", attempt=1, signed_ms=1))


@pytest.mark.parametrize("filled", ["1000000", "-1"])
async def test_an_overfill_is_refused(ship: Slice, filled: str) -> None:
    with pytest.raises(IntegrityError):
        await run(ship, update(INTENT).values(filled=D(filled)))


async def test_an_end_without_a_reason_is_refused(ship: Slice) -> None:
    with pytest.raises(IntegrityError):
        await run(ship, update(INTENT).values(state="DENIED"))


async def test_one_signal_gives_one_subscription_one_intent(ship: Slice) -> None:
    row = dict((await ship.only("intents"))._mapping) | {"id": "again"}
    with pytest.raises(IntegrityError):
        await run(ship, insert(INTENT).values(**row))


async def test_a_position_has_one_way_out_at_a_time(ship: Slice) -> None:
    row = dict((await ship.only("intents"))._mapping)
    leaving = row | {"signal_id": None, "leg": "exit", "trade_id": "td1"}
    await run(ship, insert(INTENT).values(**leaving | {"id": "out1"}))
    with pytest.raises(IntegrityError):
        await run(ship, insert(INTENT).values(**leaving | {"id": "out2", "gen": 1}))


async def test_the_whole_way_from_a_signal_to_a_profit(ship: Slice) -> None:
    await subscribe(ship, 2)
    for _ in range(6):
        await ship.loops.sender.once()
        await ship.loops.follower.once()
    assert (await ship.only("trades")).state == "protected"
    await ship.price("51000")
    await ship.signal("EXIT_LONG")
    await ship.loops.planner.once()
    for _ in range(8):
        await ship.loops.sender.once()
        await ship.loops.follower.once()
    trade = await ship.only("trades")
    assert trade.state == "closed"
    assert trade.pnl > 0
    assert await ship.free("USDT") == D("10000") + trade.pnl
