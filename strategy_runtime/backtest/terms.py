"""Under which terms a backtest trades: what a subscription and a venue would set."""

from decimal import Decimal
from math import floor, log10
from typing import Literal

from msgspec import Struct

from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.sizing import Mode

Entry = Literal["open", "close"]

# What CoinDCX takes from takers, by kind: the dearer side, so that a result is not too good.
FEES = {"spot": Decimal("0.002"), "fut": Decimal("0.00059")}


class Terms(Struct, frozen=True):
    """Shares are of a price or a value: 0.0002 is 0.02 %."""

    capital: Decimal = Decimal(10_000)  # in the quote currency
    risk: Decimal = Decimal("0.01")  # of the capital, lost at the stop
    leverage: Decimal = Decimal(1)
    mode: Mode = "fixed_risk"
    entry: Entry = "open"  # of the next candle, or the close that decided
    spread: Decimal = Decimal("0.0002")  # between bid and ask; half of it is paid each way
    slippage: Decimal = Decimal("0.0002")  # on entries, stops and exits at the market
    funding: Decimal = Decimal("0.0001")  # every eight hours, futures: longs pay shorts
    fee: Decimal | None = None  # of a fill's value; None is the instrument's taker fee
    compound: bool = False  # size by what the account has become, not by its capital
    max_notional: Decimal | None = None


def generic(instrument: str, price: float) -> Instrument:
    """Rules for an instrument that nobody has described: fine steps and the venue's usual fees."""
    kind, _, pair = instrument.partition(":")
    base, _, quote = pair.rpartition("-")[2].partition("_")
    scale = floor(log10(price)) if price > 0 else 0
    fee = FEES["fut" if kind == "fut" else "spot"]
    return Instrument(
        id=instrument,
        kind="fut" if kind == "fut" else "spot",
        pair=pair,
        base=base,
        quote=quote or "USDT",
        tick_size=Decimal(10) ** (scale - 5),
        quantity_step=Decimal(10) ** min(0, -scale - 1),
        min_quantity=Decimal(10) ** min(0, -scale - 1),
        min_notional=Decimal(5),
        maker_fee=fee,
        taker_fee=fee,
        max_leverage=Decimal(20 if kind == "fut" else 1),
    )
