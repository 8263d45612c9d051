"""What an uploaded strategy sees. NumPy and pandas are imported only when a strategy asks."""

from strategy_runtime.sdk.context import Order
from strategy_runtime.sdk.errors import ParameterError, SignalError, StrategyError
from strategy_runtime.sdk.history import History
from strategy_runtime.sdk.indicators import Indicator, Line
from strategy_runtime.sdk.params import param
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.sdk.ticks import Tick
from strategy_runtime.wire.messages import Candle, Position

__all__ = [
    "BaseStrategy",
    "Candle",
    "History",
    "Indicator",
    "Line",
    "Order",
    "ParameterError",
    "Position",
    "SignalError",
    "StrategyError",
    "Tick",
    "param",
]
