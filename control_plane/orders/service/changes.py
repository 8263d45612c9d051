"""Changes that several use cases make, each inside their transaction: an order and its intent move
together, and so do a fill and its trade.
"""

from typing import Any

from sqlalchemy.engine import Row

from control_plane.brokers.models import VenueOrder
from control_plane.core.ids import SignalId, SubscriptionId, intent_id
from control_plane.infra import audit, events
from control_plane.infra.db import Tx
from control_plane.orders.models import states
from control_plane.orders.models.states import Event, State
from control_plane.orders.models.trades import ExitReason, closing_side
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import intents, trades
from strategy_runtime.rules.instruments import Instrument


def move(
    tx: Tx,
    desk: Desk,
    intent: Row[Any],
    order: Row[Any] | None,
    event: Event,
    *,
    exchange_order_id: str | None = None,
    reason: str | None = None,
    **values: Any,
) -> State | None:
    """Both by the table of states. Evidence that comes too late changes nothing."""
    now = tx.now_ms()
    if order is not None:
        _move_order(tx, order, event, now, exchange_order_id, reason)
    if reason is not None:
        values["reason"] = reason
    state = intents.advance(tx, intent, event, epoch=desk.epoch(intent.shard), now=now, **values)
    if state is None:
        return None
    if states.is_terminal(intent.state) and not states.is_terminal(state):
        _reclaim(tx, intent)
    if intent.state == "ABANDONED":
        _surfaced(tx, intent, state)
    if states.is_terminal(state):
        _ended(tx, desk, intent, state, now)
    return state


def _surfaced(tx: Tx, intent: Row[Any], state: State) -> None:
    """The exchange had hidden it for longer than we believe possible."""
    what = "an order that was proved absent is there after all"
    events.record(tx, "incident", "intent", intent.id, tenant=intent.tenant, what=what, state=state)


def _reclaim(tx: Tx, intent: Row[Any]) -> None:
    """What ended is there again, and with it its claim on the position."""
    position = _position(intent)
    if position.startswith("fut:"):
        trades.claim(tx, intent.account_id, position, intent.subscription_id)


def _ended(tx: Tx, desk: Desk, intent: Row[Any], state: State, now: int) -> None:
    if intent.leg == "entry":
        free_position(tx, intent.subscription_id, intent.account_id, _position(intent))
    if intent.leg == "sl" and state != "FILLED" and intent.trade_id is not None:
        trade = trades.find(tx, intent.trade_id)
        if trade is not None and trade.state == "protected":
            expose(tx, desk, trade, now)


def expose(tx: Tx, desk: Desk, trade: Row[Any], now: int, **values: Any) -> None:
    """From now on, until a stop stands that covers it, the position is naked."""
    trades.change(
        tx,
        trade,
        epoch=desk.epoch(trade.shard),
        event="trade_unprotected",
        state="unprotected",
        naked_since_ms=now,
        protect_attempts=0,
        **values,
    )


def _move_order(
    tx: Tx,
    order: Row[Any],
    event: Event,
    now: int,
    exchange_order_id: str | None,
    reason: str | None,
) -> None:
    # A re-priced order is a cancelled one; its intent goes on with another.
    state = states.after(order.state, "cancelled" if event == "repriced" else event)
    changes: dict[str, Any] = {}
    if state is not None:
        changes["state"] = state
        if states.is_terminal(state):
            changes["done_ms"] = now
        if event in ("accepted", "part_filled", "filled") and order.acknowledged_ms is None:
            changes["acknowledged_ms"] = now
        if event == "cancel_asked":
            changes["cancel_ms"] = now
        if reason is not None:
            changes["reason"] = reason
    if exchange_order_id is not None and order.exchange_order_id is None:
        changes["exchange_order_id"] = exchange_order_id
    if changes:
        intents.change_order(tx, order, **changes)


def found(tx: Tx, desk: Desk, intent: Row[Any], order: Row[Any], at_venue: VenueOrder) -> None:
    """What the venue says about an order. An end counts once its fills are ours."""
    event = states.of_venue(at_venue.state, at_venue.filled > 0)
    if event in ("filled", "cancelled", "refused") and at_venue.filled > order.filled:
        event = "part_filled"  # until the fills have come
    if event == "filled" and intent.filled < intent.quantity:
        # This order is done and its intent, which had others before it, is not.
        event = "cancelled"
    if event == "cancelled" and intent.leg == "exit" and order.cancel_ms is not None:
        event = "repriced"
    changes: dict[str, Any] = {"looked_ms": tx.now_ms()}
    if event == "repriced":
        changes["number"] = intent.number + 1
    move(
        tx,
        desk,
        intent,
        order,
        event,
        exchange_order_id=at_venue.exchange_order_id,
        reason=at_venue.reason if event in ("cancelled", "refused") else None,
        **changes,
    )


