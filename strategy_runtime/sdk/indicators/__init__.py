"""Indicators, declared once. Before there are enough candles a value is NaN, and every comparison
with it is false: a strategy needs no check of its own. Conventions are TA-Lib's, as
docs/indicators.md tells.
"""

from strategy_runtime.sdk.indicators.averages import Ema, Sma, Smoothed, Wma
from strategy_runtime.sdk.indicators.bands import (
    Bollinger,
    Donchian,
    RollingMax,
    RollingMin,
    RollingStd,
)
from strategy_runtime.sdk.indicators.base import Indicator, Line, Source
from strategy_runtime.sdk.indicators.momentum import Adx, Macd, Rsi, Stochastic
from strategy_runtime.sdk.indicators.ranges import Atr, Supertrend
from strategy_runtime.sdk.indicators.volume import DayVwap, Obv, Vwap

__all__ = [
    "Adx",
    "Atr",
    "Bollinger",
    "DayVwap",
    "Donchian",
    "Ema",
    "Indicator",
    "Line",
    "Macd",
    "Obv",
    "RollingMax",
    "RollingMin",
    "RollingStd",
    "Rsi",
    "Sma",
    "Smoothed",
    "Source",
    "Stochastic",
    "Supertrend",
    "Vwap",
    "Wma",
]
