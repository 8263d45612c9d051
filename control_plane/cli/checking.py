"""`slipway check`: reading one's own strategy, then driving it in a process apart, with limits."""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from control_plane.cli import show
from control_plane.cli.making import FINDINGS, Data, Strategy, simulated
from control_plane.cli.session import AsJson
from control_plane.cli.subjects import refusing, subject_at

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Subject

ROOT = Path(__file__).parents[2]
TRIAL_CANDLES = 2_000
TRIAL_SECONDS = 180.0  # of the wall: the processor's are counted by the process itself


def check(path: Strategy, data: Data = None, as_json: AsJson = False) -> None:
    """Find what is wrong: by reading the file, then by running it apart, with limits."""
    subject = subject_at(path)
    found = asyncio.run(checked(subject, data))
    failed = any(finding["severity"] == "error" for finding in found)
    if as_json:
        show.print_json({"passed": not failed, "findings": found})
    else:
        show.rows(found, FINDINGS, empty="Nothing was found: it may be deployed.")
    if failed:
        raise typer.Exit(1)


async def checked(subject: "Subject", data: Path | None = None) -> list[dict[str, Any]]:
    """Reading first: what does not even parse is not run."""
    from control_plane.strategies.service.apart import check_apart

    static = await check_apart(subject.code, subject.manifest)
    found = [msgspec.to_builtins(finding) for finding in static.findings]
    rows = [{"line": 0, "hint": "", "severity": "error", "column": 0, **row} for row in found]
    if static.passed:
        rows += await _trial(subject, static.outline, data)
    return rows


async def _trial(subject: "Subject", outline: Any, data: Path | None) -> list[dict[str, Any]]:
    job = refusing(lambda: _job(subject, outline, data))
    report, said = await _apart(msgspec.json.encode(job))
    if report is not None:
        return [dict(finding) for finding in report["findings"]]

    from strategy_runtime.backtest.desk import place_of
    from strategy_runtime.backtest.found import column_of

    line = place_of(said)
    return [
        {
            "rule": "hang",
            "message": "It does not end: it used up the time, or the memory, that checking has.",
            "hint": "A candle must be decided in milliseconds: look for an endless loop.",
            "line": line,
            "column": column_of(subject.code, line),
            "severity": "error",
        }
    ]


def _job(subject: "Subject", outline: Any, data: Path | None) -> Any:
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
    return Job(
        subject.code,
        market,
        resolution,
        outline.lookback,
        dict(subject.parameters),
        dict(subject.manifest),
        {name: bars.column(name).tolist() for name in author.COLUMNS},
    )


async def _apart(job: bytes) -> tuple[dict[str, Any] | None, str]:
    """The report of a process of its own, None if it died or did not end; and its last words."""
    from strategy_runtime.backtest.desk import ENVIRONMENT, START

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-s", "-c", START, str(ROOT)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    answer = said = b""
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            answer, said = await process.communicate(job)
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    told = said.decode(errors="replace")
    return (json.loads(answer) if process.returncode == 0 and answer else None), told
