"""Makes one of ours of an older strategy. Each engine runs the author's module anew, so that no two
share what it keeps in its globals.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar

from strategy_runtime.sdk.errors import DeclarationError
from strategy_runtime.sdk.older.base import STAGE, BaseStrategy, Facts
from strategy_runtime.sdk.older.market import MarketData, frame
from strategy_runtime.sdk.older.wishes import wish_of
from strategy_runtime.sdk.strategy import BaseStrategy as Strategy
from strategy_runtime.wire.messages import Candle

Run = Callable[[], ModuleType]

ENTRY = "main"


class Adapter(Strategy):
    """What both styles share. While there are fewer candles than the manifest's lookback_period,
    an error is a line in the log: such code expects all of them.
    """

    _open = True
    _run: ClassVar[Run]

    def on_start(self) -> None:
        context = self._slipway
        custom = context.manifest.get("custom_params")
        self._facts = Facts(
            self.instrument,
            self.resolution,
            {**(custom if isinstance(custom, Mapping) else {}), **context.parameters},
            context.manifest,
        )
        given = context.manifest.get("lookback_period", 0)
        self._enough = given if isinstance(given, int) else 0
        self._wake(run(type(self)._run, self._facts))

    def on_candle(self, candle: Candle) -> None:
        try:
            self._see(candle)
        except Exception as error:
            if len(self.history) >= self._enough:
                raise
            self._slipway.orders.clear()
            self.log(f"warming up: {type(error).__name__}: {error}", level="debug")

    def _wake(self, module: ModuleType) -> None:
        raise NotImplementedError

    def _see(self, candle: Candle) -> None:
        raise NotImplementedError


class ClassAdapter(Adapter):
    def _wake(self, module: ModuleType) -> None:
        self._older = instance_of(module, self._facts)
        self._older._slipway = self
        began = getattr(self._older, "on_start", None)
        if callable(began):
            began()

    def _see(self, candle: Candle) -> None:
        answer = self._older.on_market_data(MarketData(self._facts, candle, self.history))
        self._older.emit_signal(answer)

    def on_stop(self) -> None:
        ended = getattr(self._older, "on_stop", None)
        if callable(ended):
            ended()


class FunctionAdapter(Adapter):
    def _wake(self, module: ModuleType) -> None:
        self._main: Callable[[Any], Any] = getattr(module, ENTRY)

    def _see(self, candle: Candle) -> None:
        data = frame(self.history, symbol=self._facts.symbol)
        data.attrs["parameters"] = dict(self._facts.parameters)
        wish_of(self._main(data)).ask(self)


def adapted(module: ModuleType, again: Run, filename: str) -> type[Strategy] | None:
    """The strategy of an older style in this module, if it is one; `again` runs it anew."""
    started, kinds = STAGE.started, classes(module)
    if started or kinds:
        owner = type(started[-1]) if started else kinds[0]
        if owner.on_market_data is BaseStrategy.on_market_data:
            raise DeclarationError(f"{owner.__name__} has no on_market_data(self, market_data)")
        base: type[Adapter] = ClassAdapter
        name, text = owner.__name__, owner.__doc__
    elif callable(getattr(module, ENTRY, None)):
        base, name, text = FunctionAdapter, ENTRY, getattr(module, ENTRY).__doc__ or module.__doc__
    else:
        return None
    attributes = {"_run": staticmethod(again), "_source": filename, "__doc__": text}
    return type(name, (base,), attributes)


def run(again: Run, facts: Facts) -> ModuleType:
    STAGE.facts, STAGE.started = facts, []
    try:
        return again()
    finally:
        STAGE.facts = Facts()


def classes(module: ModuleType) -> list[type[BaseStrategy]]:
    """The module's own classes of this style that no other of them inherits."""
    mine = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseStrategy)
        and value.__module__ == module.__name__
    ]
    return [one for one in mine if not any(one in other.__mro__[1:] for other in mine)]


def instance_of(module: ModuleType, facts: Facts) -> BaseStrategy:
    """The one that was started; where the module starts none, one is made of its class."""
    if STAGE.started:
        return STAGE.started[-1]
    kinds = classes(module)
    if len(kinds) != 1:
        names = ", ".join(kind.__name__ for kind in kinds)
        raise DeclarationError(
            f"there are several strategies ({names}): end the file with start() on one"
        )
    STAGE.facts = facts
    try:
        return kinds[0]()
    except TypeError as error:
        raise DeclarationError(
            f"{kinds[0].__name__}() cannot be made without arguments ({error}): "
            "end the file with `strategy = ...` and `strategy.start()`"
        ) from error
    finally:
        STAGE.facts = Facts()
