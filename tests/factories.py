"""Instruments and ticks with sensible values: a test names only what it is about."""

from decimal import Decimal
from typing import Any

from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Tick


def D(text: str) -> Decimal:  # reads as the amount that it is
    return Decimal(text)


def spot(**changes: Any) -> Instrument:
    values: dict[str, Any] = {
        "id": "spot:B-BTC_USDT",
        "kind": "spot",
        "pair": "B-BTC_USDT",
        "base": "BTC",
        "quote": "USDT",
        "tick_size": D("0.01"),
        "quantity_step": D("0.00001"),
        "min_quantity": D("0.00001"),
        "min_notional": D("5"),
        "maker_fee": D("0.002"),
        "taker_fee": D("0.002"),
    }
    return Instrument(**(values | changes))


def future(**changes: Any) -> Instrument:
    values: dict[str, Any] = {
        "id": "fut:B-BTC_USDT",
        "kind": "fut",
        "pair": "B-BTC_USDT",
        "base": "BTC",
        "quote": "USDT",
        "tick_size": D("0.1"),
        "quantity_step": D("0.001"),
        "min_quantity": D("0.001"),
        "min_notional": D("60"),
        "maker_fee": D("0.000236"),
        "taker_fee": D("0.00059"),
        "max_leverage": D("20"),
    }
    return Instrument(**(values | changes))


def tick(price: str, at_ms: int, quantity: str = "100") -> Tick:
    return Tick(at_ms=at_ms, price=D(price), quantity=D(quantity), published_ms=at_ms)
