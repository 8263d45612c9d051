"""Answers that are written down together leave the same rows as each by itself, on both databases,
whatever happened to their orders meanwhile.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from control_plane.brokers.models import Accepted
from control_plane.infra.db import Database, Tx
from control_plane.orders.service.releasing import Released
from control_plane.orders.service.sending import Outcome, Sender
from control_plane.orders.store import recording
from control_plane.orders.store.recording import Answered
from control_plane.tables import SCHEMA
from tests.unit.orders.desk import Slice, sail, subscribe

pytestmark = pytest.mark.db

INTENT, ORDERS, EVENT = (SCHEMA.tables[name] for name in ("intent", "orders", "event"))
MANY = 5
Meanwhile = Callable[[Tx, Released], None]


class Undone(Exception):
    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found


@pytest.fixture
async def ship(database: Database) -> Slice:
    made = await sail(database, database.clock)
    for number in range(2, MANY + 1):
        await subscribe(made, number)
    await made.signal("LONG")
    await made.loops.planner.once()
    return made


def untouched(tx: Tx, one: Released) -> None:
    """Nothing happened."""


def touched(tx: Tx, one: Released) -> None:
    tx.run(update(INTENT).where(INTENT.c.id == one.intent).values(version=one.version + 1))


def lost(tx: Tx, one: Released) -> None:
    values = {"state": "UNKNOWN", "version": one.version + 1}
    tx.run(update(INTENT).where(INTENT.c.id == one.intent).values(values))
    tx.run(update(ORDERS).where(ORDERS.c.intent_id == one.intent).values(state="UNKNOWN"))


def filled_before_the_answer(tx: Tx, one: Released) -> None:
    values = {"state": "PARTIAL", "version": one.version + 1}
    tx.run(update(INTENT).where(INTENT.c.id == one.intent).values(values))
    found = {"state": "PARTIAL", "exchange_order_id": "bound", "acknowledged_ms": 1}
    tx.run(update(ORDERS).where(ORDERS.c.intent_id == one.intent).values(found))


def bound_already(tx: Tx, one: Released) -> None:
    found = {"exchange_order_id": "bound", "acknowledged_ms": 1}
    tx.run(update(ORDERS).where(ORDERS.c.intent_id == one.intent).values(found))


def taken_over_by_a_later_owner(tx: Tx, one: Released) -> None:
    tx.run(update(INTENT).where(INTENT.c.id == one.intent).values(epoch=INTENT.c.epoch + 1))


def gone(tx: Tx, one: Released) -> None:
    tx.run(ORDERS.delete().where(ORDERS.c.intent_id == one.intent))


def outcome(n: int) -> Outcome:
    others = {
        3: Outcome("refused", reason="insufficient_funds: none"),
        4: Outcome("lost", reason="no answer in time"),
    }
    return others.get(n, Outcome("accepted", Accepted(f"ex{n}")))


def write(
    tx: Tx,
    sender: Sender,
    released: Sequence[Released],
    meanwhile: Meanwhile,
    record: Callable[[Tx, Sequence[tuple[Released, Outcome]]], None],
) -> None:
    meanwhile(tx, released[0])
    before = tx.scalar(select(EVENT.c.number).order_by(EVENT.c.number.desc()).limit(1))
    record(tx, [(one, outcome(n)) for n, one in enumerate(released)])
    told = [EVENT.c[name] for name in ("kind", "subject_id", "tenant", "body")]
    events = tx.all(select(*told).where(EVENT.c.number > before))
    rows = [[dict(row._mapping) for row in tx.all(t.select().order_by(t.c.id))] for t in TABLES]
    raise Undone((rows, sorted(map(tuple, events))))


TABLES = (INTENT, ORDERS)
TIMES = ("sent_ms", "done_ms", "acknowledged_ms")


def timeless(found: Any) -> Any:
    """Two transactions do not read the clock in the same millisecond."""
    rows, events = found
    for row in (row for table in rows for row in table):
        row.update({name: row[name] is not None for name in TIMES if name in row})
    return rows, events


@pytest.mark.parametrize(
    "meanwhile",
    [
        untouched,
        touched,
        lost,
        filled_before_the_answer,
        bound_already,
        taken_over_by_a_later_owner,
        gone,
    ],
)
async def test_together_is_the_same_as_one_by_one(ship: Slice, meanwhile: Meanwhile) -> None:
    sender = ship.loops.sender
    released = await ship.db.write(sender.releaser.release, await ship.rows("intents"), [])
    assert len(released) == MANY

    def one_by_one(tx: Tx, answers: Sequence[tuple[Released, Outcome]]) -> None:
        for one, each in answers:
            sender._record(tx, one, each)

    found = []
    for record in (sender._record_all, one_by_one):
        with pytest.raises(Undone) as undone:
            await ship.db.write(write, sender, released, meanwhile, record)
        found.append(timeless(undone.value.found))
    assert found[0] == found[1]


async def test_the_usual_answer_needs_no_second_look(ship: Slice) -> None:
    """Only what happened to meanwhile is left to the careful way."""
    released = await ship.db.write(
        ship.loops.sender.releaser.release, await ship.rows("intents"), []
    )

    def accept(tx: Tx) -> set[str]:
        touched(tx, released[0])
        taken_over_by_a_later_owner(tx, released[1])
        answers = [answered(ship, one) for one in released]
        return recording.accept(tx, answers, tx.now_ms())

    assert await ship.db.write(accept) == {one.intent for one in released[2:]}


async def test_an_id_that_the_venue_gave_twice_spoils_no_other_answer(ship: Slice) -> None:
    sender = ship.loops.sender
    released = await ship.db.write(sender.releaser.release, await ship.rows("intents"), [])
    row = await ship.only("orders", intent_id=released[0].intent)
    own = {"id": "or0", "client_order_id": "another", "exchange_order_id": "ex0", "state": "OPEN"}
    await ship.db.write(lambda tx: tx.run(insert(ORDERS), {**row._mapping, **own}))
    answers = [sender.recorder.keep(o.intent, (o, outcome(0))) for o in released[:1]]
    answers += [
        sender.recorder.keep(o.intent, (o, Outcome("accepted", Accepted(f"new{o.intent}"))))
        for o in released[1:]
    ]
    await asyncio.gather(*answers)
    states = {row.id: row.state for row in await ship.rows("intents")}
    assert [states[one.intent] for one in released] == ["SENDING", *["OPEN"] * (MANY - 1)]


def answered(ship: Slice, one: Released) -> Answered:
    return Answered(
        one.intent,
        one.version,
        ship.desk.epoch(one.shard),
        one.request.account,
        one.request.client_order_id,
        f"ex{one.intent}",
        one.leg,
        one.tenant,
    )
