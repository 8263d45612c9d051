"""`slipway backtest` and `slipway report`: what a strategy would have made, told."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from control_plane.cli import show
from control_plane.cli.making import (
    Data,
    Days,
    Market,
    Resolution,
    Seed,
    Server,
    Set,
    Strategy,
    parameters,
)
from control_plane.cli.session import AsJson
from control_plane.cli.subjects import prepared, refusing, subject_at
from control_plane.errors import Invalid

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Subject
    from strategy_runtime.backtest.run import Result
    from strategy_runtime.backtest.terms import Terms

SPARKS = "▁▂▃▄▅▆▇█"
WIDTH = 64


def backtest(
    path: Strategy,
    data: Data = None,
    simulate: Days = None,
    server: Server = False,
    instrument: Market = None,
    resolution: Resolution = None,
    capital: Annotated[float, typer.Option(min=1, help="In the quote currency.")] = 10_000.0,
    risk: Annotated[float, typer.Option(min=0, max=1, help="Share of it lost at a stop.")] = 0.01,
    leverage: Annotated[float, typer.Option(min=1, max=100, help="Futures only.")] = 3.0,
    entry: Annotated[str, typer.Option(help="At the next open, or at the close.")] = "open",
    fee: Annotated[float | None, typer.Option(min=0, max=0.1, help="Share of a fill.")] = None,
    slippage: Annotated[float, typer.Option(min=0, max=0.1, help="Share of a price.")] = 0.0002,
    ticks: Annotated[
        Path | None, typer.Option(help="Trades for on_tick: time, price, quantity.")
    ] = None,
    compound: Annotated[bool, typer.Option(help="Size by what the account became.")] = False,
    set_: Set = None,
    seed: Seed = 1,
    html: Annotated[Path | None, typer.Option(help="Write the report here, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run it over candles, with what trading costs, by the platform's own rules."""
    terms = {
        "capital": capital,
        "risk": risk,
        "leverage": leverage,
        "entry": entry,
        "fee": fee,
        "slippage": slippage,
        "compound": compound,
    }
    subject, result = _backtested(
        path,
        data,
        simulate,
        instrument,
        resolution,
        set_,
        seed,
        terms,
        ticks,
        server=server,
        quiet=as_json,
    )
    if html is not None:
        _write_report(subject, result, html, seed)
    _print(subject, result, seed, as_json)


def report(
    path: Strategy,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("report.html"),
    data: Data = None,
    simulate: Days = None,
    server: Server = False,
    instrument: Market = None,
    resolution: Resolution = None,
    set_: Set = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Backtest it into one interactive HTML file that works offline."""
    terms: dict[str, Any] = {"leverage": 3.0}
    subject, result = _backtested(
        path,
        data,
        simulate,
        instrument,
        resolution,
        set_,
        seed,
        terms,
        None,
        server=server,
        quiet=as_json,
    )
    _write_report(subject, result, out, seed)
    show.one({"file": str(out), "trades": len(result.trades)}, as_json, f"Open {out} in a browser.")


# ---- running -----------------------------------------------------------------------------------


def _backtested(
    path: Path,
    data: Path | None,
    simulate: int | None,
    instrument: str | None,
    resolution: str | None,
    set_: list[str] | None,
    seed: int,
    terms: dict[str, Any],
    ticks: Path | None,
    *,
    server: bool,
    quiet: bool,
) -> "tuple[Subject, Result]":
    from rich.console import Console
    from rich.progress import Progress

    from control_plane.market.models.catalogue import BY_ID
    from strategy_runtime.backtest.files import read_ticks
    from strategy_runtime.backtest.run import backtest as run

    subject = subject_at(path)
    kind, setting, candles = prepared(
        subject, data, simulate, instrument, resolution, parameters(set_), seed, server=server
    )
    listing = BY_ID.get(setting.instrument)
    agreed = terms_of(terms)
    heard = None if ticks is None else refusing(lambda: read_ticks(ticks))
    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(subject.name, total=len(candles.bars))
        result = refusing(
            lambda: run(
                kind,
                setting,
                candles.bars,
                terms=agreed,
                instrument=None if listing is None else listing.instrument,
                further=candles.further,
                finer=candles.finer,
                progress=lambda done: bar.update(task, completed=done),
                ticks=heard,
            )
        )
    return subject, result


def terms_of(given: dict[str, Any]) -> "Terms":
    """What was said of fees, capital and the like, as a backtest takes it."""
    from strategy_runtime.backtest.terms import Terms

    exact = {name: str(v) if isinstance(v, float) else v for name, v in given.items()}
    try:
        return msgspec.convert(exact, Terms)
    except msgspec.ValidationError as error:
        raise Invalid(f"The terms make no sense: {error}.") from error


# ---- showing -----------------------------------------------------------------------------------


def _write_report(subject: "Subject", result: "Result", file: Path, seed: int) -> None:
    from strategy_runtime.backtest.report import html

    file.write_text(html(result, subject.name, seed=seed), encoding="utf-8")


def _print(subject: "Subject", result: "Result", seed: int, as_json: bool) -> None:
    from strategy_runtime.backtest.report import summary

    chance = result.chance(seed=seed)
    if as_json:
        show.print_json(summary(result, subject.name, chance))
        return
    m = result.metrics
    setting = result.setting
    print(f"{subject.name}  {setting.instrument} {setting.resolution}  {m.days:.1f} days")
    print(f"  {sparkline(result.curve.tolist())}")
    rows = [
        ("Total return", _share(m.total_return), "Trades", str(m.trades)),
        ("Annual return", _share(m.annual_return), "Win rate", _share(m.win_rate)),
        ("Holding", _share(m.buy_and_hold), "Profit factor", _number(m.profit_factor)),
        ("Max drawdown", _share(m.max_drawdown), "Expectancy", _number(m.expectancy)),
        ("Sharpe", _number(m.sharpe), "Average win", _number(m.average_win)),
        ("Sortino", _number(m.sortino), "Average loss", _number(m.average_loss)),
        ("Calmar", _number(m.calmar), "Losing streak", str(m.longest_losing_streak)),
        ("Exposure", _share(m.exposure), "Fees", _number(m.fees)),
        ("Turnover", f"{m.turnover:.1f} ×", "Funding", _number(m.funding)),
    ]
    for left, value, right, other in rows:
        print(f"  {left:<16}{value:>12}    {right:<16}{other:>12}")
    for remark in result.critique(chance):
        print(f"  ! {remark.text}")


def sparkline(values: list[float]) -> str:
    """A curve in one line of text."""
    if not values:
        return ""
    step = max(1, -(-len(values) // WIDTH))
    some = values[::step]
    low, high = min(some), max(some)
    scale = (len(SPARKS) - 1) / (high - low) if high > low else 0.0
    return "".join(SPARKS[round((value - low) * scale)] for value in some)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"
