"""What a live container decided, decided again: every decision, compared.

Of ticks the platform keeps those that something was decided on, by the price that its signal names.
Each is decided again before its candle closes; ticks that said nothing are heard by nobody twice.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.feeds.replay import BASE, in_order
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.messages import Candle, Outcome, Tick
from strategy_runtime.wire.resolutions import candle_trigger, close_of, tick_trigger, trigger_open


class Said(Struct, frozen=True):
    """A signal, as it was recorded."""

    action: str
    price: Decimal
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    reason: str = ""


class Recorded(Struct, frozen=True):
    """An execution: what came of one trigger."""

    outcome: Outcome
    signals: tuple[Said, ...] = ()
    error: str | None = None  # its first line


class Difference(Struct, frozen=True):
    trigger: str
    recorded: Recorded | None
    replayed: Recorded | None


class Comparison(Struct, frozen=True):
    compared: int
    differences: tuple[Difference, ...]
    missing: tuple[str, ...] = ()  # decided live, and the candle is not there any more
    ticks: int = 0  # of those compared, decided on a tick


def compare(
    kind: type[BaseStrategy],
    setting: Setting,
    candles: Sequence[Candle],
    further: Mapping[str, Sequence[Candle]],
    recorded: Mapping[str, Recorded],
) -> Comparison:
    """Candles before the first recorded trigger warm up, as they did there."""
    if not recorded:
        return Comparison(0, ())
    first_ms = min(map(trigger_open, recorded))
    course = Course(Engine(kind, setting), setting.resolution, committed_ms=first_ms - 1)
    left = dict(recorded)
    differences = []
    ticks = 0

    def hear(open_ms: int) -> None:
        """The tick of this candle that decided, if there was one whose price is known."""
        nonlocal ticks
        trigger = tick_trigger(open_ms)
        was = left.get(trigger)
        if was is None or not was.signals:
            return
        del left[trigger]
        ticks += 1
        decision = course.take_tick(Tick(open_ms, was.signals[0].price, Decimal(0)))
        now = None if decision is None else told(decision)
        if now != was:
            differences.append(Difference(trigger, was, now))

    for resolution, candle in in_order(setting.resolution, candles, further):
        if resolution != BASE:
            course.learn(resolution, candle)
            continue
        hear(candle.open_ms)  # behind a gap; as a rule it was heard already
        trigger = candle_trigger(setting.resolution, candle.open_ms)
        was = left.pop(trigger, None)
        if was is None and candle.open_ms >= first_ms:
            course.engine.observe(candle)  # it was stopped then, or nobody committed it
            course.seen_ms = candle.open_ms
        else:
            decision = course.take(candle, wanted=was is None or was.outcome != "skipped")
            now = None if decision is None else told(decision)
            if was is not None and now != was:
                differences.append(Difference(trigger, was, now))
        # Before the longer candles that close together with the next one.
        hear(close_of(setting.resolution, candle.open_ms))
    compared = len(recorded) - len(left)
    return Comparison(compared, tuple(differences), tuple(sorted(left)), ticks)


def told(decision: Decision) -> Recorded:
    """As the platform keeps it."""
    signals = tuple(
        Said(one.action, one.price, one.stop_loss, one.take_profit, one.reason)
        for one in decision.signals
    )
    return Recorded(decision.outcome, signals, first_line(decision.error))


def first_line(error: str | None) -> str | None:
    return None if error is None else error.partition("\n")[0]
