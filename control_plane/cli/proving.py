"""Checking, backtesting and replaying one's own strategy, on one's own machine."""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from control_plane.cli import show
from control_plane.cli.making import (
    FINDINGS,
    Data,
    Days,
    Market,
    Resolution,
    Seed,
    Set,
    Strategy,
    parameters,
    simulated,
)
from control_plane.cli.session import AsJson
from control_plane.errors import Invalid

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Candles, Subject
    from strategy_runtime.backtest.run import Result
    from strategy_runtime.engine.engine import Setting

ROOT = Path(__file__).parents[2]
TRIAL_CANDLES = 2_000
TRIAL_SECONDS = 60.0
SPARKS = "▁▂▃▄▅▆▇█"
WIDTH = 64


def check(path: Strategy, data: Data = None, as_json: AsJson = False) -> None:
    """Find what is wrong: by reading the file, then by running it apart, with limits."""
    subject = _subject(path)
    found = asyncio.run(_check(subject, data))
    failed = any(finding["severity"] == "error" for finding in found)
    if as_json:
        show.print_json({"passed": not failed, "findings": found})
    else:
        show.rows(found, FINDINGS, empty="Nothing was found: it may be deployed.")
    if failed:
        raise typer.Exit(1)


def backtest(
    path: Strategy,
    data: Data = None,
    simulate: Days = None,
    instrument: Market = None,
    resolution: Resolution = None,
    capital: Annotated[float, typer.Option(min=1, help="In the quote currency.")] = 10_000.0,
    risk: Annotated[float, typer.Option(min=0, max=1, help="Share of it lost at a stop.")] = 0.01,
    leverage: Annotated[float, typer.Option(min=1, max=100, help="Futures only.")] = 3.0,
    entry: Annotated[str, typer.Option(help="At the next open, or at the close.")] = "open",
    fee: Annotated[float | None, typer.Option(min=0, max=0.1, help="Share of a fill.")] = None,
    slippage: Annotated[float, typer.Option(min=0, max=0.1, help="Share of a price.")] = 0.0002,
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
        path, data, simulate, instrument, resolution, set_, seed, terms, quiet=as_json
    )
    if html is not None:
        _write_report(subject, result, html, seed)
    _print(subject, result, seed, as_json)


