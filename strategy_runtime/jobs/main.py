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
import zlib
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from strategy_runtime import wire
from strategy_runtime.feeds.resp import Address
from strategy_runtime.feeds.timing import Machine, timing
from strategy_runtime.jobs.candles import fetch, opened
from strategy_runtime.jobs.crew import crew_of
from strategy_runtime.jobs.searching import Crew
from strategy_runtime.jobs.voice import Voice
from strategy_runtime.jobs.work import Undoable, done
from strategy_runtime.launch import (
    Refused,
    Said,
    begin,
    check_code,
    check_payload,
    new_run,
    of_this_machine,
    read_payload,
)
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
BEHIND = 10  # whoever trades or answers on this machine goes first


class Launch(Struct, frozen=True):
    """What the launcher said in the environment."""

    address: Address
    job: str
    boot_sha256: str
    candles: Path  # where it is, or where it is put once it came over the bus
    time_scale: float


def read_launch(environment: MutableMapping[str, str]) -> Launch:
    said = Said(environment)
    return Launch(
        address=said.address(),
        job=said.text(wire.ENV_JOB),
        boot_sha256=said.text(wire.ENV_BOOT_SHA256).lower(),
        candles=Path(said.text(wire.ENV_CANDLES)),
        time_scale=said.time_scale(),
    )


def check_task(payload: bytes, launch: Launch) -> Task:
    check_payload(payload, launch.boot_sha256, "the task")
    try:
        task = decode_task(payload)
    except BadFrame as error:
        raise Refused(wire.EXIT_BOOT, f"the task cannot be understood: {error}") from error
    if task.job != launch.job or task.v != wire.VERSION:
        raise Refused(wire.EXIT_BOOT, f"the task is for {task.job}, version {task.v}: not run")
    check_code(task.code, task.code_sha256)
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


async def run(environment: MutableMapping[str, str]) -> int:
    with suppress(OSError):  # where a sandbox forbids it, the container's share does it
        os.nice(BEHIND)
    # A thread of the author's that never ends must not outlive being told to stop.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    launch = read_launch(environment)
    machine, times, name = of_this_machine(), timing(launch.time_scale), new_run()
    key = names.job_boot(launch.job)
    payload = await read_payload(launch.address, key, "the task", times, machine)
    task = check_task(payload, launch)
    try:
        if not launch.candles.exists():
            await fetch(
                launch.address, names.job_candles(launch.job), launch.candles, times, machine
            )
        bars = await asyncio.to_thread(opened, launch.candles, task.candles_sha256)
    except BadCandles as error:
        raise Refused(wire.EXIT_BOOT, f"{error}: not run") from error
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


if __name__ == "__main__":
    sys.exit(begin(run))
