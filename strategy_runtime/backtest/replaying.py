"""Decisions candle by candle, as plain values: what a live container's executions hold."""

from collections.abc import Iterator
from typing import Any

import msgspec

from strategy_runtime.backtest.author import Candles
from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Engine, Setting
from strategy_runtime.feeds.replay import replay
from strategy_runtime.sdk.strategy import BaseStrategy


def decisions(
    kind: type[BaseStrategy], setting: Setting, candles: Candles
) -> Iterator[dict[str, Any]]:
    course = Course(Engine(kind, setting), setting.resolution)
    further = {name: bars.candles() for name, bars in candles.further.items()}
    for decision in replay(course, candles.bars.candles(), further):
        yield {
            "trigger": decision.trigger,
            "outcome": decision.outcome,
            "signals": msgspec.to_builtins(decision.signals),
            "state": msgspec.json.decode(decision.state),
            "error": decision.error,
        }
