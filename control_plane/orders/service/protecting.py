"""Never naked: a stop that is read back at the venue, within the deadline, or out.

Futures carry theirs with the entry and, failing that, get one for the position. On spot the stop is
an order of its own over all that is held; where a market has no stop orders, we watch the price
ourselves, with the trader's recorded consent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

from loguru import logger
from sqlalchemy.engine import Row

from control_plane.brokers.errors import (
    Ambiguous,
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    VenueUnreachable,
)
from control_plane.brokers.models import Position
from control_plane.core.ids import AccountId, SubscriptionId, intent_id
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models.states import is_terminal
from control_plane.orders.models.trades import ExitReason, closing
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.looking import Sought, sought_of
from control_plane.orders.service.resting import Rester
from control_plane.orders.store import intents, trades
from strategy_runtime.rules.instruments import Instrument

ATTEMPTS = 3
RETRY_SECONDS = 1.0
UNREACHED = (OutcomeUnknown, NotSent, VenueUnreachable, Ambiguous)


@dataclass(frozen=True)
class Protector:
    desk: Desk
    rester: Rester

    async def once(self, rows: Sequence[Row[Any]]) -> int:
        """Bring every naked position one step nearer to its stop; how many there are."""
        naked = [row for row in rows if row.state == "unprotected"]
        futures = [row for row in naked if row.instrument.startswith("fut:")]
        await self._futures(futures)
        for row in naked:
            if row not in futures:
                await self.desk.isolation.run("trade", row.id, self._spot, row)
        return len(naked)

    # ---- spot ------------------------------------------------------------------------------------

    async def _spot(self, row: Row[Any]) -> None:
        await self.desk.failpoints.hit("protect.before_sl")
        smaller = await self.desk.db.write(self._step, row.id)
        if smaller is not None:
            await self.rester.take_back(smaller)

    def _step(self, tx: Tx, identity: str) -> Sought | None:
        """A stop that is too small now is handed back, to be cancelled."""
        trade = trades.find(tx, identity)
        if trade is None or trade.state != "unprotected":
            return None
        instrument = market.instrument(tx, trade.instrument)
        if trade.software_stop:
            self._mark(tx, trade)
            return None
        if self._is_late(trade):
            self._give_up(tx, trade, instrument, "unprotected")
            return None

        stop = intents.live_of_trade(tx, trade.id, "sl")
        if stop is None:
            self._place(tx, trade, instrument)
            return None
        if stop.state not in ("OPEN", "PARTIAL"):
            return None
        held = closing(trade.quantity, trade.quantity, None, instrument).quantity
        if stop.quantity >= held:
            self._mark(tx, trade)
            return None
        entry = intents.find(tx, trade.entry_intent_id)
        is_over = entry is None or is_terminal(entry.state)
        return next(iter(sought_of(tx, [stop])), None) if is_over else None

    def _place(self, tx: Tx, trade: Row[Any], instrument: Instrument) -> None:
        now = tx.now_ms()
        if trade.retry_ms > now:
            return
        last = intents.of_trade(tx, trade.id, "sl")
        if last and last[-1].state == "REJECTED" and "trigger_passed" in (last[-1].reason or ""):
            self._give_up(tx, trade, instrument, "stop")
            return
        if trade.protect_attempts >= ATTEMPTS:
            self._give_up(tx, trade, instrument, "unprotected")
            return

        least = closing(trade.quantity, trade.quantity, trade.stop_loss, instrument)
        if least.quantity == 0:
            entry = intents.find(tx, trade.entry_intent_id)
            if entry is None or is_terminal(entry.state):
                self._give_up(tx, trade, instrument, "unprotected")  # which finds it to be dust
            return
        gen = intents.next_gen(tx, trade.id, "sl")
        identity = intent_id(trade.id, SubscriptionId(trade.subscription_id), "sl", gen)
        row = changes.leg_row(trade, instrument, identity, "sl", gen, now)
        intents.add_intents(tx, [row | {"state": "READY", "quantity": least.quantity}])
        told = {"leg": "sl", "state": "READY"}
        events.record(tx, "intent_planned", "intent", identity, tenant=trade.tenant, **told)
        self._count_attempt(tx, trade, now)
        self.desk.wake(tx)

    # ---- futures ---------------------------------------------------------------------------------

    async def _futures(self, rows: Sequence[Row[Any]]) -> None:
        by_venue: dict[str, list[Row[Any]]] = {}
        for row in rows:
            by_venue.setdefault(row.venue, []).append(row)
        for venue, some in sorted(by_venue.items()):
            work = partial(self._futures_at, venue)
            await self.desk.isolation.together("trade", some, work, attrgetter("id"))

    async def _futures_at(self, venue: str, rows: Sequence[Row[Any]]) -> None:
        accounts = sorted({AccountId(row.account_id) for row in rows})
        try:
            positions = await self.desk.brokers[venue].positions(accounts)
        except VenueUnreachable as error:
            logger.warning("positions_not_read", venue=venue, reason=str(error))
            return
        held = {(p.account, p.instrument, p.margin_currency): p for p in positions}
        for row in rows:
            position = held.get((row.account_id, row.instrument, row.margin_currency))
            await self.desk.isolation.run("trade", row.id, self._future, row, position)

    async def _future(self, row: Row[Any], position: Position | None) -> None:
        if not await self.desk.db.write(self._read_back, row.id, position):
            return
        instrument = await self.desk.db.read(market.instrument, row.instrument)
        await self.desk.failpoints.hit("protect.before_sl")
        try:
            await self.desk.brokers[row.venue].protect(
                AccountId(row.account_id),
                instrument,
                row.margin_currency,
                row.stop_loss,
                row.take_profit,
            )
        except (OrderRefused, *UNREACHED) as error:
            logger.warning("position_not_protected", trade=row.id, reason=str(error))
        await self.desk.failpoints.hit("protect.after_sl_reply")

    def _read_back(self, tx: Tx, identity: str, position: Position | None) -> bool:
        """Whether a stop has to be set: it is protected only by one that the venue shows."""
        trade = trades.find(tx, identity)
        if trade is None or trade.state != "unprotected":
            return False
        if position is not None and position.stop_loss == trade.stop_loss:
            self._mark(tx, trade)
            return False
        instrument = market.instrument(tx, trade.instrument)
        if self._is_late(trade) or trade.protect_attempts >= ATTEMPTS:
            self._give_up(tx, trade, instrument, "unprotected")
            return False
        now = tx.now_ms()
        if position is None or trade.retry_ms > now:
            return False  # closed already, and its fills are on their way
        self._count_attempt(tx, trade, now)
        return True

    # ---- both ------------------------------------------------------------------------------------

    def _is_late(self, trade: Row[Any]) -> bool:
        since = trade.naked_since_ms
        limit = self.desk.scaled_ms(self.desk.settings.protect_seconds)
        return since is not None and self.desk.now_ms() - since >= limit

    def _mark(self, tx: Tx, trade: Row[Any]) -> None:
        trades.change(
            tx,
            trade,
            epoch=self.desk.epoch(trade.shard),
            event="trade_protected",
            state="protected",
            naked_since_ms=None,
        )

    def _count_attempt(self, tx: Tx, trade: Row[Any], now: int) -> None:
        trades.change(
            tx,
            trade,
            epoch=self.desk.epoch(trade.shard),
            protect_attempts=trade.protect_attempts + 1,
            retry_ms=now + self.desk.scaled_ms(RETRY_SECONDS),
        )

    def _give_up(self, tx: Tx, trade: Row[Any], instrument: Instrument, why: ExitReason) -> None:
        logger.warning("position_unprotected_exit", trade=trade.id, reason=why)
        changes.begin_exit(tx, self.desk, trade, why, instrument)
