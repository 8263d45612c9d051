"""The dynamic check as a process of its own: a job on stdin, a report on stdout.

    python -I -c "... from strategy_runtime.backtest.desk import main; main()"

It may die of what it runs; its limits see to it that it does not take the machine along.
"""

import resource
import sys
import time
from typing import Any

import msgspec
from msgspec import Struct

from strategy_runtime.backtest.trial import Trial, trial
from strategy_runtime.engine.engine import Setting
from strategy_runtime.sdk.bars import Bars

CPU_SECONDS = 60
MEMORY_BYTES = 2 * 1024**3


class Job(Struct, frozen=True):
    code: str
    instrument: str
    resolution: str
    window: int
    parameters: dict[str, Any]
    manifest: dict[str, Any]
    columns: dict[str, list[float]]  # open_ms and the prices


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    answer = sys.stdout.buffer
    sys.stdout = sys.stderr  # what the author prints is not the report
    report = run(job)
    answer.write(msgspec.json.encode(report))
    answer.flush()


def run(job: Job) -> Trial:
    import numpy as np

    prices = {name: np.array(values, np.float64) for name, values in job.columns.items()}
    times = prices.pop("open_ms").astype(np.int64)
    setting = Setting(
        job.instrument,
        job.resolution,
        job.parameters,
        job.manifest,
        job.window,
    )
    return trial(job.code, setting, Bars(job.resolution, times, **prices), time.process_time)
