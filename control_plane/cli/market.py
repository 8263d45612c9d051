"""`slipway market`: which feeds are behind, and candles in and out of the database."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.session import AsJson, call, data_dir
from control_plane.cli.show import Column
from control_plane.client import calls
from control_plane.errors import Invalid, Missing

if TYPE_CHECKING:
    from control_plane.infra.db import Database
    from control_plane.settings import Settings
    from strategy_runtime.backtest.recorded import Bars
    from strategy_runtime.rules.instruments import Instrument
    from strategy_runtime.wire.messages import Candle

group = typer.Typer(no_args_is_help=True, help="Prices: feeds, and candles in and out.")

Which = Annotated[str, typer.Argument(help="Such as fut:B-BTC_USDT or BTCINR.")]
Resolution = Annotated[str, typer.Argument(help="Such as 1m.")]
LAGS = (
    Column("instrument", "instrument"),
    Column("feed", "feed"),
    Column("why", "reason"),
    Column("since", show.clock("since_at")),
)
HEARD = (
    Column("instrument", "instrument"),
    Column("ticks", "ticks", right=True),
    Column("frames", "frames", right=True),
    Column("minutes closed", "minutes", right=True),
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="market", rich_help_panel="Watch")


@group.command()
def lagging(as_json: AsJson = False) -> None:
    """List instruments whose feed is behind: no entry is made on them."""
    show.rows(
        call(lambda api: api.all(calls.list_lagging())),
        LAGS,
        empty="Every feed is up to date.",
        as_json=as_json,
    )


@group.command()
def backfill(
    instrument: Which,
    resolution: Resolution = "1m",
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How far back.")] = 30,
) -> None:
    """Fetch a real market's past from its exchange. Broken off, it goes on where it was."""
    one, new = asyncio.run(_backfill(instrument, resolution, days))
    if new:
        print(f"{new} candles of {one} are new.")
    else:
        print(f"Nothing is new: {one} has everything that CoinDCX lists of these {days} days.")


@group.command(name="import")
def import_candles(
    instrument: Which,
    file: Annotated[Path, typer.Argument(help="CSV, CSV.GZ, Parquet or NPZ.")],
    resolution: Annotated[str | None, typer.Option(help="If not given, what the file shows.")] = (
        None
    ),
) -> None:
    """Take candles from a file. What is there already stays as it is."""
    count = asyncio.run(_import(instrument, file, resolution))
    print(f"{count} candles are new.")


@group.command()
def export(
    instrument: Which,
    resolution: Resolution,
    file: Annotated[Path, typer.Argument(help="CSV, CSV.GZ, Parquet or NPZ.")],
) -> None:
    """Write every stored candle of one resolution into a file."""
    count = asyncio.run(_export(instrument, resolution, file))
    print(f"{count} candles are in {file}.")


