"""An author's strategy on their own machine: the file, what lies beside it, and candles for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from strategy_runtime.backtest.aggregate import aggregate
from strategy_runtime.backtest.files import read
from strategy_runtime.engine.engine import Setting, further_of
from strategy_runtime.loader import load
from strategy_runtime.sdk.bars import PRICES, BadBars, Bars
from strategy_runtime.sdk.params import declared
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.resolutions import DURATION_MS

FILE = "strategy.py"
PARAMETERS = "parameters.json"
MANIFEST = "manifest.json"
INSTRUMENT = "fut:B-BTC_USDT"
RESOLUTION = "5m"
WINDOW = 200
COLUMNS = ("open_ms", *PRICES)


class BadFolder(ValueError):
    """What lies there is no strategy. The text says what is missing."""


@dataclass(frozen=True)
class Subject:
    """What is to be run, before any of it runs."""

    name: str
    path: Path
    code: str
    parameters: Mapping[str, Any]
    manifest: Mapping[str, Any]

    def with_parameters(self, given: Mapping[str, Any]) -> "Subject":
        return replace(self, parameters={**self.parameters, **given})


@dataclass(frozen=True)
class Candles:
    """What one strategy needs of them: its own, longer ones, and finer ones where there are any."""

    bars: Bars
    further: Mapping[str, Bars]
    finer: Bars | None


def read_subject(path: Path) -> Subject:
    """A folder with strategy.py, or the file itself."""
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise BadFolder(f"There is no {file}. `slipway new NAME` makes a folder with one.")
    try:
        code = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadFolder(f"{file} is no UTF-8 text.") from error
    folder = file.parent
    name = folder.resolve().name if file.name == FILE else file.stem
    return Subject(name, file, code, _object(folder / PARAMETERS), _object(folder / MANIFEST))


def opened(
    subject: Subject, *, instrument: str | None = None, resolution: str | None = None
) -> tuple[type[BaseStrategy], Setting]:
    """The strategy's class, and what it runs on. LoadError if its code is none."""
    kind, manifest = load(subject.code), subject.manifest
    market = instrument or manifest.get("instrument") or manifest.get("pair") or kind.instrument
    chosen = resolution or manifest.get("resolution") or kind.resolution or RESOLUTION
    if chosen not in DURATION_MS:
        raise BadFolder(f"The resolution {chosen!r} is none of {', '.join(DURATION_MS)}.")
    lookback = manifest.get("lookback_period")
    window = lookback if isinstance(lookback, int) and lookback > 0 else WINDOW
    setting = Setting(
        full_name(str(market or INSTRUMENT)), str(chosen), subject.parameters, manifest, window
    )
    return kind, msgspec.structs.replace(setting, resolutions=further_of(kind, setting))


def full_name(market: str) -> str:
    """`fut:B-BTC_USDT` stays; a pair alone is the futures contract's."""
    return market if ":" in market else f"fut:{market}"


def candles_for(setting: Setting, found: Bars) -> Candles:
    """What is made of these candles for a strategy of this setting."""
    base, given = setting.resolution, found.resolution
    if DURATION_MS[given] > DURATION_MS[base]:
        raise BadBars(f"The strategy decides on {base} candles; these are {given}.")
    bars = found if given == base else aggregate(found, base)
    further = {
        name: found if name == given else aggregate(found, name) for name in setting.resolutions
    }
    return Candles(bars, further, None if given == base else found)


def shipped(instrument: str) -> Bars | None:
    """The recorded candles of the simulated market that come with Slipway."""
    name = f"{instrument.replace(':', '_')}_1m.csv.gz"
    found = Path(str(files("strategy_templates").joinpath("data").joinpath(name)))
    return read(found, "1m") if found.is_file() else None


def typed(kind: type[BaseStrategy], texts: Mapping[str, str]) -> dict[str, Any]:
    """What was typed on a command line, in the parameters' types where they have one."""
    known = declared(kind)
    found: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            value = text
        is_text = name in known and known[name].type is str
        found[name] = text if is_text else value
    return found


def _object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise BadFolder(f"{path} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise BadFolder(f"{path} holds no JSON object: put the values in braces.")
    return found
