"""The dynamic check: what a strategy does when it is driven, told as findings.

It is run twice, once from half-way with what is durable, and once with the future cut off. Where a
decision differs, the finding names what did not belong: chance, an attribute, or a candle that was
not there yet. Whoever calls this gives it a process of its own, with limits.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.engine.sweep import sweep
from strategy_runtime.loader import FILENAME, LoadError, load
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.sdk.strategy import BaseStrategy

SLOW_MS = 50.0
MAX_SAID = 20


class Found(Struct, frozen=True):
    rule: str
    message: str
    hint: str = ""
    line: int = 0
    severity: str = "error"


class Trial(Struct, frozen=True):
    findings: tuple[Found, ...]
    candles: int = 0
    signals: int = 0
    milliseconds: float = 0.0  # of one candle, on average


def trial(source: str, setting: Setting, bars: Bars, clock: Callable[[], float]) -> Trial:
    try:
        kind = load(source)
        began = clock()
        first = _decisions(kind, setting, bars)
        took = 1000.0 * (clock() - began) / max(1, len(bars))
        findings = [
            *_failures(first),
            *_about_chance(kind, setting, bars, first),
            *_about_memory(kind, setting, bars, first),
            *_about_future(kind, setting, bars, first),
        ]
    except (LoadError, StrategyFailed) as error:
        text = str(error)
        return Trial((Found("start", f"It does not start: {text}", line=_line(text)),))
    if took > SLOW_MS:
        findings.append(Found("slow", f"A candle takes {took:.0f} ms.", _FASTER, 0, "warning"))
    signals = sum(len(decision.signals) for _, decision in first)
    if not signals and not any(f.severity == "error" for f in findings):
        message = f"It gave no signal on {len(bars)} candles."
        findings.append(Found("silent", message, "Try other candles.", 0, "warning"))
    return Trial(tuple(findings), len(bars), signals, took)


_FASTER = "Declare indicators in on_start: they cost next to nothing a candle."

Said = Sequence[tuple[int, Decision]]


def _decisions(kind: type[BaseStrategy], setting: Setting, bars: Bars) -> Said:
    return sweep(kind, setting, bars, _further(kind, setting, bars)).decisions


def _further(kind: type[BaseStrategy], setting: Setting, bars: Bars) -> dict[str, Bars]:
    from strategy_runtime.backtest.aggregate import aggregate

    names = {*setting.resolutions, *kind.resolutions} - {setting.resolution}
    return {name: aggregate(bars, name) for name in sorted(names)}


def _failures(said: Said) -> list[Found]:
    """Each error once, with how often and where first."""
    counted: dict[tuple[int, str], tuple[str, list[int]]] = {}
    for bar, decision in said:
        if decision.error:
            kind = decision.error.partition(":")[0]
            key = (_line(decision.error), kind)
            counted.setdefault(key, (decision.error, []))[1].append(bar)
    return [
        Found(
            "signal" if kind.endswith("SignalError") else "raised",
            f"{text.splitlines()[0].rpartition('errors.')[2]} (on {len(bars)} candles, first on "
            f"candle {bars[0] + 1})",
            line=line,
        )
        for (line, kind), (text, bars) in list(counted.items())[:MAX_SAID]
    ]


def _about_chance(
    kind: type[BaseStrategy], setting: Setting, bars: Bars, first: Said
) -> list[Found]:
    bar = _differs(first, _decisions(kind, setting, bars))
    if bar is None:
        return []
    return [
        Found(
            "chance",
            f"Run again on the same candles it decides otherwise, first on candle {bar + 1}.",
            "Decisions may depend on candles, parameters, state and position only.",
        )
    ]


def _about_memory(
    kind: type[BaseStrategy], setting: Setting, bars: Bars, first: Said
) -> list[Found]:
    """A restart keeps state and position, and warms up on the candles before."""
    half = len(bars) // 2
    window = max(setting.window, kind.lookback)
    if half < 1 or kind.resolutions or kind._open:
        return []
    candles = list(bars.candles())
    whole = Engine(kind, setting)
    course = Course(whole, setting.resolution)
    last = [course.take(candle) for candle in candles[:half]][-1]
    if last is None:
        return []
    anew = Engine(kind, setting, state=last.state, position=last.position)
    for candle in candles[max(0, half - window) : half]:
        anew.warm(candle)
    for bar, candle in enumerate(candles[half:], start=half):
        one, other = whole.decide(candle), anew.decide(candle)
        if _heart(one) != _heart(other):
            names = ", ".join(_attributes(whole, anew)) or "an indicator that needs more candles"
            return [
                Found(
                    "memory",
                    f"Restarted half-way it decides otherwise, first on candle {bar + 1}: "
                    f"{names} did not come back.",
                    "Keep what must last in self.state, or raise lookback.",
                    0,
                    "warning",
                )
            ]
    return []


def _about_future(
    kind: type[BaseStrategy], setting: Setting, bars: Bars, first: Said
) -> list[Found]:
    half = len(bars) // 2
    before = [(bar, decision) for bar, decision in first if bar < half]
    bar = _differs(before, _decisions(kind, setting, bars.part(0, half).alone()))
    if bar is None:
        return []
    return [
        Found(
            "future",
            f"With the future cut off it decides otherwise, first on candle {bar + 1}: it looks "
            "ahead.",
            "Use what self.history shows, and nothing behind it.",
        )
    ]


def _differs(one: Said, other: Said) -> int | None:
    for (bar, mine), (at, theirs) in zip(one, other, strict=False):
        if bar != at or _heart(mine) != _heart(theirs):
            return min(bar, at)
    if len(one) == len(other):
        return None
    longer = one if len(one) > len(other) else other
    return longer[min(len(one), len(other))][0]


def _heart(decision: Decision) -> tuple[object, ...]:
    """What must be the same; log lines and metrics may tell other things."""
    return decision.outcome, decision.signals, decision.position, decision.state


def _attributes(one: Engine, other: Engine) -> list[str]:
    """The strategy's own attributes that are not the same in both."""
    mine, theirs = vars(one.on_candle.__self__), vars(other.on_candle.__self__)  # type: ignore[attr-defined]
    return [
        f"self.{name}"
        for name, value in mine.items()
        if not name.startswith("_slipway") and not _same(value, theirs.get(name))
    ]


def _same(one: Any, other: Any) -> bool:
    plain = (int, float, str, bool, list, dict, tuple, set, type(None))
    if not isinstance(one, plain):
        return True
    return bool(repr(one) == repr(other))


def _line(text: str) -> int:
    """The author's own line in an explained error: the innermost comes last."""
    lines = [part for part in text.splitlines() if part.strip().startswith(f"{FILENAME}, line ")]
    digits = lines[-1].partition("line ")[2] if lines else ""
    number = digits.partition(",")[0].partition(":")[0]
    return int(number) if number.isdigit() else 0