def begin_exit(
    tx: Tx,
    desk: Desk,
    trade: Row[Any],
    why: ExitReason,
    instrument: Instrument,
    *,
    signal: SignalId | None = None,
) -> bool:
    """Plan the way out of a trade, if there is none yet and something is held."""
    if trade.state == "closed" or trade.quantity <= 0:
        return False
    if intents.live_of_trade(tx, trade.id, "exit") is not None:
        return False
    gen = intents.next_gen(tx, trade.id, "exit")
    now = tx.now_ms()
    identity = intent_id(trade.id, SubscriptionId(trade.subscription_id), "exit", gen)
    row = leg_row(trade, instrument, identity, "exit", gen, now)
    intents.add_intents(tx, [row | {"signal_id": signal}])
    events.record(
        tx,
        "intent_planned",
        "intent",
        identity,
        tenant=trade.tenant,
        leg="exit",
        state="PLANNED",
        reason=why,
    )
    leave(tx, desk, trade, why)
    desk.wake(tx)
    return True


def leave(tx: Tx, desk: Desk, trade: Row[Any], why: ExitReason) -> None:
    if trade.state in ("exiting", "closed"):
        return
    trades.change(
        tx,
        trade,
        epoch=desk.epoch(trade.shard),
        event="trade_exiting",
        state="exiting",
        exit_reason=trade.exit_reason or why,
    )


def leg_row(
    trade: Row[Any], instrument: Instrument, identity: str, leg: str, gen: int, now: int
) -> dict[str, Any]:
    """An intent that protects or closes a trade."""
    market_exit = leg == "exit" and instrument.is_futures
    kinds = {"sl": "stop_market", "exit": "market" if market_exit else "limit"}
    return {
        "id": identity,
        "signal_id": None,
        "subscription_id": trade.subscription_id,
        "account_id": trade.account_id,
        "tenant": trade.tenant,
        "shard": trade.shard,
        "deployment_id": trade.deployment_id,
        "instrument": trade.instrument,
        "margin_currency": trade.margin_currency,
        "venue": trade.venue,
        "leg": leg,
        "gen": gen,
        "trade_id": trade.id,
        "side": closing_side(trade.side),
        "kind": kinds[leg],
        "quantity": trade.quantity,
        "leverage": trade.leverage,
        "slippage": trade.slippage,
        "trigger_price": trade.stop_loss if leg == "sl" else None,
        "state": "PLANNED",
        "planned_ms": now,
        "filled": 0,
        "attempt": 0,
        "number": 0,
        "retry_ms": 0,
        "looks": 0,
        "rank": 0,
        "trigger_ms": 0,
        "explain": "{}",
        "epoch": 0,
        "version": 0,
    }


def close(tx: Tx, desk: Desk, trade: Row[Any], why: ExitReason, **values: Any) -> None:
    """Flat: what is left over is dust, which the next trade takes over."""
    trades.change(
        tx,
        trade,
        epoch=desk.epoch(trade.shard),
        event="trade_closed",
        state="closed",
        exit_reason=trade.exit_reason or why,
        naked_since_ms=None,
        **values,
    )
    chain_result(tx, trade, "trade_closed", exit_reason=trade.exit_reason or why, **values)
    free_position(tx, trade.subscription_id, trade.account_id, _position(trade))
    desk.wake(tx)


def free_position(tx: Tx, subscription: str, account: str, position: str) -> None:
    """Nobody's any more, once its subscription neither holds nor enters it."""
    if not position.startswith("fut:"):
        return
    if trades.open_of_subscription(tx, subscription) or intents.has_live_entry(tx, subscription):
        return
    trades.disclaim(tx, account, position, subscription)


def _position(row: Any) -> str:
    is_future = row.instrument.startswith("fut:")
    return f"{row.instrument}:{row.margin_currency}" if is_future else str(row.instrument)


# What a position came to.
RESULT = (
    "id", "tenant", "account_id", "subscription_id", "deployment_id", "instrument", "side",
    "entry_signal_id", "entered", "exited", "entry_value", "exit_value", "fees", "pnl",
    "exit_reason", "closed_ms",
)  # fmt: skip


def chain_result(tx: Tx, trade: Row[Any], kind: str, **values: Any) -> None:
    """With it in one transaction: nobody makes a result better later."""
    told = {name: values.get(name, getattr(trade, name)) for name in RESULT}
    audit.append_at_the_end(tx, f"orders:{trade.shard}", {"kind": kind, "trade": told})
