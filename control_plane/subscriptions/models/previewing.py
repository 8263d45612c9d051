"""What a subscription would have done at one signal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from strategy_runtime.rules.money import ZERO

Ended = Literal["signal", "stop", "target"]


@dataclass(frozen=True)
class Line:
    signal: str
    at_ms: int
    kind: Literal["entry", "exit"]
    side: Literal["LONG", "SHORT"]
    price: Decimal
    did: Literal["enter", "leave", "skip"]
    quantity: Decimal | None = None
    value: Decimal | None = None  # in the quote currency, at worst
    loss: Decimal | None = None  # at the stop, with fees
    leverage: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    reason: str | None = None
    detail: Mapping[str, str] | None = None
    ended_by: Ended | None = None
    result: Decimal | None = None  # after fees, at the prices of the signals, stop and target


def total(lines: Sequence[Line]) -> Decimal:
    """Of what has ended."""
    return sum((line.result for line in lines if line.result is not None), ZERO)
