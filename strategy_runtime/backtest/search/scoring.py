"""What a point is worth on a part of the candles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Struct

from strategy_runtime.backtest.author import Candles
from strategy_runtime.backtest.metrics import Metrics
from strategy_runtime.backtest.run import Result, backtest
from strategy_runtime.backtest.search.space import Point
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.engine.engine import Setting
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.loader import load
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.errors import StrategyError
from strategy_runtime.sdk.params import Value
from strategy_runtime.sdk.strategy import BaseStrategy

Goal = Literal[
    "sharpe", "sortino", "calmar", "total_return", "profit_factor", "expectancy", "win_rate"
]


class Window(Struct, frozen=True, order=True):
    """Candles from `start` up to `end`, which is left out."""

    start: int
    end: int


class Task(Struct, frozen=True):
    point: dict[str, Value]
    window: Window


class Outcome(Struct, frozen=True):
    point: dict[str, Value]
    score: float | None  # None: too few trades, or it does not start
    trades: int = 0
    total_return: float = 0.0
    max_drawdown: float = 0.0
    sharpe: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Scorer:
    kind: type[BaseStrategy]
    setting: Setting
    candles: Candles
    terms: Terms
    instrument: Instrument | None
    goal: Goal = "sharpe"
    least_trades: int = 5

    @classmethod
    def of(
        cls,
        code: str,
        setting: Setting,
        candles: Candles,
        terms: Terms,
        instrument: Instrument | None,
        goal: Goal,
        least_trades: int,
    ) -> "Scorer":
        """From what can be sent to another process. LoadError if the code is no strategy."""
        return cls(load(code), setting, candles, terms, instrument, goal, least_trades)

    def score(self, task: Task) -> Outcome:
        """The candles before the window only warm up."""
        window = task.window
        warm = min(window.start, max(self.setting.window, self.kind.lookback))
        setting = msgspec.structs.replace(
            self.setting, parameters={**self.setting.parameters, **task.point}
        )
        try:
            result = backtest(
                self.kind,
                setting,
                self.candles.bars.part(window.start - warm, window.end),
                terms=self.terms,
                instrument=self.instrument,
                further=self.candles.further,
                finer=self.candles.finer,
                first=warm,
            )
        except (StrategyFailed, StrategyError) as error:
            return Outcome(task.point, None, why=str(error).splitlines()[0][:200])
        return self._told(task.point, result.metrics)

    def over_all(self, point: Mapping[str, Value]) -> Result:
        """All of the candles by this point, for a report. StrategyFailed if it does not start."""
        return backtest(
            self.kind,
            msgspec.structs.replace(self.setting, parameters={**self.setting.parameters, **point}),
            self.candles.bars,
            terms=self.terms,
            instrument=self.instrument,
            further=self.candles.further,
            finer=self.candles.finer,
        )

    def _told(self, point: Mapping[str, Value], m: Metrics) -> Outcome:
        enough = m.trades >= self.least_trades
        score = getattr(m, self.goal) if enough else None
        why = "" if enough else f"{m.trades} trades are fewer than {self.least_trades}"
        return Outcome(dict(point), score, m.trades, m.total_return, m.max_drawdown, m.sharpe, why)


def task(point: Point, window: Window) -> Task:
    return Task(dict(point), window)
