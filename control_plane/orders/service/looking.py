"""Doubt ends here: orders whose fate is unknown are looked up, by the rules of `models.looking`.

The same step recovers from a crash: an order that its process was sending when it died is in doubt
like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from loguru import logger
from sqlalchemy.engine import Row

from control_plane.brokers import replies
from control_plane.brokers.errors import Ambiguous, OrderRefused, OutcomeUnknown, VenueUnreachable
from control_plane.brokers.models import OrderRequest, VenueOrder
from control_plane.brokers.replies import Said
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models import looking
from control_plane.orders.models.looking import Doubt
from control_plane.orders.models.requests import request_of, written_of
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import intents
from control_plane.orders.store import replies as reply_rows

STRAGGLER_SECONDS = 600.0
LIKE_MS = 600_000  # orders sent longer before it than this no venue's list takes for it
SWEEP_SECONDS = 5.0  # at first; then ever more rarely


@dataclass(frozen=True)
class Sought:
    """An order to look for, as its row describes it."""

    intent: Row[Any]
    order: Row[Any]
    request: OrderRequest


@dataclass(frozen=True)
class Looker:
    desk: Desk

    async def once(self, rows: Sequence[Row[Any]]) -> int:
        """Take over what a dead sender left, then look for all that is in doubt and due."""
        lost = [r.id for r in rows if r.state == "SENDING" and r.id not in self.desk.in_flight]
        isolation = self.desk.isolation
        await isolation.together("intent", lost, self._take_over, str)
        doubtful = [row for row in rows if row.state == "UNKNOWN"]
        for due in await isolation.together("intent", doubtful, self._find_due, attrgetter("id")):
            for sought in due:
                await isolation.run("intent", sought.intent.id, self.look, sought)
        return len(lost) + len(doubtful)

    async def sweep(self) -> int:
        """Look again for entries that were given up: an order may have been hidden for longer than
        any bound that we assume.
        """
        now, scaled = self.desk.now_ms(), self.desk.scaled_ms
        since = now - scaled(STRAGGLER_SECONDS)
        rows = await self.desk.db.read(intents.given_up, self.desk.owned(), since)
        late = [row for row in rows if _is_sweep_due(row, now, scaled(SWEEP_SECONDS))]
        isolation = self.desk.isolation
        for due in await isolation.together("intent", late, self._find_given_up, attrgetter("id")):
            for sought in due:
                await isolation.run("intent", sought.intent.id, self.look, sought)
        return len(late)

    async def _find_given_up(self, late: Sequence[Row[Any]]) -> list[Sought]:
        return await self.desk.db.read(sought_of, late)

    async def look(self, sought: Sought) -> None:
        desk = self.desk
        broker = desk.brokers[sought.intent.venue]
        await desk.failpoints.hit("reconcile.before_look")
        said: list[Said] = []
        try:
            with replies.listening() as said:
                at_venue = await broker.find(sought.request, sought.order.exchange_order_id)
        except Ambiguous as error:
            await desk.db.write(self._quarantine, sought, error.what, said)
        except (VenueUnreachable, OutcomeUnknown, OrderRefused) as error:
            logger.warning("order_not_looked_up", intent=sought.intent.id, reason=str(error))
            await desk.db.write(self._unclear, sought, said)
        else:
            await desk.failpoints.hit("reconcile.after_look")
            if at_venue is not None:
                await desk.failpoints.hit("reconcile.before_bind")
            await desk.db.write(self._seen, sought, at_venue, said)

    async def _take_over(self, lost: Sequence[str]) -> None:
        await self.desk.db.write(self._lose, lost)

    async def _find_due(self, doubtful: Sequence[Row[Any]]) -> list[Sought]:
        return await self.desk.db.read(self._due, doubtful)

    # ---- transactions ----------------------------------------------------------------------------

    def _lose(self, tx: Tx, identities: Sequence[str]) -> None:
        for identity in identities:
            row = intents.find(tx, identity)
            if row is None or row.state != "SENDING" or identity in self.desk.in_flight:
                continue
            changes.move(
                tx,
                self.desk,
                row,
                intents.last_order(tx, identity),
                "lost",
                reason="its sender ended before the answer",
            )

    def _due(self, tx: Tx, rows: Sequence[Row[Any]]) -> list[Sought]:
        now, patience = self.desk.now_ms(), self.desk.patience
        due = [row for row in rows if looking.is_due(_doubt(row), now, patience(row.venue))]
        return sought_of(tx, due)

    def _seen(
        self, tx: Tx, sought: Sought, at_venue: VenueOrder | None, said: Sequence[Said]
    ) -> None:
        _keep(tx, sought, said)
        found = _again(tx, sought)
        if found is None:
            return
        intent, order = found
        if at_venue is not None:
            changes.found(tx, self.desk, intent, order, at_venue)
            return
        now = self.desk.now_ms()
        if intent.state == "ABANDONED":
            intents.touch(tx, intent, looked_ms=now)
        if intent.state != "UNKNOWN":
            return
        absence = looking.absent(_doubt(intent), now, self.desk.patience(intent.venue))
        if absence.event is None:
            intents.touch(tx, intent, looks=absence.looks, looked_ms=now)
            return
        changes.move(
            tx, self.desk, intent, order, absence.event, reason=absence.reason, looks=absence.looks
        )
        self.desk.wake(tx)

    def _unclear(self, tx: Tx, sought: Sought, said: Sequence[Said]) -> None:
        _keep(tx, sought, said)
        found = _again(tx, sought)
        if found is None or found[0].state != "UNKNOWN":
            return
        intent, order = found
        now = self.desk.now_ms()
        match looking.unclear(_doubt(intent), now, self.desk.patience(intent.venue)):
            case "quarantine":
                why = "the exchange gave no answer; a person decides"
                changes.move(tx, self.desk, intent, order, "quarantined", reason=why)
            case "alarm" if intent.reason != "in doubt for long":
                events.record(tx, "exit_in_doubt", "intent", intent.id, tenant=intent.tenant)
                intents.touch(tx, intent, looked_ms=now, reason="in doubt for long")
            case _:
                intents.touch(tx, intent, looked_ms=now)

    def _quarantine(self, tx: Tx, sought: Sought, why: str, said: Sequence[Said]) -> None:
        _keep(tx, sought, said)
        found = _again(tx, sought)
        if found is not None:
            changes.move(tx, self.desk, *found, "quarantined", reason=why)


def sought_of(tx: Tx, rows: Sequence[Row[Any]]) -> list[Sought]:
    """Each intent with its newest order and the request that this order was."""
    orders = intents.last_orders(tx, [row.id for row in rows])
    return [_sought(tx, row, orders[row.id]) for row in rows if row.id in orders]


def _sought(tx: Tx, row: Row[Any], order: Row[Any]) -> Sought:
    taken: frozenset[str] = frozenset()
    if order.exchange_order_id is None:
        taken = intents.bound_since(tx, row.account_id, order.signed_ms - LIKE_MS)
    listed = market.instrument(tx, row.instrument)
    return Sought(row, order, request_of(written_of(order), listed, taken))


def _keep(tx: Tx, sought: Sought, said: Sequence[Said]) -> None:
    """Those of doubt alone: an order that rests is looked at for as long as it does."""
    if sought.intent.state != "UNKNOWN":
        return
    now, intent = tx.now_ms(), sought.intent
    rows = [
        reply_rows.row_of(
            one,
            "look",
            intent=intent.id,
            tenant=intent.tenant,
            shard=intent.shard,
            client_order_id=sought.order.client_order_id,
            at_ms=now,
        )
        for one in said
    ]
    reply_rows.keep(tx, rows)


def _again(tx: Tx, sought: Sought) -> tuple[Row[Any], Row[Any]] | None:
    """As they stand now, for the look took a while."""
    intent = intents.find(tx, sought.intent.id)
    order = intents.order_by_client_id(tx, sought.order.account_id, sought.order.client_order_id)
    return None if intent is None or order is None else (intent, order)


def _is_sweep_due(row: Row[Any], now: int, first: int) -> bool:
    last = max(row.looked_ms or 0, row.done_ms or 0)
    return now - last >= max(first, (now - (row.done_ms or now)) // 8)


def _doubt(row: Row[Any]) -> Doubt:
    return Doubt(row.leg, row.signed_ms or 0, row.looks, row.looked_ms)