@group.command()
def replay(
    file: Annotated[Path, typer.Argument(help="What SLIPWAY_MARKET__RECORD wrote.")],
    instrument: Annotated[
        str, typer.Option(help="Whose minutes go into --into, such as fut:B-BTC_USDT.")
    ] = "",
    into: Annotated[
        Path | None, typer.Option(help="Write those minutes: CSV, CSV.GZ, Parquet or NPZ.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hear a recording again: what came for each instrument, and which minutes its frames close."""
    from control_plane.market.service.recording import Replay, recorded

    if (into is None) == bool(instrument):
        raise Invalid(
            "--instrument and --into go together.", field="into", remedy="Give both, or none."
        )
    heard, count, minutes = Replay(), 0, list["Candle"]()
    for _, _, event in recorded(file):
        minutes += [one.candle for one in heard.take(event) if one.instrument == instrument]
        count += 1
    if not count:
        raise Invalid(
            f"{file} holds no recorded frames.",
            field="file",
            remedy="Name a file that SLIPWAY_MARKET__RECORD wrote.",
        )
    rows = [
        {
            "instrument": one.instrument,
            "ticks": one.ticks,
            "frames": one.frames,
            "minutes": one.closed,
        }
        for _, one in sorted(heard.heard.items())
    ]
    if into is not None:
        _written(minutes, instrument, into)
    show.rows(rows, HEARD, empty="Nothing was heard.", as_json=as_json)
    if heard.not_understood and not as_json:
        print(f"{heard.not_understood} events were not understood.")


def _written(minutes: "list[Candle]", instrument: str, into: Path) -> None:
    from strategy_runtime.backtest.files import write
    from strategy_runtime.backtest.recorded import bars_of

    if not minutes:
        raise Missing(
            f"The recording closes no minute of {instrument!r}.",
            remedy="Without --into it tells which instruments it heard.",
        )
    _readable(lambda: write(bars_of("1m", minutes), into))


# ---- what they do --------------------------------------------------------------------------------


async def _backfill(text: str, resolution: str, days: int) -> tuple[str, int]:
    from rich.console import Console
    from rich.progress import Progress

    from control_plane.brokers.coindcx.opening import NoKeys, open_lanes
    from control_plane.core.clock import ms
    from control_plane.infra.clock import RealClock
    from control_plane.market.service.backfilling import Backfilling
    from control_plane.market.service.history import History

    clock, wanted = RealClock(), _resolution(resolution)
    async with AsyncExitStack() as stack:
        settings, database = _opened(stack)
        ways = open_lanes(NoKeys(), clock, settings.coindcx)
        stack.push_async_callback(ways.close)
        one = await _named(database, text)
        screen = Console(stderr=True)
        bar = stack.enter_context(
            Progress(console=screen, transient=True, disable=not screen.is_terminal)
        )
        task = bar.add_task(f"{one.id} {resolution}", total=None)
        work = Backfilling(
            database,
            History(ways.lanes),
            lambda done, of: bar.update(task, completed=done, total=of),
        )
        return one.id, await work.fill(one, wanted, days, ms(clock.now()))


async def _import(text: str, file: Path, resolution: str | None) -> int:
    from control_plane.market.service.backfilling import keep
    from strategy_runtime.backtest.files import read

    wanted = None if resolution is None else _resolution(resolution)
    bars: Bars = _readable(lambda: read(file, wanted))
    if not len(bars):
        raise Invalid(f"{file} holds no candles.", field="file", remedy="Name one that does.")
    async with AsyncExitStack() as stack:
        _, database = _opened(stack)
        one = await _named(database, text)
        candles = list(bars.candles())
        return await database.write(keep, one, _resolution(bars.resolution), candles)


async def _export(text: str, resolution: str, file: Path) -> int:
    from control_plane.market import service
    from strategy_runtime.backtest.files import write
    from strategy_runtime.backtest.recorded import bars_of

    async with AsyncExitStack() as stack:
        _, database = _opened(stack)
        one = await _named(database, text)
        wanted = _resolution(resolution)
        found = await database.read(service.candles, one.id, wanted, limit=10_000_000)
        if not found:
            raise Missing(
                f"There are no {wanted} candles of {one.id} here.",
                remedy="`slipway market backfill` fetches a real market's; a feed that is wanted "
                "brings them.",
            )
        _readable(lambda: write(bars_of(resolution, found), file))
        return len(found)


def _opened(stack: AsyncExitStack) -> "tuple[Settings, Database]":
    from control_plane.infra import db, schema
    from control_plane.infra.clock import RealClock
    from control_plane.settings import load

    settings = load(data_dir=data_dir().absolute())
    database = db.connect(settings.database_at(), RealClock())
    stack.callback(database.close)
    if not schema.is_current(database):
        raise Missing(
            f"The database of {settings.data_dir} is not this Slipway's yet.",
            remedy="Start it once with `slipway up`, or name another folder with --data-dir.",
        )
    return settings, database


async def _named(database: "Database", text: str) -> "Instrument":
    from control_plane.infra.db import Tx
    from control_plane.market import service

    def look(tx: Tx) -> "Instrument":
        return service.instrument(tx, service.resolve(tx, text))

    return await database.read(look)


def _resolution(text: str) -> Any:
    from strategy_runtime.wire.resolutions import RESOLUTIONS

    if text not in RESOLUTIONS:
        raise Invalid(
            f"There is no resolution {text!r}.",
            field="resolution",
            remedy=f"There are {', '.join(RESOLUTIONS)}.",
        )
    return text


def _readable(do: Any) -> Any:
    from strategy_runtime.backtest.refusals import REFUSALS

    try:
        return do()
    except REFUSALS as error:
        raise Invalid(str(error).rstrip(".") + ".", remedy="Put it right and try again.") from error
