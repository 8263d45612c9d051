"""What a subscription would have done at the last signals: the planner itself, signal by signal,
each at its own price and on the terms of today. Pure.

What it opened ends by an exit signal, or where a candle in between touched its stop or its target;
of one candle that touched both, the stop counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, NamedTuple

from control_plane.core.ids import SubscriptionId, TradeId
from control_plane.orders.models.planning import plan
from control_plane.orders.models.scene import Holding, Intended, Scene, Skipped, Subscriber
from control_plane.subscriptions.models.previewing import Ended, Line
from strategy_runtime.rules.money import MONEY


class Bar(NamedTuple):
    """How far the market went."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class Step:
    """One signal as all would see it, and what the market did until the next one."""

    scene: Scene
    bars: Sequence[Bar] = ()


@dataclass(frozen=True)
class Opened:
    line: int  # which one opened it
    holding: Holding
    price: Decimal
    stop: Decimal | None
    target: Decimal | None


def preview(who: Subscriber, steps: Sequence[Step]) -> list[Line]:
    """`steps` oldest first."""
    lines: list[Line] = []
    held: Opened | None = None
    for step in steps:
        scene, signal = step.scene, step.scene.signal
        holdings = {} if held is None else {SubscriptionId(who.terms.id): held.holding}
        found = plan(replace(scene, holdings=holdings), [who])
        if found.skips:
            lines.append(_skipped(scene, found.skips[0]))
        else:
            lines.append(_done(scene, found.intents[0]))
        if lines[-1].did == "leave" and held is not None:
            lines[held.line] = _ended(scene, lines[held.line], held, "signal", signal.price)
            held = None
        elif lines[-1].did == "enter":
            held = _opened(scene, found.intents[0], len(lines) - 1)
        if held is not None and (touched := _touched(held, step.bars)) is not None:
            lines[held.line] = _ended(scene, lines[held.line], held, *touched)
            held = None
    return lines


def _skipped(scene: Scene, skipped: Skipped) -> Line:
    return replace(_line(scene, "skip"), reason=skipped.reason, detail=skipped.detail)


def _done(scene: Scene, intended: Intended) -> Line:
    if intended.leg == "exit":
        return replace(_line(scene, "leave"), quantity=intended.quantity)
    price = intended.limit_price or scene.signal.price
    return replace(
        _line(scene, "enter"),
        quantity=intended.quantity,
        value=MONEY.multiply(intended.quantity, price),
        loss=_loss(scene, intended, price),
        leverage=intended.leverage,
        stop_loss=intended.stop_loss,
        take_profit=intended.take_profit,
    )


def _line(scene: Scene, did: Literal["enter", "leave", "skip"]) -> Line:
    signal = scene.signal
    return Line(signal.id, signal.published_ms, signal.kind, signal.side, signal.price, did)


def _loss(scene: Scene, intended: Intended, price: Decimal) -> Decimal | None:
    if intended.stop_loss is None:
        return None
    fee = scene.instrument.taker_fee
    unit = abs(price - intended.stop_loss) + MONEY.multiply(price + intended.stop_loss, fee)
    return MONEY.multiply(intended.quantity, unit)


def _opened(scene: Scene, intended: Intended, line: int) -> Opened:
    signal = scene.signal
    holding = Holding(
        signal.side, signal.trigger_ms, intended.quantity, TradeId("preview"), intended.id
    )
    return Opened(line, holding, signal.price, intended.stop_loss, intended.take_profit)


def _touched(held: Opened, bars: Sequence[Bar]) -> tuple[Ended, Decimal] | None:
    is_long = held.holding.side == "LONG"
    for bar in bars:
        if held.stop is not None and (bar.low <= held.stop if is_long else bar.high >= held.stop):
            return "stop", held.stop
        if held.target is not None and (
            bar.high >= held.target if is_long else bar.low <= held.target
        ):
            return "target", held.target
    return None


def _ended(scene: Scene, line: Line, held: Opened, by: Ended, price: Decimal) -> Line:
    sign = 1 if held.holding.side == "LONG" else -1
    fees = MONEY.multiply(held.price + price, scene.instrument.taker_fee)
    each = (price - held.price) * sign - fees
    return replace(line, ended_by=by, result=MONEY.multiply(held.holding.quantity, each))
