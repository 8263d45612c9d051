"""The simulated markets: rules as CoinDCX publishes them, and how each price likes to move.

Markets of one coin share its moves, so a rupee book and a futures contract follow the same story.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from strategy_runtime.rules.instruments import Instrument, Kind

D = Decimal


@dataclass(frozen=True)
class Listing:
    """An instrument and its simulated character."""

    instrument: Instrument
    price: Decimal  # where it starts, and what it is slowly drawn back to
    volatility: float  # of one minute, as a share of the price
    trades: int  # in an ordinary minute
    quantity: Decimal  # of an ordinary trade


def _instrument(name: str, steps: str, fees: str, order_types: str) -> Instrument:
    """`steps` is tick, quantity step, least and largest quantity, least value; `fees` maker,
    taker.
    """
    kind, pair = name.split(":")
    base, quote = pair.split("-")[1].split("_")
    tick, step, least, largest, value = map(D, steps.split())
    maker, taker = map(D, fees.split())
    venue: Kind = "fut" if kind == "fut" else "spot"
    return Instrument(
        name,
        venue,
        pair,
        base,
        quote,
        tick_size=tick,
        quantity_step=step,
        min_quantity=least,
        max_quantity=largest,
        min_notional=value,
        maker_fee=maker,
        taker_fee=taker,
        order_types=tuple(order_types.split()),
    )


_TIERS = (
    (D(25), D(50_000)),
    (D(20), D(100_000)),
    (D(10), D(1_000_000)),
    (D(5), D(15_000_000)),
)


def _futures(name: str, steps: str, max_leverage: int) -> Instrument:
    contract = _instrument(
        name, steps, "0.000236 0.00059", "limit market stop_limit stop_market take_profit_market"
    )
    return replace(
        contract,
        max_leverage=D(max_leverage),
        leverage_tiers=tuple(tier for tier in _TIERS if tier[0] <= max_leverage),
        maintenance_rate=D("0.015"),
    )


_USDT = ("0.002 0.002", "limit market stop_limit")
_INR = ("0.0059 0.0059", "limit market")
_INR_QUIET = ("0.0059 0.0059", "limit")  # most rupee books refuse market orders

LISTINGS: Sequence[Listing] = (
    Listing(
        _instrument("spot:B-BTC_USDT", "0.01 0.00001 0.00001 90 5", *_USDT),
        D(80_000), 0.0009, 30, D("0.02"),
    ),
    Listing(
        _instrument("spot:B-ETH_USDT", "0.01 0.0001 0.0001 2000 5", *_USDT),
        D(2_480), 0.0011, 26, D("0.6"),
    ),
    Listing(
        _instrument("spot:I-BTC_INR", "0.1 0.00001 0.00001 2 100", *_INR),
        D(8_000_000), 0.0009, 12, D("0.004"),
    ),
    Listing(
        _instrument("spot:I-ETH_INR", "0.1 0.0001 0.0001 60 100", *_INR_QUIET),
        D(248_000), 0.0011, 4, D("0.05"),
    ),
    Listing(
        _instrument("spot:I-USDT_INR", "0.01 0.01 0.01 500000 100", *_INR),
        D(100), 0.00008, 20, D(150),
    ),
    Listing(
        _futures("fut:B-BTC_USDT", "0.1 0.001 0.001 950 60", 10),
        D(80_000), 0.0009, 36, D("0.05"),
    ),
    Listing(
        _futures("fut:B-ETH_USDT", "0.01 0.001 0.001 9000 24", 20),
        D(2_480), 0.0011, 30, D("1.5"),
    ),
    Listing(
        _futures("fut:B-SOL_USDT", "0.01 0.01 0.01 80000 6", 20),
        D(150), 0.0014, 30, D(20),
    ),
)  # fmt: skip

BY_ID: Mapping[str, Listing] = {listing.instrument.id: listing for listing in LISTINGS}
