"""An author's own strategy, read and made ready with its candles; what is wrong is a refusal."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from control_plane.cli.making import Source, simulated
from control_plane.cli.recorded import every
from control_plane.cli.session import Api, call
from control_plane.errors import Invalid, Missing

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Candles, Subject
    from strategy_runtime.backtest.recorded import Bars
    from strategy_runtime.engine.engine import Setting

T = TypeVar("T")


def subject_at(path: Path) -> "Subject":
    from strategy_runtime.backtest.author import read_subject

    return refusing(lambda: read_subject(path))


def prepared(
    subject: "Subject", source: Source, texts: dict[str, str]
) -> "tuple[Any, Setting, Candles]":
    """The strategy's class, its setting, and candles: given, a server's, simulated, or shipped."""
    from strategy_runtime.backtest import author
    from strategy_runtime.backtest.files import kept

    def prepare() -> "tuple[Any, Setting, Candles]":
        kind, setting = author.opened(
            subject, instrument=source.instrument, resolution=source.resolution
        )
        values = {**subject.parameters, **author.typed(kind, texts)}
        setting = msgspec.structs.replace(setting, parameters=values)
        if source.server:
            return kind, setting, _asked_for(setting)
        if source.data is not None:
            found = kept(source.data, Path.home() / ".cache" / "slipway" / "candles")
        elif source.simulate is not None:
            found = simulated(setting.instrument, source.simulate, source.seed)
        else:
            usual = author.shipped(setting.instrument)
            found = usual or simulated(setting.instrument, 14, source.seed)
        return kind, setting, author.candles_for(setting, found)

    return refusing(prepare)


def _asked_for(setting: "Setting") -> "Candles":
    """What a running Slipway has of this market; its minutes tell which level came first."""
    from strategy_runtime.backtest.author import Candles
    from strategy_runtime.backtest.recorded import bars_of

    base, finest = setting.resolution, "1m"
    names = dict.fromkeys((base, *setting.resolutions, finest))

    async def all_of_them(api: Api) -> "dict[str, Bars]":
        found = {name: await every(api, setting.instrument, name) for name in names}
        return {name: bars_of(name, candles) for name, candles in found.items()}

    bars = call(all_of_them)
    if not len(bars[base]):
        raise Missing(
            f"That Slipway has no candles of {setting.instrument} {base}.",
            remedy="`slipway instruments` lists its markets.",
        )
    further = {name: bars[name] for name in setting.resolutions}
    return Candles(bars[base], further, None if base == finest else bars[finest])


def refusing(do: Callable[[], T]) -> T:
    """What an author's code or files are refused for, as a refusal of ours."""
    from strategy_runtime.backtest.refusals import REFUSALS

    try:
        return do()
    except REFUSALS as error:
        raise Invalid(str(error).rstrip(".") + ".", remedy="Put it right and try again.") from error
