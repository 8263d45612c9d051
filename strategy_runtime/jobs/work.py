"""What each kind of job does with its task and its candles. No IO: progress goes to a function."""

import resource
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from strategy_runtime.backtest.aggregate import aggregate
from strategy_runtime.backtest.refusals import REFUSALS
from strategy_runtime.backtest.report import summary
from strategy_runtime.backtest.run import backtest
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.backtest.trial import trial
from strategy_runtime.engine.engine import Setting
from strategy_runtime.loader import load
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.jobs import CheckFinding, CheckResult, Task

FINEST = "1m"
HEAVY_SHARE = 0.75  # of the memory that a container has

Say = Callable[[float, str], None]
"""How much of the work is done, and what it is about."""

Clock = Callable[[], float]


class Undoable(Exception):
    """The job cannot be done, because of the code or of what was asked. Its text is shown."""


def done(task: Task, bars: Mapping[str, Bars], say: Say, clock: Clock) -> bytes:
    """The result, as JSON."""
    try:
        match task.kind:
            case "check":
                return msgspec.json.encode(_check(task, bars, clock))
            case "backtest":
                return msgspec.json.encode(_backtest(task, bars, say))
            case "optimise":
                raise Undoable("This image knows no search for parameters.")
    except REFUSALS as error:
        raise Undoable(str(error).rstrip(".") + ".") from error


def setting_of(task: Task) -> Setting:
    return Setting(
        task.instrument,
        task.resolution,
        task.parameters,
        task.manifest,
        task.lookback,
        task.resolutions,
    )


def longer(task: Task, kind: type[BaseStrategy], bars: Mapping[str, Bars]) -> dict[str, Bars]:
    """The further resolutions: as they were recorded, or made of the shorter candles."""
    own = bars[task.resolution]
    wanted = {*task.resolutions, *kind.resolutions} - {task.resolution}
    return {name: bars[name] if name in bars else aggregate(own, name) for name in sorted(wanted)}


def _check(task: Task, bars: Mapping[str, Bars], clock: Clock) -> CheckResult:
    found = trial(task.code, setting_of(task), bars[task.resolution], clock)
    findings = [
        msgspec.convert(msgspec.to_builtins(one), CheckFinding, strict=False)
        for one in found.findings
    ]
    peak = peak_bytes()
    limit = task.limits.memory_mb * 1024 * 1024
    if peak > HEAVY_SHARE * limit:
        findings.append(
            CheckFinding(
                "heavy",
                f"It used {peak // 1024**2} MB on {len(bars[task.resolution])} candles.",
                f"A container has {task.limits.memory_mb} MB; keep less, or ask for more.",
                severity="warning",
            )
        )
    return CheckResult(
        tuple(findings), found.candles, found.signals, round(found.milliseconds, 4), peak
    )


def _backtest(task: Task, bars: Mapping[str, Bars], say: Say) -> dict[str, Any]:
    own = bars[task.resolution]
    kind = load(task.code)
    whole = max(1, len(own))
    result = backtest(
        kind,
        setting_of(task),
        own,
        terms=msgspec.convert(task.terms, Terms),
        instrument=msgspec.convert(task.rules, Instrument),
        further=longer(task, kind, bars),
        finer=bars.get(FINEST) if task.resolution != FINEST else None,
        progress=lambda bar: say(0.95 * bar / whole, f"candle {bar} of {whole}"),
    )
    say(0.95, "adds it up")
    return summary(result, kind.__name__, result.chance(), curves=True)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
