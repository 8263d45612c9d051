"""What a plan sees, from rows and prices as they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from control_plane.core.ids import (
    AccountId,
    IntentId,
    SubscriptionId,
    TradeId,
)
from control_plane.deployments import service as deployments
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models import prices
from control_plane.orders.models.prices import Quote, Rate
from control_plane.orders.models.scene import Holding, Signal, Subscriber
from control_plane.orders.models.trades import Tally
from control_plane.orders.store import trades
from control_plane.signals.models.stored import StoredSignal
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY


@dataclass(frozen=True)
class Market:
    """Prices as they stood when the plan was made."""

    instrument: Instrument
    quote: Quote | None
    quoted: Sequence[tuple[Instrument, Quote]]


def wallet_of(instrument: Instrument) -> str:
    return "futures" if instrument.is_futures else "spot"


def signal_of(stored: StoredSignal) -> Signal:
    return Signal(
        id=stored.id,
        deployment=stored.deployment,
        instrument=stored.instrument,
        kind=stored.kind,
        side="LONG" if stored.action.endswith("LONG") else "SHORT",
        trigger_ms=stored.trigger_open_ms,
        price=stored.price,
        stop_loss=stored.stop_loss,
        take_profit=stored.take_profit,
        published_ms=stored.published_ms,
        seed=stored.seed,
    )


def entering(row: Any, trade: TradeId, is_leaving: bool) -> Holding:
    return Holding(
        side="LONG" if row.side == "buy" else "SHORT",
        entry_trigger_ms=row.trigger_ms,
        quantity=row.quantity,
        trade=trade,
        entry=IntentId(row.id),
        is_leaving=is_leaving,
    )


def held(row: Any, instrument: Instrument, is_leaving: bool) -> Holding:
    return Holding(
        side=row.side,
        entry_trigger_ms=row.entry_trigger_ms,
        quantity=row.quantity,
        trade=TradeId(row.id),
        entry=IntentId(row.entry_intent_id),
        is_leaving=is_leaving,
        margin=margin(row, instrument),
    )


def weight(found: tuple[SubscriptionId, Holding]) -> tuple[bool, int]:
    """The last of these is the one that counts."""
    return not found[1].is_leaving, found[1].entry_trigger_ms


def margin(row: Any, instrument: Instrument) -> Decimal:
    """What closing a futures position frees, before its gain or loss."""
    if not instrument.is_futures:
        return Decimal(0)
    tally = Tally(row.side, row.entered, row.exited, row.entry_value, row.exit_value, row.fees)
    return MONEY.divide(MONEY.multiply(tally.held, tally.entry_price), row.leverage)


def ceiling(tx: Tx, signal: StoredSignal) -> Decimal | None:
    """How far its author lets anybody lever what this deployment enters."""
    found = deployments.standings(tx, [signal.deployment]).get(signal.deployment)
    return None if found is None else found.max_leverage


def owners(tx: Tx, members: Sequence[Subscriber]) -> dict[tuple[AccountId, str], SubscriptionId]:
    found = trades.owners(tx, [member.terms.account_id for member in members])
    return {(AccountId(a), key): SubscriptionId(owner) for (a, key), owner in found.items()}


def rates(seen: Market, members: Sequence[Subscriber]) -> dict[tuple[str, str], Rate]:
    quote = seen.instrument.quote
    needed = {member.terms.capital_currency for member in members} | {quote}
    if seen.instrument.is_futures:
        needed |= {member.terms.margin_currency for member in members}
    found = {currency: prices.rate(currency, quote, seen.quoted) for currency in sorted(needed)}
    return {(currency, quote): rate for currency, rate in found.items() if rate is not None}


def pegs(tx: Tx, instrument: Instrument, feed: str) -> dict[tuple[str, str], Rate]:
    """Margin in rupees is booked at the exchange's own price, not at the market's."""
    found = market.conversion(tx, instrument.quote, "INR") if instrument.is_futures else None
    if found is None or feed == market.SIMULATED:
        return {}
    return {("INR", instrument.quote): prices.pegged(*found, f"{feed} conversion")}
