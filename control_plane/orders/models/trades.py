"""A trade: one subscription's position from flat to flat, what protects it and what it came to."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, ZERO, floor_to

SMALLEST = Decimal("1E-12")

TradeState = Literal["unprotected", "protected", "unstopped", "exiting", "closed"]
ExitReason = Literal[
    "signal", "stop", "target", "hand", "daily_loss", "halt", "liquidated", "unprotected", "crash"
]
Side = Literal["LONG", "SHORT"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Quantities and values of a trade so far, in the quote currency. `entered` is what came in,
    net of fees taken in the base currency; for a short it is what was sold to open.
    """

    side: Side
    entered: Decimal = ZERO
    exited: Decimal = ZERO
    entry_value: Decimal = ZERO
    exit_value: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def held(self) -> Decimal:
        return self.entered - self.exited

    @property
    def entry_price(self) -> Decimal:
        return MONEY.divide(self.entry_value, self.entered) if self.entered else ZERO

    def with_entry(self, quantity: Decimal, price: Decimal, fee: "Fee") -> "Tally":
        return replace(
            self,
            entered=self.entered + quantity - fee.base,
            entry_value=self.entry_value + MONEY.multiply(quantity, price),
            fees=self.fees + fee.quote,
        )

    def with_exit(self, quantity: Decimal, price: Decimal, fee: "Fee") -> "Tally":
        return replace(
            self,
            exited=self.exited + quantity,
            exit_value=self.exit_value + MONEY.multiply(quantity, price),
            fees=self.fees + fee.quote,
        )

    @property
    def gross(self) -> Decimal:
        """Realised before fees: what was closed against what it cost to open."""
        if self.exited == self.entered:
            cost = self.entry_value
        else:
            share = MONEY.divide(MONEY.multiply(self.entry_value, self.exited), self.entered)
            cost = floor_to(share, SMALLEST)  # so that the parts add up to the whole
        gain = self.exit_value - cost
        return gain if self.side == "LONG" else -gain

    @property
    def realised(self) -> Decimal:
        return self.gross - self.fees

    def unrealised(self, price: Decimal) -> Decimal:
        gain = MONEY.multiply(self.held, price - self.entry_price)
        return gain if self.side == "LONG" else -gain


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee in the currency that the venue took it in."""

    quote: Decimal = ZERO
    base: Decimal = ZERO


def fee_of(amount: Decimal, currency: str, instrument: Instrument) -> Fee:
    if currency == instrument.base and not instrument.is_futures:
        return Fee(base=amount)
    return Fee(quote=amount)


@dataclass(frozen=True, slots=True)
class Closing:
    """How much a spot exit sells, and what is too little to sell."""

    quantity: Decimal
    dust: Decimal


def closing(held: Decimal, free: Decimal, price: Decimal | None, instrument: Instrument) -> Closing:
    """The least of what is ours and what is free, floored; below the venue's minimum it is dust."""
    available = min(held, free)
    quantity = floor_to(max(available, ZERO), instrument.quantity_step)
    least = instrument.min_quantity
    if price is not None:
        least = max(least, instrument.smallest_quantity(price))
    if quantity < least:
        return Closing(ZERO, held)
    return Closing(quantity, held - quantity)


def closing_side(side: str) -> Literal["buy", "sell"]:
    return "sell" if side == "LONG" else "buy"


def opening_side(side: str) -> Literal["buy", "sell"]:
    return "buy" if side == "LONG" else "sell"


def is_reached(side: str, level: Decimal | None, price: Decimal, what: str) -> bool:
    """Whether this price sets off a stop or a target that we watch ourselves."""
    if level is None:
        return False
    falls = (side == "LONG") == (what == "stop")
    return price <= level if falls else price >= level
