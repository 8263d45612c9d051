"""`slipway backtest` and `slipway report`: what a strategy would have made, told."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import show
from control_plane.cli.making import Money, Source, Strategy
from control_plane.cli.session import AsJson
from control_plane.cli.sharing import sharing
from control_plane.cli.subjects import prepared, refusing, subject_at

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Subject
    from strategy_runtime.backtest.run import Result

SPARKS = "▁▂▃▄▅▆▇█"
WIDTH = 64


@sharing
def backtest(
    path: Strategy,
    source: Source,
    money: Money,
    ticks: Annotated[
        Path | None, typer.Option(help="Trades for on_tick: time, price, quantity.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report here, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run it over candles, with what trading costs, by the platform's own rules."""
    subject, result = _backtested(path, source, money, ticks, quiet=as_json)
    if html is not None:
        _write_report(subject, result, html, source.seed)
    _print(subject, result, source.seed, as_json)


@sharing
def report(
    path: Strategy,
    source: Source,
    money: Money,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("report.html"),
    as_json: AsJson = False,
) -> None:
    """Backtest it into one interactive HTML file that works offline."""
    subject, result = _backtested(path, source, money, None, quiet=as_json)
    _write_report(subject, result, out, source.seed)
    show.one({"file": str(out), "trades": len(result.trades)}, as_json, f"Open {out} in a browser.")


# ---- running -----------------------------------------------------------------------------------


def _backtested(
    path: Path, source: Source, money: Money, ticks: Path | None, *, quiet: bool
) -> "tuple[Subject, Result]":
    from rich.console import Console
    from rich.progress import Progress

    from control_plane.market.models.catalogue import BY_ID
    from strategy_runtime.backtest.files import read_ticks
    from strategy_runtime.backtest.run import backtest as run

    subject = subject_at(path)
    kind, setting, candles = prepared(subject, source, source.parameters)
    listing = BY_ID.get(setting.instrument)
    agreed = money.terms()
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
