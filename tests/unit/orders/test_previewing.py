"""What terms would have done at the last signals: the planner's own word, folded over a history."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.core.ids import SignalId
from control_plane.orders.models.planning import plan
from control_plane.orders.models.previewing import Bar, Step, preview
from control_plane.orders.models.scene import Intended, Scene, Signal
from control_plane.subscriptions.models.previewing import Line, total
from tests.factories import D
from tests.unit.orders.test_planning import EXIT, SIGNAL, scene, who

BACK = replace(EXIT, price=D("51000"))


def at(number: int, signal: Signal) -> Signal:
    return replace(signal, id=SignalId(f"sg{number}"), trigger_ms=number * 60_000)


def steps(*signals: Signal, bars: tuple[Bar, ...] = (), **changes: Any) -> list[Step]:
    scenes = [scene(signal=at(n, one), **changes) for n, one in enumerate(signals, 1)]
    return [Step(one, bars) for one in scenes]


def did(lines: list[Line]) -> list[tuple[str, str | None, str | None]]:
    return [(line.did, line.reason, line.ended_by) for line in lines]


def test_an_entry_and_its_exit_are_sized_and_come_to_a_result() -> None:
    entered, left = preview(who(), steps(SIGNAL, BACK))

    same = plan(scene(signal=at(1, SIGNAL)), [who()]).intents[0]
    assert (entered.quantity, entered.stop_loss) == (same.quantity, D("49000"))
    assert entered.value == same.quantity * D("50150")
    assert did([entered, left]) == [("enter", None, "signal"), ("leave", None, None)]
    fee = scene().instrument.taker_fee
    assert entered.result == same.quantity * (D("1000") - D("101000") * fee)
    assert total([entered, left]) == entered.result


def test_what_is_lost_at_the_stop_is_no_more_than_was_risked() -> None:
    (line,) = preview(who(risk=D("0.02")), steps(SIGNAL))
    assert line.loss is not None
    assert D("190") < line.loss <= D("200")


def test_a_stop_that_a_candle_touched_made_room_for_the_next_entry() -> None:
    fell = (Bar(D("50100"), D("50200")), Bar(D("48999"), D("50200")))
    lines = preview(who(), steps(SIGNAL, SIGNAL, bars=fell))
    untouched = preview(who(), steps(SIGNAL, SIGNAL, bars=fell[:1]))

    assert did(lines) == [("enter", None, "stop"), ("enter", None, "stop")]
    assert lines[0].result is not None
    assert lines[0].result < 0
    assert did(untouched) == [("enter", None, None), ("skip", "already_in_position", None)]


def test_of_one_candle_that_touched_both_the_stop_counts() -> None:
    wild = preview(who(), steps(SIGNAL, bars=(Bar(D("48000"), D("54000")),)))
    rose = preview(who(), steps(SIGNAL, bars=(Bar(D("50000"), D("53000")),)))
    assert (wild[0].ended_by, rose[0].ended_by) == ("stop", "target")


def test_what_the_terms_refuse_is_told_with_its_reason() -> None:
    lines = preview(who(capital=D("2")), steps(SIGNAL, BACK))
    assert did(lines) == [("skip", "too_small", None), ("skip", "no_position", None)]
    assert lines[0].detail is not None
    assert "capital_needed" in lines[0].detail


signals = st.lists(st.sampled_from([SIGNAL, EXIT, BACK]), max_size=12)
walks = st.lists(st.integers(47_000, 54_000), max_size=4)


@settings(deadline=None)
@given(signals, walks, st.sampled_from([D("3"), D("500"), D("10000")]))
def test_each_line_is_what_the_planner_says_and_nothing_is_held_twice(
    told: list[Signal], walk: list[int], capital: Decimal
) -> None:
    bars = tuple(Bar(D(str(price)), D(str(price))) for price in walk)
    lines = preview(who(capital=capital), steps(*told, bars=bars))

    assert len(lines) == len(told)
    is_open = False
    for line, signal in zip(lines, told, strict=True):
        assert line.did != "enter" or (signal.kind == "entry" and not is_open)
        assert line.did != "leave" or (signal.kind == "exit" and is_open)
        assert (line.reason is None) == (line.did != "skip")
        if line.did == "enter":
            is_open = line.ended_by not in ("stop", "target")
            assert line.quantity == fresh(signal, capital).quantity
            assert (line.result is None) == (line.ended_by is None)
        elif line.did == "leave":
            is_open = False


def fresh(signal: Signal, capital: Decimal) -> Intended:
    seen: Scene = scene(signal=signal)
    return plan(seen, [who(capital=capital)]).intents[0]
