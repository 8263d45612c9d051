"""The second wall, on both databases: what the release statement and the tables refuse by
themselves.
"""

from typing import Any

import pytest
from sqlalchemy import Row, insert, update
from sqlalchemy.exc import IntegrityError

from control_plane.infra.db import Database, Tx
from control_plane.orders.store import intents
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


async def release(ship: Slice, **changes: Any) -> bool:
    """The statement alone, on the one intent that is ready."""
    row = await ship.only("intents")
    values: dict[str, Any] = {
        "holder": ship.desk.leases.holder,
        "epoch": ship.desk.epoch(row.shard),
        "now": ship.desk.now_ms(),
        "scopes": {"platform"},
        "decision": "{}",
    }
    return await ship.db.write(_release, row, values | changes)


def _release(tx: Tx, row: Row[Any], values: dict[str, Any]) -> bool:
    return intents.release(tx, row, **values)


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


async def test_an_expired_entry_does_not_leave(ship: Slice) -> None:
    assert not await release(ship, now=ship.desk.now_ms() + 61_000)


async def test_a_second_order_in_doubt_is_refused_by_statement_and_index(ship: Slice) -> None:
    first = await ship.only("intents")
    twin = dict(first._mapping) | {"id": "twin", "gen": 1}
    await run(ship, insert(INTENT).values(**twin))
    row = next(r for r in await ship.rows("intents") if r.id == first.id)
    other = next(r for r in await ship.rows("intents") if r.id == "twin")
    values = {
        "holder": ship.desk.leases.holder,
        "epoch": ship.desk.epoch(row.shard),
        "now": ship.desk.now_ms(),
        "scopes": {"platform"},
        "decision": "{}",
    }
    assert await ship.db.write(_release, row, values)
    assert not await ship.db.write(_release, other, values)
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
