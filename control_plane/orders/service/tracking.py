"""What venues did: fills become trades and ledger lines, each once, in one transaction an account.

A fill is evidence of its order whatever state that is in: it may come before the acceptance, after
a cancel, or from a stop that the venue itself set off.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from loguru import logger
from sqlalchemy.engine import Row

from control_plane.brokers.errors import VenueUnreachable
from control_plane.brokers.models import Broker, VenueFill
from control_plane.core.ids import AccountId, SubscriptionId, intent_id, shard_of, trade_id
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models.scene import position_key
from control_plane.orders.models.states import UNSENT, Event, is_terminal
from control_plane.orders.models.trades import ExitReason, Tally, fee_of, opening_side
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.losses import tally_of
from control_plane.orders.store import intents, trades
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import ZERO

STAGE_REASONS: Mapping[str, ExitReason] = {
    "stop": "stop",
    "target": "target",
    "liquidation": "liquidated",
    "exit": "hand",
}
STAGE_LEGS = {"stop": "sl", "target": "tp", "liquidation": "sl", "exit": "exit"}


@dataclass(frozen=True)
class Tracker:
    desk: Desk

    async def read(self, by_venue: Mapping[str, set[str]]) -> int:
        """Ask each venue what was filled in these accounts; how many fills were new."""
        count = 0
        for venue, members in sorted(by_venue.items()):
            broker = self.desk.brokers.get(venue)
            if broker is not None:
                asked = [AccountId(account) for account in sorted(members)]
                work = partial(self._read_at, venue, broker)
                count += sum(await self.desk.isolation.together("account", asked, work, str))
        return count + await self._adopt_strays(by_venue)

    async def _adopt_strays(self, by_venue: Mapping[str, set[str]]) -> int:
        """Fills that came before anybody could say whose order it was."""
        accounts = sorted(set().union(*by_venue.values()))
        if not accounts:
            return 0
        found = await self.desk.db.read(trades.strays_bound, accounts)
        count = 0
        for account, rows in found.items():
            fills = [msgspec.json.decode(row.body, type=VenueFill) for row in rows]
            work = self.desk.db.write
            count += (
                await self.desk.isolation.run("account", account, work, self._claim, fills) or 0
            )
        return count

    def _claim(self, tx: Tx, fills: Sequence[VenueFill]) -> int:
        if not self.desk.holds(tx, shard_of(fills[0].account)):
            return 0
        count = 0
        for fill in fills:
            if not trades.has_fill(tx, fill.account, fill.fill_id):
                count += self._apply_one(tx, fill)
            trades.forget_stray(tx, fill.account, fill.fill_id)
        self.desk.wake(tx)
        return count

    async def _read_at(self, venue: str, broker: Broker, asked: Sequence[AccountId]) -> int:
        cursors = await self.desk.db.read(trades.cursors_of, asked)
        try:
            found = await broker.fills_since({one: cursors.get(one, "") for one in asked})
        except VenueUnreachable as error:
            logger.warning("fills_not_read", venue=venue, reason=str(error))
            return 0
        by_account: dict[AccountId, list[VenueFill]] = defaultdict(list)
        for fill in found:
            by_account[fill.account].append(fill)
        count = 0
        for account, fills in by_account.items():
            count += await self.desk.isolation.run("account", account, self._keep_fills, fills) or 0
        return count

    async def _keep_fills(self, fills: Sequence[VenueFill]) -> int:
        return await self.desk.db.write(self.apply, fills)

    def apply(self, tx: Tx, fills: Sequence[VenueFill]) -> int:
        if not self.desk.holds(tx, shard_of(fills[0].account)):
            return 0  # a former owner that slept: whoever owns the account now reads them
        count = 0
        for fill in fills:
            if not trades.has_fill(tx, fill.account, fill.fill_id):
                count += self._apply_one(tx, fill)
        trades.keep_cursor(tx, fills[-1].account, fills[-1].cursor)
        if count:
            self.desk.wake(tx)
        return count

    def _apply_one(self, tx: Tx, fill: VenueFill) -> int:
        instrument = market.instrument(tx, fill.instrument)
        order = intents.order_by_exchange_id(
            tx, fill.account, fill.exchange_order_id
        ) or intents.order_by_client_id(tx, fill.account, fill.client_order_id)
        if order is None:
            order = self._adopt(tx, fill, instrument)
        intent = None if order is None else intents.find(tx, order.intent_id)
        if order is None or intent is None:
            if trades.add_stray(tx, _stray_row(fill, tx.now_ms())):
                told = {"fill": fill.fill_id, "instrument": fill.instrument}
                events.record(tx, "foreign_fill_seen", "account", fill.account, **told)
            return 0

        trade = self._trade(tx, intent, fill, instrument)
        trades.add_fill(tx, _fill_row(fill, order, intent, trade, tx.now_ms()))
        self._book(tx, trade, intent, fill, instrument)
        self._advance(tx, order, intent, fill)
        return 1

    def _advance(self, tx: Tx, order: Row[Any], intent: Row[Any], fill: VenueFill) -> None:
        filled = order.filled + fill.quantity
        total = intent.filled + fill.quantity
        intents.change_order(tx, order, filled=filled)
        fresh = intents.order_by_client_id(tx, order.account_id, order.client_order_id)
        event: Event = "part_filled"
        if filled >= order.quantity and total >= intent.quantity:
            event = "filled"
        state = changes.move(
            tx,
            self.desk,
            intent,
            fresh,
            event,
            exchange_order_id=fill.exchange_order_id,
            filled=total,
        )
        if state is None:  # an end that was recorded already; the fill counts all the same
            intents.touch(tx, intent, filled=total)

    # ---- trades ----------------------------------------------------------------------------------

    def _trade(self, tx: Tx, intent: Row[Any], fill: VenueFill, instrument: Instrument) -> Row[Any]:
        """The trade that the fill belongs to: its intent's, or the one that is open instead when an
        order that was believed absent, or the exit of an older position, did something after all.
        """
        identity = intent.trade_id or trade_id(intent.id)
        found = trades.find(tx, identity)
        if found is not None and found.state != "closed":
            return found
        held = trades.open_of_subscription(tx, intent.subscription_id)
        other = next((one for one in held if one.instrument == intent.instrument), found)
        if other is not None:
            told = {"trade": other.id, "fill": fill.fill_id}
            events.record(
                tx, "straggler_adopted", "intent", intent.id, tenant=intent.tenant, **told
            )
            return other
        trades.add(tx, self._opened(tx, intent, fill, instrument, identity))
        opened = trades.find(tx, identity)
        assert opened is not None
        return opened

    def _opened(
        self, tx: Tx, entry: Row[Any], fill: VenueFill, instrument: Instrument, identity: str
    ) -> dict[str, Any]:
        before = trades.last_generation(tx, entry.subscription_id, entry.instrument)
        dust, dust_value = ZERO, ZERO
        if before is not None and before.dust > 0:
            # Too little to sell then; sold together with this one.
            dust, dust_value = before.dust, before.dust_value
            trades.change(
                tx, before, epoch=self.desk.epoch(entry.shard), dust=ZERO, dust_value=ZERO
            )
        needs_stop = entry.stop_loss is not None
        has_stop_orders = instrument.is_futures or instrument.takes_stop_market
        return {
            "id": identity,
            "subscription_id": entry.subscription_id,
            "account_id": entry.account_id,
            "deployment_id": entry.deployment_id,
            "tenant": entry.tenant,
            "shard": entry.shard,
            "instrument": entry.instrument,
            "margin_currency": entry.margin_currency,
            "venue": entry.venue,
            "side": "LONG" if entry.side == "buy" else "SHORT",
            "state": "unprotected" if needs_stop else "unstopped",
            "position_generation": 1 if before is None else before.position_generation + 1,
            "entry_intent_id": entry.id,
            "entry_signal_id": entry.signal_id,
            "entry_trigger_ms": entry.trigger_ms,
            "quantity": dust,
            "entered": dust,
            "exited": ZERO,
            "entry_value": dust_value,
            "exit_value": ZERO,
            "fees": ZERO,
            "dust": ZERO,
            "dust_value": ZERO,
            "currency": instrument.quote,
            "stop_loss": entry.stop_loss,
            "take_profit": entry.take_profit,
            "leverage": entry.leverage,
            "slippage": entry.slippage,
            "software_stop": needs_stop and not has_stop_orders,
            "naked_since_ms": tx.now_ms() if needs_stop else None,
            "protect_attempts": 0,
            "retry_ms": 0,
            "opened_ms": fill.at_ms,
            "epoch": 0,
            "version": 0,
        }

    def _book(
        self, tx: Tx, trade: Row[Any], intent: Row[Any], fill: VenueFill, instrument: Instrument
    ) -> None:
        before = tally_of(trade)
        fee = fee_of(fill.fee, fill.fee_currency, instrument)
        if fill.side == opening_side(trade.side):
            after = before.with_entry(fill.quantity, fill.price, fee)
        else:
            after = before.with_exit(fill.quantity, fill.price, fee)
            self._line(tx, trade, fill, "pnl", after.gross - before.gross, instrument.quote)
        self._line(tx, trade, fill, "fee", -fill.fee, fill.fee_currency)
        self._keep(tx, trade, after, fill, intent)

    def _keep(
        self, tx: Tx, trade: Row[Any], after: Tally, fill: VenueFill, intent: Row[Any]
    ) -> None:
        totals: dict[str, Any] = {
            "quantity": after.held,
            "entered": after.entered,
            "exited": after.exited,
            "entry_value": after.entry_value,
            "exit_value": after.exit_value,
            "fees": after.fees,
        }
        epoch = self.desk.epoch(trade.shard)
        if trade.state == "closed":
            totals["pnl"] = after.realised
            trades.change(tx, trade, epoch=epoch, **totals)
            changes.chain_result(tx, trade, "trade_corrected", **totals)
            return
        why = _why(intent, fill, trade)
        is_in = fill.side == opening_side(trade.side)
        is_flat = after.held <= 0 and not is_in
        entry = intents.find(tx, trade.entry_intent_id)
        if is_flat and (entry is None or is_terminal(entry.state)):
            pnl = after.realised
            changes.close(tx, self.desk, trade, why, **totals, pnl=pnl, closed_ms=fill.at_ms)
            return
        if is_in and trade.state == "protected":
            # The stop that stands covers less than is held now.
            changes.expose(tx, self.desk, trade, tx.now_ms(), **totals)
            return
        leaving = {"state": "exiting", "exit_reason": trade.exit_reason or why}
        is_leaving = not is_in and trade.state != "exiting"
        trades.change(
            tx,
            trade,
            epoch=epoch,
            event="trade_exiting" if is_leaving else None,
            **totals,
            **(leaving if is_leaving else {}),
        )

    def _line(
        self, tx: Tx, trade: Row[Any], fill: VenueFill, kind: str, amount: Decimal, currency: str
    ) -> None:
        if amount == 0:
            return
        trades.add_ledger(
            tx,
            {
                "id": f"{kind}.{fill.account}.{fill.fill_id}",
                "account_id": fill.account,
                "subscription_id": trade.subscription_id,
                "trade_id": trade.id,
                "tenant": trade.tenant,
                "shard": trade.shard,
                "kind": kind,
                "amount": amount,
                "currency": currency,
                "reference": fill.fill_id,
                "at_ms": fill.at_ms,
            },
        )

    # ---- what the venue did on its own -----------------------------------------------------------

    def _adopt(self, tx: Tx, fill: VenueFill, instrument: Instrument) -> Row[Any] | None:
        """A stop, a target or a liquidation of a position that is ours: it gets an intent of its
        own, for every order maps to one.
        """
        if fill.stage == "default":
            return None
        key = position_key(instrument, fill.margin_currency)
        owner = trades.owner(tx, fill.account, key)
        held = trades.open_of_subscription(tx, owner) if owner is not None else []
        trade = next((one for one in held if one.instrument == fill.instrument), None)
        if trade is None or (fill.stage == "exit" and self._is_ours(tx, trade)):
            return None

        now = tx.now_ms()
        leg = STAGE_LEGS[fill.stage]
        gen = intents.next_gen(tx, trade.id, leg)
        identity = intent_id(trade.id, SubscriptionId(trade.subscription_id), leg, gen)
        row = changes.leg_row(trade, instrument, identity, "sl", gen, now)
        quantity = max(trade.quantity, fill.quantity)
        intents.add_intents(
            tx,
            [
                row
                | {
                    "leg": leg,
                    "state": "OPEN",
                    "quantity": quantity,
                    "kind": "market",
                    "signed_ms": now,
                }
            ],
        )
        intents.add_order(tx, _adopted_row(fill, row, quantity, now))
        events.record(
            tx,
            "order_adopted",
            "intent",
            identity,
            tenant=trade.tenant,
            stage=fill.stage,
            exchange_order_id=fill.exchange_order_id,
        )
        return intents.order_by_exchange_id(tx, fill.account, fill.exchange_order_id)

    def _is_ours(self, tx: Tx, trade: Row[Any]) -> bool:
        """Whether an exit of ours left that may be the one that filled: its answer, or a look, will
        say so. One that has not left comes too late.
        """
        exit_ = intents.live_of_trade(tx, trade.id, "exit")
        if exit_ is None:
            return False
        if exit_.state in UNSENT:
            why = "the position was closed at the exchange"
            changes.move(tx, self.desk, exit_, None, "denied", reason=why)
            return False
        return True


def _why(intent: Row[Any], fill: VenueFill, trade: Row[Any]) -> ExitReason:
    if fill.stage in STAGE_REASONS and intent.leg != "exit":
        return STAGE_REASONS[fill.stage]
    if intent.leg == "sl":
        return "stop"
    if intent.leg == "tp":
        return "target"
    by_hand: ExitReason = "hand" if fill.stage == "exit" else "signal"
    found: ExitReason = trade.exit_reason or by_hand
    return found


def _stray_row(fill: VenueFill, now: int) -> dict[str, Any]:
    return {
        "account_id": fill.account,
        "exchange_fill_id": fill.fill_id,
        "exchange_order_id": fill.exchange_order_id,
        "instrument": fill.instrument,
        "body": msgspec.json.encode(fill).decode(),
        "seen_ms": now,
    }


def _fill_row(
    fill: VenueFill, order: Row[Any], intent: Row[Any], trade: Row[Any], now: int
) -> dict[str, Any]:
    return {
        "account_id": fill.account,
        "exchange_fill_id": fill.fill_id,
        "order_id": order.id,
        "intent_id": intent.id,
        "subscription_id": intent.subscription_id,
        "trade_id": trade.id,
        "tenant": intent.tenant,
        "shard": intent.shard,
        "instrument": fill.instrument,
        "side": fill.side,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "fee_currency": fill.fee_currency,
        "stage": fill.stage,
        "at_ms": fill.at_ms,
        "recorded_ms": now,
    }


def _adopted_row(
    fill: VenueFill, intent: Mapping[str, Any], quantity: Decimal, now: int
) -> dict[str, Any]:
    return {
        "id": f"or{fill.exchange_order_id}",
        "intent_id": intent["id"],
        "account_id": fill.account,
        "tenant": intent["tenant"],
        "shard": intent["shard"],
        "venue": intent["venue"],
        "instrument": fill.instrument,
        "margin_currency": fill.margin_currency,
        "client_order_id": fill.client_order_id or fill.exchange_order_id,
        "exchange_order_id": fill.exchange_order_id,
        "number": 0,
        "attempt": 0,
        "side": fill.side,
        "kind": "market",
        "quantity": quantity,
        "leverage": intent["leverage"],
        "closes": True,
        "filled": ZERO,
        "state": "OPEN",
        "body_sha256": "",
        "signed_ms": now,
        "epoch": 0,
        "version": 0,
    }