def report(
    path: Strategy,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("report.html"),
    data: Data = None,
    simulate: Days = None,
    instrument: Market = None,
    resolution: Resolution = None,
    set_: Set = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Backtest it into one interactive HTML file that works offline."""
    terms: dict[str, Any] = {"leverage": 3.0}
    subject, result = _backtested(
        path, data, simulate, instrument, resolution, set_, seed, terms, quiet=as_json
    )
    _write_report(subject, result, out, seed)
    show.one({"file": str(out), "trades": len(result.trades)}, as_json, f"Open {out} in a browser.")


def replay(
    path: Strategy,
    data: Data = None,
    simulate: Days = None,
    instrument: Market = None,
    resolution: Resolution = None,
    set_: Set = None,
    seed: Seed = 1,
    against: Annotated[
        Path | None, typer.Option(help="Decisions as this command printed them: compare.")
    ] = None,
) -> None:
    """Drive it candle by candle, as a container does, and print each decision as JSON."""
    from strategy_runtime.backtest.replaying import decisions

    subject = _subject(path)
    kind, setting, candles = _prepared(
        subject, data, simulate, instrument, resolution, parameters(set_), seed
    )
    said = _said_before(against)
    different = 0
    for said_now in _refusing(lambda: list(decisions(kind, setting, candles))):
        row = json.loads(json.dumps(said_now))  # as it would be read from a file
        if against is None:
            print(json.dumps(row))
            continue
        other = said.pop(row["trigger"], None)
        if other != row:
            different += 1
            print(json.dumps({"trigger": row["trigger"], "recorded": other, "replayed": row}))
    if against is not None:
        different += len(said)
        print(f"{different} decisions differ." if different else "Every decision is the same.")
        if different:
            raise typer.Exit(1)


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
    *,
    quiet: bool,
) -> "tuple[Subject, Result]":
    from rich.console import Console
    from rich.progress import Progress

    from control_plane.market.models.catalogue import BY_ID
    from strategy_runtime.backtest.run import backtest as run
    from strategy_runtime.backtest.terms import Terms

    subject = _subject(path)
    kind, setting, candles = _prepared(
        subject, data, simulate, instrument, resolution, parameters(set_), seed
    )
    listing = BY_ID.get(setting.instrument)
    try:
        agreed = msgspec.convert(
            {name: str(v) if isinstance(v, float) else v for name, v in terms.items()}, Terms
        )
    except msgspec.ValidationError as error:
        raise Invalid(f"The terms make no sense: {error}.") from error
    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(subject.name, total=len(candles.bars))
        result = _refusing(
            lambda: run(
                kind,
                setting,
                candles.bars,
                terms=agreed,
                instrument=None if listing is None else listing.instrument,
                further=candles.further,
                finer=candles.finer,
                progress=lambda done: bar.update(task, completed=done),
            )
        )
    return subject, result


def _prepared(
    subject: "Subject",
    data: Path | None,
    simulate: int | None,
    instrument: str | None,
    resolution: str | None,
    texts: dict[str, str],
    seed: int,
) -> "tuple[Any, Setting, Candles]":
    from strategy_runtime.backtest import author
    from strategy_runtime.backtest.files import read

    def prepare() -> "tuple[Any, Setting, Candles]":
        kind, setting = author.opened(subject, instrument=instrument, resolution=resolution)
        values = {**subject.parameters, **author.typed(kind, texts)}
        setting = msgspec.structs.replace(setting, parameters=values)
        if data is not None:
            found = read(data)
        elif simulate is not None:
            found = simulated(setting.instrument, simulate, seed)
        else:
            found = author.shipped(setting.instrument) or simulated(setting.instrument, 14, seed)
        return kind, setting, author.candles_for(setting, found)

    prepared: tuple[Any, Setting, Candles] = _refusing(prepare)
    return prepared


def _refusing(do: Any) -> Any:
    """What an author's code or files are refused for, as a refusal of ours."""
    from strategy_runtime.backtest.refusals import REFUSALS

    try:
        return do()
    except REFUSALS as error:
        raise Invalid(str(error).rstrip(".") + ".", remedy="Put it right and try again.") from error


def _subject(path: Path) -> "Subject":
    from strategy_runtime.backtest.author import read_subject

    subject: Subject = _refusing(lambda: read_subject(path))
    return subject


# ---- checking ----------------------------------------------------------------------------------


async def _check(subject: "Subject", data: Path | None) -> list[dict[str, Any]]:
    """Reading first: what does not even parse is not run."""
    from control_plane.strategies.service.apart import check_apart

    static = await check_apart(subject.code, subject.manifest)
    found = [msgspec.to_builtins(finding) for finding in static.findings]
    rows = [{"line": 0, "hint": "", "severity": "error", "column": 0, **row} for row in found]
    if static.passed:
        rows += await _trial(subject, static.outline, data)
    return rows


async def _trial(subject: "Subject", outline: Any, data: Path | None) -> list[dict[str, Any]]:
    from strategy_runtime.backtest import author
    from strategy_runtime.backtest.aggregate import aggregate
    from strategy_runtime.backtest.desk import Job
    from strategy_runtime.backtest.files import read

    market = author.full_name(outline.instrument or author.INSTRUMENT)
    resolution = outline.resolution or author.RESOLUTION
    given = read(data) if data is not None else author.shipped(market)
    bars = given if given is not None else simulated(author.INSTRUMENT, 14, 1)
    if bars.resolution != resolution:
        bars = aggregate(bars, resolution)
    bars = bars.part(0, TRIAL_CANDLES)
    columns = {name: bars.column(name).tolist() for name in author.COLUMNS}
    job = Job(
        subject.code,
        market,
        resolution,
        outline.lookback,
        dict(subject.parameters),
        dict(subject.manifest),
        columns,
    )
    report = await _apart(msgspec.json.encode(job))
    if report is None:
        message = f"It does not end, or uses too much, on {len(bars)} candles."
        hint = "A candle must be decided in milliseconds: look for an endless loop."
        return [_row("hang", message, hint)]
    return [{"column": 0, **finding} for finding in report["findings"]]


async def _apart(job: bytes) -> dict[str, Any] | None:
    """The report of a process of its own; None if it died or did not end."""
    start = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        " from strategy_runtime.backtest.desk import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", start, str(ROOT)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"OPENBLAS_NUM_THREADS": "1"},
    )
    answer = b""
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            answer, _ = await process.communicate(job)
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return dict(json.loads(answer)) if process.returncode == 0 and answer else None


def _row(rule: str, message: str, hint: str) -> dict[str, Any]:
    return {
        "rule": rule,
        "message": message,
        "hint": hint,
        "line": 0,
        "column": 0,
        "severity": "error",
    }


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


def _said_before(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
        return {str(row["trigger"]): row for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(
            f"{file} holds no decisions, one JSON object a line.",
            remedy="Write it with `slipway replay STRATEGY > FILE`.",
        ) from error
