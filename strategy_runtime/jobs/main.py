"""A job's process: `python -I -m strategy_runtime.jobs.main`.

It reads its task, runs the author's code on a thread while the bus is kept on another, hands the
result in and ends. Who launched it enforces its limits from outside.
"""

import asyncio
import hashlib
import os
import signal
import sys
import threading
import time
import zlib
from base64 import b32encode
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from msgspec import Struct

from strategy_runtime import wire
from strategy_runtime.feeds.resp import Address, BusLost, connected, parse_address
from strategy_runtime.feeds.timing import Machine, Timing, backoff, timing
from strategy_runtime.jobs.candles import opened
from strategy_runtime.jobs.crew import crew_of
from strategy_runtime.jobs.searching import Crew
from strategy_runtime.jobs.voice import Voice
from strategy_runtime.jobs.work import Undoable, done
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.wire import names
from strategy_runtime.wire.candles import BadCandles
from strategy_runtime.wire.jobs import (
    JobChunk,
    JobDone,
    JobFailed,
    JobHello,
    JobProgress,
    Task,
    decode_task,
)
from strategy_runtime.wire.messages import BadFrame

RAW_CHUNK_BYTES = wire.MAX_CHUNK_BYTES * 2 // 3  # in base 64 with a frame around it: below 48 KB
SQUEEZED = 6
MAX_REASON = 2_000


class Refused(Exception):
    """This process cannot do what it was launched for."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Launch(Struct, frozen=True):
    """What the launcher said in the environment."""

    address: Address
    job: str
    boot_sha256: str
    candles: Path
    time_scale: float


def read_launch(environment: MutableMapping[str, str]) -> Launch:
    """The launch, taken out of the environment: the author's code need not find a password."""

    def taken(name: str) -> str:
        value = environment.pop(name, "")
        if not value:
            raise Refused(wire.EXIT_ENVIRONMENT, f"{name} is missing from the environment")
        return value

    try:
        return Launch(
            address=parse_address(taken(wire.ENV_BUS_URL), environment.pop(wire.ENV_BUS_CA, "")),
            job=taken(wire.ENV_JOB),
            boot_sha256=taken(wire.ENV_BOOT_SHA256).lower(),
            candles=Path(taken(wire.ENV_CANDLES)),
            time_scale=float(environment.pop(wire.ENV_TIME_SCALE, "1")),
        )
    except ValueError as error:
        raise Refused(wire.EXIT_ENVIRONMENT, f"the environment makes no sense: {error}") from error


async def read_task(launch: Launch, times: Timing, machine: Machine) -> Task:
    key, why = names.job_boot(launch.job), "it is not there"
    try:
        async with asyncio.timeout(times.boot):
            for attempt in range(1_000_000):
                try:
                    async with connected(launch.address) as bus:
                        payload = await bus.call("GET", key)
                    if payload is not None:
                        return check_task(payload, launch)
                except BusLost as error:
                    why = str(error)
                first, most = times.reconnect_first, times.reconnect_most
                await machine.sleep(backoff(first, most, attempt, machine.chance()))
    except TimeoutError:
        pass
    raise Refused(wire.EXIT_BOOT, f"the task {key} cannot be read: {why}")


def check_task(payload: bytes, launch: Launch) -> Task:
    found = hashlib.sha256(payload).hexdigest()
    if found != launch.boot_sha256:
        raise Refused(
            wire.EXIT_BOOT, f"the task has the sha256 {found}, not {launch.boot_sha256}: not run"
        )
    try:
        task = decode_task(payload)
    except BadFrame as error:
        raise Refused(wire.EXIT_BOOT, f"the task cannot be understood: {error}") from error
    if task.job != launch.job or task.v != wire.VERSION:
        raise Refused(wire.EXIT_BOOT, f"the task is for {task.job}, version {task.v}: not run")
    if hashlib.sha256(task.code.encode()).hexdigest() != task.code_sha256:
        raise Refused(wire.EXIT_BOOT, "the code is not the one that its sha256 names: not run")
    return task


class Progress:
    """What the working thread says last, told once a second from the loop."""

    def __init__(self) -> None:
        self._latest: tuple[float, str] = (0.0, "")
        self._told: tuple[float, str] = (0.0, "")
        self._lock = threading.Lock()

    def take(self, share: float, said: str) -> None:
        with self._lock:
            self._latest = (share, said)

    async def tell(self, voice: Voice, run: str, machine: Machine) -> None:
        while True:
            await machine.sleep(1.0)
            with self._lock:
                latest = self._latest
            if latest != self._told:
                self._told = latest
                await voice.say(JobProgress(run, *latest))


async def run(launch: Launch) -> int:
    machine = Machine(_now_ms, _now_us, _chance, asyncio.sleep)
    times = timing(launch.time_scale)
    task = await read_task(launch, times, machine)
    try:
        bars = await asyncio.to_thread(opened, launch.candles, task.candles_sha256)
    except BadCandles as error:
        raise Refused(wire.EXIT_BOOT, f"{error}: not run") from error
    name = b32encode(os.urandom(16)).decode().lower().rstrip("=")
    crew = crew_of(task, launch.candles)
    voice, progress = Voice(launch.job, name, launch.address, times, machine), Progress()
    async with asyncio.TaskGroup() as group:
        kept = group.create_task(voice.keep())
        await voice.insist(JobHello(name, task.code_sha256))
        told = group.create_task(progress.tell(voice, name, machine))
        try:
            result = await asyncio.to_thread(_work, task, bars, progress, crew)
            await _hand_in(voice, name, result)
        except Undoable as refusal:
            await voice.insist(JobFailed(name, 0, str(refusal)[:MAX_REASON]))
        kept.cancel()
        told.cancel()
    return 0


def _work(task: Task, bars: Mapping[str, Bars], progress: Progress, crew: Crew) -> bytes:
    plain = done(task, bars, progress.take, crew)
    if len(plain) > wire.MAX_RESULT_PLAIN_BYTES:
        most = wire.MAX_RESULT_PLAIN_BYTES // 1024**2
        raise Undoable(f"Its result is larger than {most} MB.")
    squeezed = zlib.compress(plain, SQUEEZED)
    if len(squeezed) > wire.MAX_RESULT_BYTES:
        raise Undoable(f"Its result is larger than {wire.MAX_RESULT_BYTES // 1024**2} MB.")
    return squeezed


async def _hand_in(voice: Voice, run: str, result: bytes) -> None:
    pieces = [result[at : at + RAW_CHUNK_BYTES] for at in range(0, len(result), RAW_CHUNK_BYTES)]
    for number, piece in enumerate(pieces):
        await voice.insist(JobChunk(run, number, piece))
    digest = hashlib.sha256(result).hexdigest()
    await voice.insist(JobDone(run, len(pieces), len(result), digest))


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # A thread of the author's that never ends must not outlive being told to stop.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    try:
        code = asyncio.run(run(read_launch(os.environ)))
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        code = refusal.code
    return code


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _now_us() -> int:
    return time.perf_counter_ns() // 1_000


def _chance() -> float:
    return int.from_bytes(os.urandom(4), "big") / 2**32


if __name__ == "__main__":
    sys.exit(main())
