from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy_runtime.engine.position import Fill, advance, heading, intend
from strategy_runtime.wire.messages import Action, Candle, Position, Side, Signal
from tests.candles import candle

LONG = Position(side="LONG", entry_price=100.0, stop_loss=95.0, take_profit=110.0, exit_due="LONG")
SHORT = Position(
    side="SHORT", entry_price=100.0, stop_loss=105.0, take_profit=90.0, exit_due="SHORT"
)


def signal(action: Action, stop: str | None = None, target: str | None = None) -> Signal:
    return Signal(
        action=action,
        price=Decimal(100),
        stop_loss=None if stop is None else Decimal(stop),
        take_profit=None if target is None else Decimal(target),
    )


def test_an_entry_fills_at_the_next_open() -> None:
    waiting = intend(Position(), (signal("LONG", "95", "110"),))
    position, fills = advance(waiting, candle(1, 101.0))

    assert waiting.side is None
    assert heading(waiting) == "LONG"
    assert position == Position(
        side="LONG",
        entry_price=101.0,
        entry_ms=candle(1).open_ms,
        stop_loss=95.0,
        take_profit=110.0,
        exit_due="LONG",
    )
    assert [(fill.action, fill.price) for fill in fills] == [("LONG", 101.0)]


def test_an_exit_fills_at_the_next_open() -> None:
    waiting = intend(LONG, (signal("EXIT_LONG"),))
    position, fills = advance(waiting, candle(1, 103.0, low=80.0, high=120.0))

    assert position == Position()
    assert [(fill.action, fill.price) for fill in fills] == [("EXIT_LONG", 103.0)]


def test_a_reversal_fills_both_at_the_open() -> None:
    position, fills = advance(
        intend(LONG, (signal("EXIT_LONG"), signal("SHORT", "108"))), candle(1, 104.0)
    )

    assert position.side == "SHORT"
    assert [fill.price for fill in fills] == [104.0, 104.0]


@pytest.mark.parametrize(
    ("held", "bar", "price", "cause"),
    [
        (LONG, candle(1, 100, 101, 94, 96), 95.0, "stop"),
        (LONG, candle(1, 100, 111, 99, 105), 110.0, "target"),
        (LONG, candle(1, 100, 111, 94, 105), 95.0, "stop"),  # both: the worse one first
        (LONG, candle(1, 93, 96, 92, 95), 93.0, "stop"),  # jumped over: at the open
        (LONG, candle(1, 112, 115, 90, 95), 112.0, "target"),  # the open came first
        (SHORT, candle(1, 100, 106, 99, 101), 105.0, "stop"),
        (SHORT, candle(1, 100, 101, 89, 95), 90.0, "target"),
        (SHORT, candle(1, 100, 106, 89, 95), 105.0, "stop"),
        (SHORT, candle(1, 108, 109, 104, 105), 108.0, "stop"),
        (SHORT, candle(1, 88, 110, 85, 95), 88.0, "target"),
    ],
)
def test_a_stop_and_a_target_fill_inside_the_candle(
    held: Position, bar: Candle, price: float, cause: str
) -> None:
    position, fills = advance(held, bar)

    assert position == Position(exit_due=held.exit_due)
    assert [(fill.price, fill.cause) for fill in fills] == [(price, cause)]


def test_an_entry_beyond_its_stop_leaves_at_once_at_the_open() -> None:
    position, fills = advance(
        intend(Position(), (signal("LONG", "95"),)), candle(1, 90.0, high=99.0)
    )

    assert position.side is None
    assert [fill.price for fill in fills] == [90.0, 90.0]


def test_an_exit_signal_settles_what_was_due() -> None:
    assert intend(Position(), (signal("LONG"),)).exit_due == "LONG"
    assert intend(LONG, (signal("EXIT_LONG"),)).exit_due is None
    assert intend(LONG, (signal("EXIT_LONG"), signal("SHORT"))).exit_due == "SHORT"


SIDES: list[Side] = ["LONG", "SHORT"]
prices = st.floats(1.0, 1_000.0)


@st.composite
def bars(draw: st.DrawFn) -> Candle:
    first, last = draw(prices), draw(prices)
    return candle(1, first, max(first, last, draw(prices)), min(first, last, draw(prices)), last)


@st.composite
def held(draw: st.DrawFn) -> Position:
    low, high = sorted((draw(prices), draw(prices)))
    side = draw(st.sampled_from(SIDES))
    stop, target = (low, high) if side == "LONG" else (high, low)
    return Position(
        side=side,
        entry_price=draw(prices),
        stop_loss=draw(st.sampled_from([None, stop])),
        take_profit=draw(st.sampled_from([None, target])),
        exit_due=side,
    )


@given(held(), bars())
def test_every_fill_lies_inside_its_candle(position: Position, bar: Candle) -> None:
    _, fills = advance(position, bar)

    assert all(bar.low <= fill.price <= bar.high for fill in fills)


@given(held(), bars())
def test_a_stop_never_fills_better_than_its_price(position: Position, bar: Candle) -> None:
    _, fills = advance(position, bar)

    for fill in fills:
        assert fill.cause != "stop" or _worse_or_equal(position, fill, position.stop_loss)
        assert fill.cause != "target" or not _worse(position, fill, position.take_profit)


@given(held(), bars())
def test_what_the_candle_reaches_does_not_stay_open(position: Position, bar: Candle) -> None:
    after, fills = advance(position, bar)
    levels = [price for price in (position.stop_loss, position.take_profit) if price is not None]
    reached = any(bar.low <= price <= bar.high for price in levels)

    assert bool(fills) or not reached
    assert (after.side is None) == bool(fills)


@given(held(), bars())
def test_with_both_inside_the_candle_the_stop_counts(position: Position, bar: Candle) -> None:
    _, fills = advance(position, bar)
    stop, target = position.stop_loss, position.take_profit
    both = stop is not None and target is not None
    inside = (
        both and bar.low < min(stop or 0, target or 0) and max(stop or 0, target or 0) < bar.high
    )
    open_between = both and min(stop or 0, target or 0) < bar.open < max(stop or 0, target or 0)

    assert not (inside and open_between) or [fill.cause for fill in fills] == ["stop"]


def _worse_or_equal(position: Position, fill: Fill, level: float | None) -> bool:
    return _worse(position, fill, level) or fill.price == level


def _worse(position: Position, fill: Fill, level: float | None) -> bool:
    assert level is not None
    return fill.price < level if position.side == "LONG" else fill.price > level
