"""Short ways to build and drive an engine in tests."""

from collections.abc import Iterable, Mapping

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import FLAT, Decision, Engine, Setting
from strategy_runtime.engine.state import EMPTY
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import load
from strategy_runtime.sdk import BaseStrategy
from strategy_runtime.wire.messages import Candle, Position

FUTURE = "fut:B-BTC_USDT"
SPOT = "spot:B-BTC_USDT"

HEAD = "from strategy_runtime import BaseStrategy, Candle, param\n"


def strategy(body: str) -> type[BaseStrategy]:
    """A strategy of this class body."""
    indented = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return load(f"{HEAD}class Mine(BaseStrategy):\n{indented}")


def engine(
    kind: type[BaseStrategy] | str,
    *,
    instrument: str = FUTURE,
    parameters: Mapping[str, object] | None = None,
    window: int = 200,
    state: bytes = EMPTY,
    position: Position = FLAT,
) -> Engine:
    kind = strategy(kind) if isinstance(kind, str) else kind
    setting = Setting(instrument, "1m", parameters or {}, {}, window)
    return Engine(kind, setting, state=state, position=position)


def decisions(engine: Engine, candles: Iterable[Candle]) -> list[Decision]:
    return list(replay(Course(engine, "1m", committed_ms=-1, start_ms=0), candles))


def actions(decision: Decision) -> list[str]:
    return [signal.action for signal in decision.signals]
