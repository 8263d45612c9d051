"""What a live container decided, decided again: every decision, compared."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.feeds.replay import BASE, in_order
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.messages import Candle, Outcome
from strategy_runtime.wire.resolutions import candle_trigger, trigger_open


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
    for resolution, candle in in_order(setting.resolution, candles, further):
        if resolution != BASE:
            course.learn(resolution, candle)
            continue
        trigger = candle_trigger(setting.resolution, candle.open_ms)
        was = left.pop(trigger, None)
        if was is None and candle.open_ms >= first_ms:
            course.engine.observe(candle)  # it was stopped then, or nobody committed it
            course.seen_ms = candle.open_ms
            continue
        decision = course.take(candle, wanted=was is None or was.outcome != "skipped")
        now = None if decision is None else told(decision)
        if was is not None and now != was:
            differences.append(Difference(trigger, was, now))
    return Comparison(len(recorded) - len(left), tuple(differences), tuple(sorted(left)))


def told(decision: Decision) -> Recorded:
    """As the platform keeps it."""
    signals = tuple(
        Said(one.action, one.price, one.stop_loss, one.take_profit, one.reason)
        for one in decision.signals
    )
    return Recorded(decision.outcome, signals, first_line(decision.error))


def first_line(error: str | None) -> str | None:
    return None if error is None else error.partition("\n")[0]
