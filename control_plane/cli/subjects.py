"""An author's own strategy, read and made ready with its candles; what is wrong is a refusal."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from control_plane.cli.making import simulated
from control_plane.errors import Invalid

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Candles, Subject
    from strategy_runtime.engine.engine import Setting

T = TypeVar("T")


def subject_at(path: Path) -> "Subject":
    from strategy_runtime.backtest.author import read_subject

    return refusing(lambda: read_subject(path))


def prepared(
    subject: "Subject",
    data: Path | None,
    simulate: int | None,
    instrument: str | None,
    resolution: str | None,
    texts: dict[str, str],
    seed: int,
) -> "tuple[Any, Setting, Candles]":
    """The strategy's class, its setting, and candles: given, simulated, or the shipped ones."""
    from strategy_runtime.backtest import author
    from strategy_runtime.backtest.files import kept

    def prepare() -> "tuple[Any, Setting, Candles]":
        kind, setting = author.opened(subject, instrument=instrument, resolution=resolution)
        values = {**subject.parameters, **author.typed(kind, texts)}
        setting = msgspec.structs.replace(setting, parameters=values)
        if data is not None:
            found = kept(data, Path.home() / ".cache" / "slipway" / "candles")
        elif simulate is not None:
            found = simulated(setting.instrument, simulate, seed)
        else:
            found = author.shipped(setting.instrument) or simulated(setting.instrument, 14, seed)
        return kind, setting, author.candles_for(setting, found)

    return refusing(prepare)


def refusing(do: Callable[[], T]) -> T:
    """What an author's code or files are refused for, as a refusal of ours."""
    from strategy_runtime.backtest.refusals import REFUSALS

    try:
        return do()
    except REFUSALS as error:
        raise Invalid(str(error).rstrip(".") + ".", remedy="Put it right and try again.") from error
