"""The way out of a position: first what is left of its entry, then its stop, each read back, and
only then the exit, over what is really there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from loguru import logger
from sqlalchemy.engine import Row

from control_plane.brokers.errors import VenueUnreachable
from control_plane.core.ids import AccountId
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models.states import DOUBT, UNSENT, is_terminal
from control_plane.orders.models.trades import closing, is_reached
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.looking import Sought, sought_of
from control_plane.orders.service.losses import tally_of
from control_plane.orders.service.resting import Rester
from control_plane.orders.store import intents, trades
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, ZERO
from strategy_runtime.wire.messages import Tick

RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Cleared:
    """Nothing stands in the exit's way any more."""

    trade: Row[Any]
    instrument: Instrument


@dataclass(frozen=True)
class Closer:
    desk: Desk
    rester: Rester

    async def once(self, open_trades: Sequence[Row[Any]], planned: Sequence[Row[Any]]) -> int:
        """Bring every exit one step on; how many there are."""
        leaving = [row for row in open_trades if row.state == "exiting"]
        isolation = self.desk.isolation
        await isolation.together("trade", leaving, self._follow, attrgetter("id"))
        entries = [row for row in planned if row.leg == "entry"]
        if entries:
            await isolation.run("reversals", "", self.desk.db.write, self._turn)
        exits = [row for row in planned if row.leg == "exit"]
        for row in exits:
            await isolation.run("intent", row.id, self._prepare, row.id)
        return len(leaving) + len(exits) + len(entries)

    async def watch(self, instrument: Instrument, tick: Tick) -> int:
        """Targets, and stops where the venue has none, that this price reaches."""
        found = await self.desk.db.read(
            trades.reached, self.desk.owned(), instrument.id, tick.price
        )
        if not found or instrument.is_futures:
            return 0
        reached = [
            await self.desk.isolation.run("trade", row.id, self._leave_at, row.id, instrument, tick)
            for row in found
        ]
        return sum(filter(None, reached))

    async def _leave_at(self, identity: str, instrument: Instrument, tick: Tick) -> bool:
        return await self.desk.db.write(self._reach, identity, instrument, tick)

    async def _follow(self, leaving: Sequence[Row[Any]]) -> None:
        await self.desk.db.write(self._go_on, leaving)

    async def _prepare(self, identity: str) -> None:
        step = await self.desk.db.write(self._clear, identity)
        if isinstance(step, Sought):
            await self.rester.take_back(step)
        if not isinstance(step, Cleared):
            return
        free = ZERO
        if not step.instrument.is_futures:
            broker = self.desk.brokers[step.trade.venue]
            account = AccountId(step.trade.account_id)
            try:
                held = (await broker.balances([account]))[account]
            except VenueUnreachable as error:
                logger.warning("balances_not_read", account=account, reason=str(error))
                return
            base = step.instrument.base
            mine = (b.free for b in held if b.currency == base and b.wallet != "futures")
            free = next(mine, ZERO)
        await self.desk.db.write(self._let_go, identity, free)

    # ---- transactions ----------------------------------------------------------------------------

    def _clear(self, tx: Tx, identity: str) -> Sought | Cleared | None:
        """What to take back first, or that the way is clear, or nothing while something is
        unclear.
        """
        row = intents.find(tx, identity)
        if row is None or row.state != "PLANNED":
            return None
        trade = trades.find(tx, row.trade_id)
        entry_id = row.waits_for if trade is None else trade.entry_intent_id
        entry = intents.find(tx, entry_id) if entry_id else None
        if entry is not None and not is_terminal(entry.state):
            return self._end(tx, entry, "its exit came first")
        if trade is None or trade.state == "closed" or trade.quantity <= 0:
            changes.move(tx, self.desk, row, None, "denied", reason="nothing is held")
            return None

        self._leave(tx, trade, row)
        for leg in ("sl", "tp"):
            stop = intents.live_of_trade(tx, trade.id, leg)
            if stop is not None:
                # What a venue's own stop has begun it ends by itself.
                is_adopted = stop.kind == "market"
                return None if is_adopted else self._end(tx, stop, "the position is closed")
        return Cleared(trade, market.instrument(tx, trade.instrument))

    def _end(self, tx: Tx, row: Row[Any], why: str) -> Sought | None:
        if row.state in UNSENT:
            changes.move(tx, self.desk, row, None, "denied", reason=why)
            self.desk.wake(tx)
            return None
        if row.state in DOUBT:
            return None
        return next(iter(sought_of(tx, [row])), None)

    def _leave(self, tx: Tx, trade: Row[Any], row: Row[Any]) -> None:
        if trade.state == "exiting":
            return
        trades.change(
            tx,
            trade,
            epoch=self.desk.epoch(trade.shard),
            event="trade_exiting",
            state="exiting",
            exit_reason=trade.exit_reason or "signal",
            exit_signal_id=row.signal_id,
        )

    def _let_go(self, tx: Tx, identity: str, free: Decimal) -> None:
        row = intents.find(tx, identity)
        trade = None if row is None else trades.find(tx, row.trade_id)
        if row is None or row.state != "PLANNED" or trade is None:
            return
        instrument = market.instrument(tx, trade.instrument)
        quantity = trade.quantity
        if not instrument.is_futures:
            quote = self.desk.quote(instrument.id)
            price = quote.price if quote is not None else None
            quantity = closing(trade.quantity, free, price, instrument).quantity
        if quantity == 0:
            self._leave_dust(tx, trade)
            changes.move(tx, self.desk, row, None, "denied", reason="too little to sell: dust")
            return
        changes.move(tx, self.desk, row, None, "permitted", quantity=quantity)
        self.desk.wake(tx)

    def _leave_dust(self, tx: Tx, trade: Row[Any]) -> None:
        tally = tally_of(trade)
        cost = MONEY.multiply(tally.held, tally.entry_price)
        changes.close(
            tx,
            self.desk,
            trade,
            "signal",
            quantity=ZERO,
            dust=tally.held,
            dust_value=cost,
            pnl=tally.realised,
            closed_ms=market.market_now_ms(tx, trade.instrument),
        )

    def _go_on(self, tx: Tx, rows: Sequence[Row[Any]]) -> None:
        """An exit that ended before the position did is followed by another."""
        now = tx.now_ms()
        for row in rows:
            trade = trades.find(tx, row.id)
            if trade is None or trade.state != "exiting":
                continue
            legs = [intents.live_of_trade(tx, trade.id, leg) for leg in ("exit", "sl", "tp")]
            if any(leg is not None for leg in legs) or trade.retry_ms > now:
                continue
            if trade.quantity <= 0:
                self._end_flat(tx, trade)
                continue
            instrument = market.instrument(tx, trade.instrument)
            if changes.begin_exit(tx, self.desk, trade, "signal", instrument):
                fresh = trades.find(tx, trade.id)
                assert fresh is not None
                retry = now + self.desk.scaled_ms(RETRY_SECONDS)
                trades.change(tx, fresh, epoch=self.desk.epoch(trade.shard), retry_ms=retry)

    def _end_flat(self, tx: Tx, trade: Row[Any]) -> None:
        """It went flat while its entry could still have filled: over once the entry is."""
        entry = intents.find(tx, trade.entry_intent_id)
        if entry is not None and not is_terminal(entry.state):
            return
        changes.close(
            tx,
            self.desk,
            trade,
            trade.exit_reason or "signal",
            pnl=tally_of(trade).realised,
            closed_ms=market.market_now_ms(tx, trade.instrument),
        )

    def _turn(self, tx: Tx) -> None:
        """The other half of a reversal goes once the first is flat, if it is still fresh and
        nothing later was signalled meanwhile.
        """
        now = tx.now_ms()
        waiting = intents.in_states(tx, self.desk.owned(), {"PLANNED"})
        entries = sorted(
            (row for row in waiting if row.leg == "entry"), key=attrgetter("trigger_ms")
        )
        newest = {row.subscription_id: row.id for row in entries}
        for row in entries:
            if row.expires_ms is not None and row.expires_ms <= now:
                changes.move(tx, self.desk, row, None, "expired", reason="the signal is too old")
            elif newest[row.subscription_id] != row.id:
                why = "a later signal took its place"
                changes.move(tx, self.desk, row, None, "denied", reason=why)
            elif self._is_flat(tx, row):
                changes.move(tx, self.desk, row, None, "permitted")
                self.desk.wake(tx)

    def _is_flat(self, tx: Tx, row: Row[Any]) -> bool:
        """Nothing is open, and no entry that is still under way can come to be."""
        if trades.open_of_subscription(tx, row.subscription_id):
            return False
        return not intents.has_earlier_entry(tx, row)

    def _reach(self, tx: Tx, identity: str, instrument: Instrument, tick: Tick) -> bool:
        trade = trades.find(tx, identity)
        if trade is None or trade.state in ("exiting", "closed"):
            return False
        if is_reached(trade.side, trade.take_profit, tick.price, "target"):
            return changes.begin_exit(tx, self.desk, trade, "target", instrument)
        if trade.software_stop and is_reached(trade.side, trade.stop_loss, tick.price, "stop"):
            return changes.begin_exit(tx, self.desk, trade, "stop", instrument)
        return False
