"""What a restart loses: a strategy is started anew half-way, with what is durable, and compared."""

from collections.abc import Iterable, Mapping
from typing import Any

from strategy_runtime.backtest.driven import PLAIN, Case, heart, plain_values
from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Engine
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import MODULE
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.wire.messages import Candle


def restarted(case: Case, bars: Bars) -> tuple[int, list[str]] | None:
    """The first bar on which the restarted one decides otherwise, and what did not come back.

    A restart keeps state and position, and warms up on the candles before.
    """
    half, resolution = len(bars) // 2, case.setting.resolution
    if half < 1:
        return None
    candles = list(bars.candles())
    further = {name: list(some.candles()) for name, some in case.further(bars).items()}
    whole = Engine(case.kind, case.setting)
    decisions = replay(Course(whole, resolution), candles, further)
    said = [next(decisions) for _ in range(half)]
    anew = Engine(case.kind, case.setting, state=said[-1].state, position=said[-1].position)
    window = max(case.setting.window, case.kind.lookback)
    again = replay(
        Course(anew, resolution, committed_ms=candles[half - 1].open_ms),
        candles[max(0, half - window) :],
        {name: _recent(some, candles[half - 1].open_ms, window) for name, some in further.items()},
    )
    for bar, (one, other) in enumerate(zip(decisions, again, strict=True), start=half):
        if heart(one) != heart(other):
            return bar, lost(whole, anew)
    return None


def _recent(candles: Iterable[Candle], open_ms: int, window: int) -> list[Candle]:
    """As many as a container reads of the past, and all that come after."""
    past = [candle for candle in candles if candle.open_ms <= open_ms]
    return [*past[-window:], *(candle for candle in candles if candle.open_ms > open_ms)]


def lost(one: Engine, other: Engine) -> list[str]:
    """The author's attributes and globals that are not the same in both."""
    mine, theirs = _kept(one), _kept(other)
    return [name for name, value in mine.items() if not _same(value, theirs.get(name))]


def _kept(engine: Engine) -> dict[str, Any]:
    strategy: Any = engine.on_candle.__self__  # type: ignore[attr-defined]
    older, main = vars(strategy).get("_older"), vars(strategy).get("_main")
    if main is not None:
        return plain_values(main.__globals__)
    owner = strategy if older is None else older
    found = {
        f"self.{name}": value
        for name, value in vars(owner).items()
        if not name.startswith(("_slipway", "_signal"))
    }
    return found if older is None else {**found, **plain_values(_globals_of(type(older)))}


def _globals_of(kind: type) -> Mapping[str, Any]:
    functions = (getattr(value, "__globals__", None) for value in vars(kind).values())
    return next((found for found in functions if found is not None), {})


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, PLAIN):
        return repr(one) == repr(other)
    if type(one).__module__ == MODULE and hasattr(one, "__dict__"):
        return repr(vars(one)) == repr(vars(other) if hasattr(other, "__dict__") else None)
    return True
