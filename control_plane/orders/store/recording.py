"""The usual answer, for many orders at once: accepted, and nothing happened to it meanwhile."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Text, and_, bindparam, exists, func, select, update

from control_plane.infra import events
from control_plane.infra.db import Tx, given
from control_plane.orders.store.tables import intents, orders


class Answered(NamedTuple):
    """An order that the venue took, and its intent as it was let out."""

    intent: str
    version: int
    epoch: int
    account: str
    client_order_id: str
    exchange_order_id: str
    leg: str
    tenant: str


# An order as it was written ahead, that no other evidence has reached yet.
_UNANSWERED = (
    # Lest SQLite read all that is being sent by its state, once for each row.
    func.coalesce(orders.c.state, "") == "SENDING",
    orders.c.exchange_order_id.is_(None),
    orders.c.acknowledged_ms.is_(None),
)


def _accept(is_postgres: bool) -> tuple[Any, Any]:
    """The intents, as they were let out, by an epoch that still counts; then their orders."""
    asked = given(
        is_postgres,
        intent=Text(),
        version=BigInteger(),
        epoch=BigInteger(),
        account=Text(),
        name=Text(),
        at_venue=Text(),
    )
    its_order = and_(
        orders.c.account_id == asked.c.account, orders.c.client_order_id == asked.c.name
    )
    has_order = select(orders.c.id).where(its_order, *_UNANSWERED)
    moved = (
        update(intents)
        .where(
            intents.c.id == asked.c.intent,
            func.coalesce(intents.c.state, "") == "SENDING",
            intents.c.version == asked.c.version,
            intents.c.epoch <= asked.c.epoch,
            exists(has_order.correlate(asked)),
        )
        .values(
            state="OPEN",
            sent_ms=bindparam("now"),
            version=intents.c.version + 1,
            epoch=asked.c.epoch,
        )
        .returning(intents.c.id)
    )
    bound = (
        update(orders)
        .where(its_order, *_UNANSWERED)
        .values(
            state="OPEN",
            acknowledged_ms=bindparam("now"),
            exchange_order_id=asked.c.at_venue,
            version=orders.c.version + 1,
        )
        .returning(orders.c.intent_id)
    )
    return moved, bound


_ACCEPT = {is_postgres: _accept(is_postgres) for is_postgres in (False, True)}


def accept(tx: Tx, answers: Sequence[Answered], now: int) -> set[str]:
    """The intents for which that was all; whatever else there is has to be looked at closely."""
    if not answers:
        return set()
    intents_, orders_ = _ACCEPT[tx.is_postgres]
    moved = {row.id for row in tx.all(intents_, _bound(answers, now))}
    counted = [answer for answer in answers if answer.intent in moved]
    if not counted:
        return set()
    told = [
        (one.intent, one.tenant, {"state": "OPEN", "leg": one.leg, "account": one.account})
        for one in counted
    ]
    events.record_many(tx, "intent_accepted", "intent", told)
    return {row.intent_id for row in tx.all(orders_, _bound(counted, now))}


def _bound(answers: Sequence[Answered], now: int) -> dict[str, object]:
    return {"given": msgspec.json.encode([one[:6] for one in answers]).decode(), "now": now}
