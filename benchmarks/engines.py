"""One engine, one process: `python engines.py ENGINE DATA.npz ROOT` prints seconds, memory, trades.

Seconds are of the processor, of one thread: a busy machine does not change who is faster.

Imports nothing of ours until it is our turn: the others run in an environment without it.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

# Side (1 or -1), entry bar, exit bar, entry price, exit price.
Trades = list[list[float]]
Columns = dict[str, Any]

STOP, TARGET = 0.01, 0.02

DECLARED = """
from strategy_runtime import BaseStrategy
class Cross(BaseStrategy):
    def on_start(self):
        self.fast, self.slow = self.sma(20), self.sma(50)
    def on_candle(self, candle):
        if self.fast.crossed_above(self.slow):
            price = candle.close
            return self.long(stop_loss=price * 0.99, take_profit=price * 1.02)
        if self.fast.crossed_below(self.slow):
            price = candle.close
            return self.short(stop_loss=price * 1.01, take_profit=price * 0.98)
"""

# Away from the mean of a window: one slice and one mean a bar.
WINDOW = """
from strategy_runtime import BaseStrategy
class Away(BaseStrategy):
    lookback = 60
    def on_candle(self, candle):
        close = self.history.close
        mean = close[-50:].mean()
        price = candle.close
        if price > mean * 1.006:
            return self.long(stop_loss=price * 0.99, take_profit=price * 1.02)
        if price < mean * 0.994:
            return self.short(stop_loss=price * 1.01, take_profit=price * 0.98)
"""


def slipway(columns: Columns, code: str = DECLARED) -> tuple[float, Trades]:
    sys.path.insert(0, sys.argv[3])
    from dataclasses import replace
    from decimal import Decimal

    from strategy_runtime.backtest.run import backtest
    from strategy_runtime.backtest.terms import Terms, generic
    from strategy_runtime.engine.engine import Setting
    from strategy_runtime.loader import load
    from strategy_runtime.sdk.bars import Bars

    kind = load(code)
    bars = Bars("1m", **columns)
    free = {name: Decimal(0) for name in ("spread", "slippage", "funding", "fee")}
    terms = Terms(capital=Decimal(1_000_000), leverage=Decimal(5), **free)  # type: ignore[arg-type]
    rules = replace(generic("fut:B-BTC_USDT", 30_000.0), tick_size=Decimal("0.01"))
    setting = Setting("fut:B-BTC_USDT", "1m", window=60)
    began = time.process_time()
    result = backtest(kind, setting, bars, terms=terms, instrument=rules)
    seconds = time.process_time() - began
    assert not result.skipped, result.skipped[0]
    return seconds, [
        [
            1 if trade.side == "LONG" else -1,
            trade.entry_bar,
            trade.exit_bar,
            float(trade.entry_price),
            float(trade.exit_price),
        ]
        for trade in result.trades
    ]


def slipway_numpy(columns: Columns) -> tuple[float, Trades]:
    return slipway(columns, WINDOW)


def backtesting(columns: Columns) -> tuple[float, Trades]:
    import warnings

    warnings.simplefilter("ignore")
    import pandas as pd
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    def sma(values: Any, n: int) -> Any:
        return pd.Series(values).rolling(n).mean()

    class Cross(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.fast = self.I(sma, self.data.Close, 20)
            self.slow = self.I(sma, self.data.Close, 50)

        def next(self) -> None:
            price = self.data.Close[-1]
            if crossover(self.fast, self.slow):
                self.buy(size=1, sl=price * (1 - STOP), tp=price * (1 + TARGET))
            elif crossover(self.slow, self.fast):
                self.sell(size=1, sl=price * (1 + STOP), tp=price * (1 - TARGET))

    names = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}
    frame = pd.DataFrame({names[name]: columns[name] for name in names})
    frame.index = pd.DatetimeIndex(columns["open_ms"].astype("datetime64[ms]"))
    began = time.process_time()
    done = Backtest(frame, Cross, cash=1e9, exclusive_orders=True, finalize_trades=True).run()
    seconds = time.process_time() - began
    rows = done["_trades"]
    return seconds, [
        [1 if size > 0 else -1, entry_bar, exit_bar, entry, left]
        for size, entry_bar, exit_bar, entry, left in zip(
            rows["Size"],
            rows["EntryBar"],
            rows["ExitBar"],
            rows["EntryPrice"],
            rows["ExitPrice"],
            strict=True,
        )
    ]


def backtrader(columns: Columns) -> tuple[float, Trades]:
    import backtrader as bt
    import pandas as pd

    class Cross(bt.Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            fast = bt.indicators.SMA(self.data.close, period=20)
            slow = bt.indicators.SMA(self.data.close, period=50)
            self.cross = bt.indicators.CrossOver(fast, slow)
            self.waiting: list[Any] = []
            self.trades: Trades = []

        def next(self) -> None:
            side = self.cross[0]
            if side == 0:
                return
            for order in self.waiting:
                self.cancel(order)
            if self.position.size:
                self.close()
            price = self.data.close[0]
            enter = self.buy_bracket if side > 0 else self.sell_bracket
            self.waiting = enter(
                size=1,
                exectype=bt.Order.Market,
                stopprice=price * (1 - side * STOP),
                limitprice=price * (1 + side * TARGET),
            )

        def notify_trade(self, trade: Any) -> None:
            if trade.isclosed:
                left = trade.price + trade.pnl * (1 if trade.long else -1)
                side = 1 if trade.long else -1
                row = [side, trade.baropen - 1, trade.barclose - 1, trade.price, left]
                self.trades.append(row)

    frame = pd.DataFrame({name: columns[name] for name in columns if name != "open_ms"})
    frame.index = pd.DatetimeIndex(columns["open_ms"].astype("datetime64[ms]"))
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(1e9)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame, openinterest=None))
    cerebro.addstrategy(Cross)
    began = time.process_time()
    (ran,) = cerebro.run()
    return time.process_time() - began, ran.trades


OTHERS: dict[str, Callable[[Columns], tuple[float, Trades]]] = {
    "backtesting": backtesting,
    "backtrader": backtrader,
}
EVERY = {"slipway": slipway, "slipway_numpy": slipway_numpy, **OTHERS}


def main() -> None:
    with np.load(sys.argv[2]) as data:
        columns = {name: data[name] for name in data.files}
    seconds, trades = EVERY[sys.argv[1]](columns)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [[float(value) for value in row] for row in trades]
    print(json.dumps({"seconds": seconds, "megabytes": megabytes, "trades": rows}))


if __name__ == "__main__":
    main()
