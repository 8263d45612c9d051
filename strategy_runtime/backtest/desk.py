"""The dynamic check as a process of its own: a job on stdin, a report on stdout.

    python -P -s -c "... from strategy_runtime.backtest.desk import main; main()"

It may die of what it runs; its limits see to it that it does not take the machine along, and as it
dies it says on stderr where it was. A second process says what it decides with another hash seed on
another day.
"""

import datetime
import faulthandler
import os
import resource
import signal
import subprocess
import sys
import time
from io import TextIOBase
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from strategy_runtime.backtest.found import Found, column_of
from strategy_runtime.backtest.trial import LARGE_MB, Echo, Trial, echo, trial
from strategy_runtime.engine.engine import Setting
from strategy_runtime.loader import FILENAME
from strategy_runtime.sdk.bars import Bars

CPU_SECONDS = 60
MEMORY_BYTES = 2 * 1024**3
ECHO_SECONDS = 120.0  # of the wall; its processor time is limited like ours
MAX_OUTPUT = 1_000_000
OTHER_DAY_SECONDS = 40 * 86_400 + 7 * 3_600 + 13 * 60 + 11
START = (
    "import sys; sys.path[:0] = sys.argv[1:];"
    " from strategy_runtime.backtest.desk import main; main()"
)
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "1"}
OTHER_SEED = {**ENVIRONMENT, "PYTHONHASHSEED": "2"}


class Job(Struct, frozen=True):
    code: str
    instrument: str
    resolution: str
    window: int
    parameters: dict[str, Any]
    manifest: dict[str, Any]
    columns: dict[str, list[float]]  # open_ms and the prices
    echoes: bool = False  # on another day, for another process
    bar: int | None = None  # whose lines are asked for


class Output(TextIOBase):
    """What the author prints: counted, and gone."""

    def __init__(self) -> None:
        self.count = 0
        self.line = 0  # the author's, where it became too much

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self.count += len(text)
        if self.count > MAX_OUTPUT and not self.line:
            frame = sys._getframe(1)
            while frame.f_back is not None and frame.f_code.co_filename != FILENAME:
                frame = frame.f_back
            self.line = frame.f_lineno
        return len(text)


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    answer = _limited()
    sys.stdout = sys.stderr = output = Output()
    if job.echoes:
        _another_day()
        report: Struct = echo(job.code, _setting(job), _bars(job), job.bar)
    else:
        report = run(job, output)
    answer.write(msgspec.json.encode(report))
    answer.flush()


def run(job: Job, output: Output | None = None) -> Trial:
    def elsewhere(bar: int | None) -> Echo | None:
        return _asked(msgspec.structs.replace(job, echoes=True, bar=bar))

    alone = output is None
    found = trial(
        job.code,
        _setting(job),
        _bars(job),
        time.process_time,
        **({} if alone else {"allow": _allow, "elsewhere": elsewhere}),  # type: ignore[arg-type]
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    more = [] if output is None else [*_about_output(job, output), *_about_memory(peak)]
    return msgspec.structs.replace(found, findings=(*found.findings, *more), peak_mb=peak)


def _about_output(job: Job, output: Output) -> list[Found]:
    if output.count <= MAX_OUTPUT:
        return []
    message = f"It prints too much: {output.count / 1e6:,.1f} MB while it was checked."
    hint = "Say what matters with self.log; a container that floods is stopped."
    return [Found("output", message, hint, output.line, column_of(job.code, output.line))]


def _about_memory(peak_mb: int) -> list[Found]:
    if peak_mb <= LARGE_MB:
        return []
    message = f"It used {peak_mb} MB; a container has 512 MB unless its deployment says otherwise."
    hint = "Keep what you need of self.history, not all of it."
    return [Found("memory_use", message, hint, severity="warning")]


def place_of(said: str) -> int:
    """The author's line in what a dying process said on stderr."""
    for row in said.splitlines():
        where, found, number = row.strip().partition(f'File "{FILENAME}", line ')
        if found and not where:
            digits = number.partition(" ")[0]
            return int(digits) if digits.isdigit() else 0
    return 0


def _setting(job: Job) -> Setting:
    return Setting(job.instrument, job.resolution, job.parameters, job.manifest, job.window)


def _bars(job: Job) -> Bars:
    import numpy as np

    prices = {name: np.array(values, np.float64) for name, values in job.columns.items()}
    times = prices.pop("open_ms").astype(np.int64)
    return Bars(job.resolution, times, **prices)


def _limited() -> BinaryIO:
    """Limits for this process; the stream that the report goes to, which the author's code does not
    find under a number that it knows.
    """
    answer = os.fdopen(os.dup(1), "wb")
    parting = os.fdopen(os.dup(2), "w")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    faulthandler.register(signal.SIGXCPU, file=parting, all_threads=False, chain=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    memory = _within(resource.RLIMIT_AS, MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return answer


def _within(limit: int, wanted: int) -> int:
    """No more than whoever started us allows."""
    _, hard = resource.getrlimit(limit)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _allow(seconds: float) -> None:
    used = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(int(used + seconds) + 1, hard), hard))


def _asked(job: Job) -> Echo | None:
    """What another process says; None if it dies or does not end."""
    here = [path for path in sys.path if path]
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter, in the same limits
            [sys.executable, "-P", "-s", "-c", START, *here],
            input=msgspec.json.encode(job),
            capture_output=True,
            timeout=ECHO_SECONDS,
            env=OTHER_SEED,
            check=False,
        )
        return msgspec.json.decode(done.stdout, type=Echo)
    except (subprocess.TimeoutExpired, msgspec.DecodeError):
        return None


def _another_day() -> None:
    """Before the author's code is loaded: the clocks that it may read go ahead."""
    for name in ("time", "monotonic", "perf_counter"):
        for unit, by in (("", OTHER_DAY_SECONDS), ("_ns", OTHER_DAY_SECONDS * 10**9)):
            real = getattr(time, name + unit)
            setattr(time, name + unit, lambda real=real, by=by: real() + by)
    datetime.datetime = _later(datetime.datetime)  # type: ignore[misc]


def _later(real: type[datetime.datetime]) -> type[datetime.datetime]:
    ahead = datetime.timedelta(seconds=OTHER_DAY_SECONDS)

    class AnyMoment(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class Later(real, metaclass=AnyMoment):  # type: ignore[valid-type,misc]
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return real.now(tz) + ahead

        @classmethod
        def utcnow(cls) -> Any:
            return real.now(datetime.UTC).replace(tzinfo=None) + ahead

        @classmethod
        def today(cls) -> Any:
            return cls.now()

    return Later
