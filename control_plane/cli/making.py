"""What an author does on their own machine: no server, no Docker, no account."""

import re
import shutil
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from control_plane.cli import show
from control_plane.cli.session import AsJson
from control_plane.cli.show import Column
from control_plane.errors import Invalid, Missing

if TYPE_CHECKING:
    from strategy_runtime.backtest.recorded import Bars
    from strategy_runtime.backtest.terms import Terms

Strategy = Annotated[
    Path, typer.Argument(help="A strategy's folder, or its file.", show_default=False)
]
Data = Annotated[
    Path | None,
    typer.Option(help="Candles: CSV, CSV.GZ, Parquet or NPZ. If not given, the shipped ones."),
]
Days = Annotated[
    int | None, typer.Option("--simulate", min=1, max=3_650, help="Days from the simulator.")
]
Server = Annotated[bool, typer.Option("--server", help="The candles that a running Slipway keeps.")]
Seed = Annotated[int, typer.Option(help="The simulation's, and the draws'.")]
Market = Annotated[str | None, typer.Option("--instrument", help="Such as fut:B-BTC_USDT.")]
Resolution = Annotated[str | None, typer.Option(help="Such as 5m; if not given, its own.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", "-p", help="A parameter: -p fast=10 -p slow=30.")
]


@dataclass(frozen=True)
class Source:
    """Which candles, and which strategy of them."""

    data: Data = None
    simulate: Days = None
    server: Server = False
    instrument: Market = None
    resolution: Resolution = None
    set_: Set = None
    seed: Seed = 1

    @property
    def parameters(self) -> dict[str, str]:
        return parameters(self.set_)


@dataclass(frozen=True)
class Money:
    """Under which terms it trades: the same here and on the platform."""

    capital: Annotated[float, typer.Option(min=1, max=1e15, help="In the quote currency.")] = (
        10_000.0
    )
    risk: Annotated[float, typer.Option(min=0, max=1, help="Share of it lost at a stop.")] = 0.01
    leverage: Annotated[float, typer.Option(min=1, max=100, help="Futures only.")] = 1.0
    mode: Annotated[
        Literal["fixed_risk", "leveraged_risk"], typer.Option(help="How a position is sized.")
    ] = "fixed_risk"
    entry: Annotated[
        Literal["open", "close"], typer.Option(help="At the next open, or at the close.")
    ] = "open"
    fee: Annotated[
        float | None, typer.Option(min=0, max=0.1, help="Share of a fill, not the market's own.")
    ] = None
    spread: Annotated[float, typer.Option(min=0, max=0.1, help="Share, bid to ask.")] = 0.0002
    slippage: Annotated[float, typer.Option(min=0, max=0.1, help="Share of a price.")] = 0.0002
    funding: Annotated[
        float, typer.Option(min=-0.01, max=0.01, help="Share every eight hours, futures.")
    ] = 0.0001
    compound: Annotated[bool, typer.Option(help="Size by what the account became.")] = False

    def said(self) -> dict[str, Any]:
        """As the platform takes it: numbers exactly as they were typed."""
        every = asdict(self).items()
        return {k: str(v) if isinstance(v, float) else v for k, v in every if v is not None}

    def terms(self) -> "Terms":
        """As a backtest here takes it."""
        from strategy_runtime.backtest.terms import Terms

        return msgspec.convert(self.said(), Terms)


FINDINGS = (
    Column("line", lambda row: f"{row['line']}:{row['column']}" if row["line"] else "", True),
    Column("severity", "severity"),
    Column("finding", "message"),
    Column("hint", "hint"),
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
END_MS = 1_755_475_200_000  # where simulated candles end, unless told otherwise: 2025-08-18


def new(
    name: Annotated[str, typer.Argument(help="The new folder's name.", show_default=False)],
    template: Annotated[str, typer.Option("--template", "-t", help="What to begin with.")] = (
        "sma_cross"
    ),
    as_json: AsJson = False,
) -> None:
    """Make a folder with a strategy, its parameters, a test and a README."""
    found = templates()
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} is no name for a strategy.",
            remedy="Begin with a letter; then letters, digits, - and _.",
        )
    if template not in found:
        raise Missing(
            f"There is no template {template!r}.", remedy=f"There are: {', '.join(found)}."
        )
    folder = Path(name)
    if folder.exists():
        raise Invalid(f"There is already a {folder}.", remedy="Choose another name.")

    folder.mkdir(parents=True)
    for file in found[template].iterdir():
        if file.is_file() and file.name != "__init__.py":
            shutil.copyfile(file, folder / file.name)
    (folder / "test_strategy.py").write_text(TEST, encoding="utf-8")
    made = sorted(file.name for file in folder.iterdir())
    show.one(
        {"folder": str(folder), "template": template, "files": made},
        as_json,
        f"{folder}/ has {', '.join(made)}.\n"
        f"Next: edit {folder}/strategy.py, then `slipway check {folder}` and "
        f"`slipway backtest {folder}`.",
    )


def candles(
    out: Annotated[Path, typer.Argument(help="Where to write: .csv or .csv.gz.")],
    instrument: Annotated[str, typer.Option(help="A simulated market.")] = "fut:B-BTC_USDT",
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How many.")] = 14,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Write one-minute candles of the market simulator into a file."""
    from strategy_runtime.backtest.files import write

    bars = simulated(instrument, days, seed)
    write(bars, out)
    show.one(
        {"file": str(out), "candles": len(bars), "sha256": bars.sha256()},
        as_json,
        f"{out} has {len(bars):,} candles of {instrument} (sha256 {bars.sha256()[:16]}).",
    )


def templates() -> dict[str, Path]:
    """Read as files: what runs in containers is not imported here."""
    spec = find_spec("strategy_templates")
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*/strategy.py"))
    return {file.parent.name: file.parent for file in files}


def simulated(instrument: str, days: int, seed: int) -> "Bars":
    """The last days up to a fixed moment: the same seed gives the same candles for ever."""
    from control_plane.market.models.catalogue import BY_ID
    from control_plane.market.models.simulation import candle
    from strategy_runtime.backtest.recorded import bars_of

    listing = BY_ID.get(instrument)
    if listing is None:
        raise Missing(
            f"There is no simulated market {instrument!r}.",
            field="instrument",
            remedy=f"There are: {', '.join(BY_ID)}.",
        )
    made, close = [], float(listing.price)
    for open_ms in range(END_MS - days * 86_400_000, END_MS, 60_000):
        made.append(candle(listing, seed, open_ms, close))
        close = made[-1].close
    return bars_of("1m", made)


def parameters(given: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Invalid(f"{text!r} sets nothing.", remedy="Write it as -p name=value.")
        found[name.strip()] = value.strip()
    return found


TEST = '''"""Run with `python -m pytest` in an environment that has slipway."""

from pathlib import Path

from strategy_runtime.backtest.author import candles_for, opened, read_subject, shipped
from strategy_runtime.backtest.run import backtest


def test_it_trades_and_never_fails() -> None:
    subject = read_subject(Path(__file__).parent)
    kind, setting = opened(subject)
    recorded = shipped(setting.instrument) or shipped("fut:B-BTC_USDT")
    assert recorded is not None
    candles = candles_for(setting, recorded)

    result = backtest(kind, setting, candles.bars, further=candles.further, finer=candles.finer)

    assert result.errors() == {}
    assert result.trades
'''
