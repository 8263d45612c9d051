"""The check of an upload as a job: the author's own `slipway check`, in a process of its own, which
finds neither the bus nor the way that the report goes.
"""

import subprocess
import sys
from typing import Any

import msgspec

from strategy_runtime.backtest.desk import ENVIRONMENT, START, Job, place_of
from strategy_runtime.backtest.found import column_of
from strategy_runtime.backtest.trial import Trial
from strategy_runtime.sdk.bars import PRICES, Bars
from strategy_runtime.wire.jobs import CheckFinding, CheckResult, Task

MOST_ANSWERED = 2_000_000


def checked(task: Task, bars: Bars, seconds: float) -> CheckResult:
    report, said = _apart(task, bars, seconds)
    if report is None:
        line = place_of(said)
        return CheckResult(
            (
                CheckFinding(
                    "hang",
                    "It does not end: it used up the time, or the memory, that checking has.",
                    "A candle must be decided in milliseconds: look for an endless loop.",
                    line,
                    column_of(task.code, line),
                ),
            ),
            len(bars),
        )
    findings = tuple(
        msgspec.convert(msgspec.to_builtins(one), CheckFinding) for one in report.findings
    )
    return CheckResult(
        findings,
        report.candles,
        report.signals,
        round(report.milliseconds, 4),
        report.peak_mb * 1024 * 1024,
    )


def _apart(task: Task, bars: Bars, seconds: float) -> tuple[Trial | None, str]:
    """The report of another process, None if it died or did not end; and its last words."""
    columns: dict[str, Any] = {"open_ms": bars.open_ms.tolist()}
    columns |= {name: bars.column(name).tolist() for name in PRICES}
    job = Job(
        task.code,
        task.instrument,
        task.resolution,
        task.lookback,
        task.parameters,
        task.manifest,
        columns,
    )
    here = [path for path in sys.path if path]
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter, within limits
            [sys.executable, "-P", "-s", "-c", START, *here],
            input=msgspec.json.encode(job),
            capture_output=True,
            timeout=seconds,
            env=ENVIRONMENT,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return None, (late.stderr or b"").decode(errors="replace")
    said = done.stderr.decode(errors="replace")
    if done.returncode or len(done.stdout) > MOST_ANSWERED:
        return None, said
    try:
        return msgspec.json.decode(done.stdout, type=Trial), said
    except msgspec.DecodeError:
        return None, said
