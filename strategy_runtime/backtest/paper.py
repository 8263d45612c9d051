"""A strategy on a running market with play money: the engine that runs in a container, and behind
its virtual position the account that a backtest keeps.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from strategy_runtime.backtest.curves import equity
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.backtest.trades import Ledger, settle
from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import FLAT, Decision, Engine, Setting
from strategy_runtime.engine.state import EMPTY
from strategy_runtime.engine.sweep import Filled, Sweep, cause
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.bars import bars_of
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.messages import Candle, Position, Tick

KEPT = 200  # decisions that are still shown


class Standing(Struct, frozen=True):
    decided: int
    failed: int
    position: Position
    equity: float
    curve: tuple[float, ...]
    ledger: Ledger


class Paper:
    """Fed in order: candles that were, then those that close, further ones before their base."""

    def __init__(
        self, kind: type[BaseStrategy], setting: Setting, instrument: Instrument, terms: Terms
    ) -> None:
        self.setting = setting
        self.decisions: deque[Decision] = deque(maxlen=KEPT)
        self._instrument = instrument
        self._terms = terms
        self._candles: list[Candle] = []
        self._further: dict[str, list[Candle]] = {}
        self._fills: list[Filled] = []
        self._first = 0
        self._decided = self._failed = 0
        self._course = self._begun(kind, setting, EMPTY, FLAT)

    def warm(self, candles: Iterable[Candle]) -> None:
        """What was before: nothing is decided on it."""
        self._candles += candles
        self._first = len(self._candles)

    def learn(self, resolution: str, candle: Candle) -> None:
        self._further.setdefault(resolution, []).append(candle)
        if resolution in self.setting.resolutions:
            self._course.learn(resolution, candle)

    def start(self, kind: type[BaseStrategy], setting: Setting) -> None:
        """The strategy anew: after the warm-up, and each time that its author saves it. State and
        position stay. StrategyFailed if it does not start; the one before goes on then.
        """
        engine = self._course.engine
        state = self.decisions[-1].state if self.decisions else EMPTY
        self._course = self._begun(kind, setting, state, engine.position)
        self.setting = setting

    def take(self, candle: Candle) -> Decision | None:
        waiting = self._course.engine.position.pending
        self._candles.append(candle)
        return self._kept(self._course.take(candle), waiting)

    def take_tick(self, tick: Tick) -> Decision | None:
        return self._kept(self._course.take_tick(tick), ())

    def standing(self) -> Standing:
        bars = bars_of(self.setting.resolution, self._candles)
        position = self._course.engine.position
        found = Sweep(self._decided, [], self._fills, position, [])
        ledger = settle(found, bars, self._instrument, self._terms)
        capital = float(self._terms.capital)
        curve = equity(ledger.trades, bars, capital)[self._first :]
        worth = float(curve[-1]) if len(curve) else capital
        return Standing(self._decided, self._failed, position, worth, tuple(curve.tolist()), ledger)

    def _begun(
        self, kind: type[BaseStrategy], setting: Setting, state: bytes, position: Position
    ) -> Course:
        engine = Engine(kind, setting, state=state, position=position)
        seen = self._candles[-1].open_ms if self._candles else -1
        course = Course(engine, setting.resolution, committed_ms=seen)
        for resolution in setting.resolutions:
            for candle in self._further.get(resolution, []):
                course.learn(resolution, candle)
        for candle in self._candles:
            course.take(candle)
        return course

    def _kept(self, decision: Decision | None, waiting: tuple[Any, ...]) -> Decision | None:
        if decision is None:
            return None
        bar = len(self._candles) - 1
        self._fills += [Filled(bar, fill, cause(fill, waiting)) for fill in decision.fills]
        self._decided += 1
        self._failed += decision.outcome == "failed"
        self.decisions.append(decision)
        return decision
