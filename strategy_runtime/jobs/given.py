"""What a job was given, as the engine takes it."""

from collections.abc import Mapping

from strategy_runtime.backtest.aggregate import aggregate
from strategy_runtime.backtest.author import Candles
from strategy_runtime.engine.engine import Setting
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.jobs import Task

FINEST = "1m"


def setting_of(task: Task) -> Setting:
    return Setting(
        task.instrument,
        task.resolution,
        task.parameters,
        task.manifest,
        task.lookback,
        task.resolutions,
    )


def candles_of(task: Task, kind: type[BaseStrategy], bars: Mapping[str, Bars]) -> Candles:
    """Further resolutions as they were recorded, or made of the shorter candles."""
    own = bars[task.resolution]
    wanted = {*task.resolutions, *kind.resolutions} - {task.resolution}
    found = {name: bars[name] if name in bars else aggregate(own, name) for name in sorted(wanted)}
    return Candles(own, found, bars.get(FINEST) if task.resolution != FINEST else None)
