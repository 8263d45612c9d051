"""The account that follows a sweep: each entry sized, each exit priced, every cost counted.

Prices and quantities are decimals on the instrument's steps, rounded against us; what is added up
for curves and figures is float.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from math import ceil, floor
from typing import Literal

import numpy as np
from msgspec import Struct

from strategy_runtime.backtest.episodes import Episode, Why, episodes
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.engine.sweep import Sweep
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.sizing import Ask, Skip, liquidation_price, size
from strategy_runtime.sdk.bars import Bars

FUNDING_MS = 8 * 3_600_000

Side = Literal["LONG", "SHORT"]


class Trade(Struct, frozen=True, gc=False):
    """From entry to exit. `pnl` is what is left after fees and funding."""

    side: Side
    quantity: Decimal
    leverage: Decimal
    entry_bar: int
    exit_bar: int
    entry_ms: int
    exit_ms: int
    entry_price: Decimal
    exit_price: Decimal
    stop_loss: float | None
    take_profit: float | None
    cause: Why
    reason: str
    pnl: float
    fees: float
    funding: float

    @property
    def value(self) -> float:
        """What was traded on the way in and out."""
        return float(self.quantity * (self.entry_price + self.exit_price))


class Skipped(Struct, frozen=True, gc=False):
    """An entry that the sizing rules refused, as a subscription's would be."""

    bar: int
    at_ms: int
    side: Side
    reason: str
    capital_needed: float | None = None


class Ledger(Struct, frozen=True):
    trades: tuple[Trade, ...]
    skipped: tuple[Skipped, ...]
    open_at_end: bool


def settle(
    found: Sweep, bars: Bars, instrument: Instrument, terms: Terms, finer: Bars | None = None
) -> Ledger:
    account = _Account(bars, instrument, terms)
    trades: list[Trade] = []
    skipped: list[Skipped] = []
    last: Episode | None = None
    for last in episodes(found, bars, terms.entry, finer):
        outcome = account.take(last)
        if isinstance(outcome, Trade):
            trades.append(outcome)
        else:
            skipped.append(outcome)
    is_open = last is not None and last.why == "end"
    return Ledger(tuple(trades), tuple(skipped), is_open)


class _Account:
    def __init__(self, bars: Bars, instrument: Instrument, terms: Terms) -> None:
        self._bars = bars
        self._rules = instrument
        self._terms = terms
        self._balance = float(terms.capital)
        self._fee = float(instrument.taker_fee if terms.fee is None else terms.fee)
        self._tick = float(instrument.tick_size)
        self._cost = float(terms.spread) / 2 + float(terms.slippage)

    def take(self, episode: Episode) -> Trade | Skipped:
        long = episode.side == "LONG"
        entry = self._paid(episode.entry, buys=long, at_market=True)
        sized = size(self._ask(episode, entry))
        if isinstance(sized, Skip):
            needed = None if sized.capital_needed is None else float(sized.capital_needed)
            return Skipped(episode.entry_bar, episode.entry_ms, episode.side, sized.reason, needed)

        episode = self._liquidated(episode, entry, sized.leverage)
        at_market = episode.why != "target"
        out = self._paid(episode.exit, buys=not long, at_market=at_market)
        quantity = float(sized.quantity)
        paid, received = float(entry), float(out)
        fees = quantity * (paid + received) * self._fee
        funding = self._funding(episode, quantity)
        gross = quantity * (received - paid if long else paid - received)
        self._balance += gross - fees - funding
        return Trade(
            episode.side,
            sized.quantity,
            sized.leverage,
            episode.entry_bar,
            episode.exit_bar,
            episode.entry_ms,
            episode.exit_ms,
            entry,
            out,
            episode.stop_loss,
            episode.take_profit,
            episode.why,
            episode.reason,
            gross - fees - funding,
            fees,
            funding,
        )

    def _ask(self, episode: Episode, entry: Decimal) -> Ask:
        terms = self._terms
        balance = Decimal(f"{self._balance:.8f}")
        return Ask(
            self._rules,
            episode.side,
            entry,
            episode.signal.stop_loss,
            max(balance, Decimal(0)) if terms.compound else terms.capital,
            Decimal(1),
            terms.risk,
            terms.leverage,
            balance,
            terms.mode,
            None,
            terms.max_notional,
        )

    def _paid(self, price: float, *, buys: bool, at_market: bool) -> Decimal:
        """The price on the tick, against us; at the market with spread and slippage."""
        cost = self._cost if at_market else 0.0
        ticks = price * (1.0 + cost if buys else 1.0 - cost) / self._tick
        near = round(ticks)
        if abs(ticks - near) > 1e-6:
            near = ceil(ticks) if buys else floor(ticks)
        return self._rules.tick_size * max(near, 1)

    def _liquidated(self, episode: Episode, entry: Decimal, leverage: Decimal) -> Episode:
        """The same, unless its margin was gone first. A stop stands before that, by the rules."""
        if episode.stop_loss is not None or not self._rules.is_futures or leverage <= 1:
            return episode
        price = float(liquidation_price(self._rules, episode.side, entry, leverage))
        bars, start, end = self._bars, episode.held_from, episode.held_to
        touched = (
            bars.low[start:end] <= price
            if episode.side == "LONG"
            else bars.high[start:end] >= price
        )
        if not touched.any():
            return episode
        bar = start + int(touched.argmax())
        opened = float(bars.open[bar])
        beyond = opened <= price if episode.side == "LONG" else opened >= price
        return episode.ended(bar, int(bars.open_ms[bar]), opened if beyond else price)

    def _funding(self, episode: Episode, quantity: float) -> float:
        """Paid at 0, 8 and 16 o'clock UTC on the value of that moment. Shorts receive it."""
        first, last = episode.entry_ms // FUNDING_MS + 1, episode.exit_ms // FUNDING_MS
        if not self._rules.is_futures or last < first or not self._terms.funding:
            return 0.0
        moments = np.arange(first, last + 1) * FUNDING_MS
        at = np.searchsorted(self._bars.open_ms, moments, side="right") - 1
        value = quantity * float(self._bars.open[at].sum()) * float(self._terms.funding)
        return value if episode.side == "LONG" else -value


def by_cause(trades: Iterable[Trade]) -> Mapping[str, int]:
    counted: dict[str, int] = {}
    for trade in trades:
        counted[trade.cause] = counted.get(trade.cause, 0) + 1
    return counted


def gains(trades: Iterable[Trade]) -> Iterator[float]:
    for trade in trades:
        yield trade.pnl
