"""Strategies as plain processes of this machine, where no engine is at hand.

This is no sandbox: limits on memory and open files, nothing else. So it runs the operator's own
code and shipped templates only. What runs is known from a folder per launch, which outlives us: its
labels are written before the process starts, and a lock is held on it while the process lives.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from control_plane.containers.environment import BusAddress, environment
from control_plane.containers.errors import LaunchFailed, LaunchRefused
from control_plane.containers.labels import job_from_labels, labels, running_from_labels
from control_plane.containers.models import (
    Facts,
    Handle,
    Node,
    Printed,
    Running,
    RunningJob,
    Spec,
    State,
)
from control_plane.containers.output import (
    LOG_TAIL_LINES,
    OUTPUT_LINES,
    printable,
    printable_line,
)
from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId
from control_plane.infra.failpoints import Failpoints

SHIM = Path(__file__).with_name("shim.py")
LOOK_SECONDS = 0.25
START_SECONDS = 5.0
KILL_SECONDS = 5.0

Place = tuple[int, int]  # a file and an offset in it


@dataclass(frozen=True)
class ProcessLauncher:
    installation: str
    folder: Path  # in the data folder
    bus: BusAddress
    clock: Clock
    failpoints: Failpoints
    python: tuple[str, ...] = (sys.executable, "-I", "-m")
    _seen: dict[Handle, Place] = field(default_factory=dict)  # of its log

    @property
    def name(self) -> str:
        return "process"

    @property
    def shows_files(self) -> bool:
        return True

    async def available(self) -> str | None:
        if os.name != "posix":
            return "Strategies run as plain processes on POSIX systems only."
        return None

    async def launch(self, spec: Spec) -> Handle:
        if not spec.trusted:
            raise LaunchRefused(
                "Without a Docker engine only the operator's own strategies and the shipped"
                " templates run: a plain process is no sandbox.",
                remedy="Start Docker, then start Slipway again.",
            )
        home = self.folder / spec.name
        await asyncio.to_thread(_prepare, home, labels(spec))
        await self.failpoints.hit(spec.after_create)
        await asyncio.to_thread(self._spawn, home, spec)

        deadline = self.clock.monotonic() + START_SECONDS
        while not (home / "process.json").exists():
            if self.clock.monotonic() > deadline:
                raise LaunchFailed(f"No process came of {spec.name} within {START_SECONDS:g} s.")
            await self.clock.sleep(0.01)
        return Handle(spec.name)

    async def list_ours(self) -> list[Running]:
        return await asyncio.to_thread(self._list)

    async def list_jobs(self) -> list[RunningJob]:
        return await asyncio.to_thread(self._list_jobs)

    async def nodes(self) -> list[Node]:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        memory_mb = pages * size // (1024 * 1024)
        return [Node(os.uname().nodename, "ready", float(os.cpu_count() or 1), memory_mb)]

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        process = await asyncio.to_thread(_process, self.folder / handle)
        if process is None:
            return
        _signal(process["pid"], signal.SIGTERM)
        if not await self._ends(handle, grace_seconds):
            _signal_group(process["child"], signal.SIGKILL)
            if not await self._ends(handle, KILL_SECONDS):
                raise LaunchFailed(f"The process of {handle} cannot be killed.")

    async def remove(self, handle: Handle) -> None:
        await self.stop(handle, 0)
        await asyncio.to_thread(shutil.rmtree, self.folder / handle, ignore_errors=True)
        self._seen.pop(handle, None)

    async def logs(self, handle: Handle) -> str:
        return await asyncio.to_thread(_tail, self.folder / handle)

    async def output(self, handle: Handle, after_ns: int) -> list[Printed]:
        """Files keep no moments: a line is of the moment at which it was found."""
        seen = self._seen.get(handle)
        if seen is None and after_ns:  # of a life before ours, which read it already
            seen = await asyncio.to_thread(_end, self.folder / handle)
        text, self._seen[handle] = await asyncio.to_thread(_since, self.folder / handle, seen)
        now_ns = int(self.clock.now().timestamp() * 1e6) * 1_000
        lines = text.splitlines()[-OUTPUT_LINES:]
        return [Printed(now_ns + n, printable_line(line)) for n, line in enumerate(lines)]

    async def facts(self, handle: Handle) -> Facts | None:
        return await asyncio.to_thread(_facts, self.folder / handle)

    async def events(self) -> AsyncGenerator[DeploymentId, None]:
        """Nobody tells us: look often, which costs a lock attempt each."""
        before = {r.handle: r for r in await self.list_ours()}
        while True:
            await self.clock.sleep(LOOK_SECONDS)
            now = {r.handle: r for r in await self.list_ours()}
            for handle in before.keys() | now.keys():
                if before.get(handle) != now.get(handle):
                    yield (now.get(handle) or before[handle]).deployment
            before = now

    async def close(self) -> None:
        return

    def _list(self) -> list[Running]:
        found = []
        for home in sorted(self.folder.glob("slipway-*")):
            ours = running_from_labels(home.name, _state(home), _read(home / "labels.json"))
            if ours is not None and ours.installation == self.installation:
                found.append(ours)
        return found

    def _list_jobs(self) -> list[RunningJob]:
        found = []
        for home in sorted(self.folder.glob("slipway-*")):
            ours = job_from_labels(home.name, _state(home), _read(home / "labels.json"))
            if ours is not None and ours.installation == self.installation:
                found.append(ours)
        return found

    def _spawn(self, home: Path, spec: Spec) -> None:
        command = [*self.python, spec.program]
        candles = None if spec.candles is None else str(spec.candles)
        ran = subprocess.run(  # noqa: S603 # our own interpreter and shim
            [sys.executable, "-I", str(SHIM), str(home), str(spec.limits.memory_mb), *command],
            env=environment(spec, self.bus.url(spec), candles),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
            timeout=START_SECONDS,
            check=False,
        )
        if ran.returncode != 0:
            raise LaunchFailed(f"No process came of {spec.name}: exit {ran.returncode}.")

    async def _ends(self, handle: Handle, within_seconds: float) -> bool:
        deadline = self.clock.monotonic() + within_seconds
        while _is_alive(self.folder / handle):
            if self.clock.monotonic() >= deadline:
                return False
            await self.clock.sleep(0.02)
        return True


def _prepare(home: Path, its_labels: dict[str, str]) -> None:
    try:
        home.mkdir(mode=0o700, parents=True)
        (home / "lock").touch(0o600)
        (home / "labels.json").write_bytes(msgspec.json.encode(its_labels))
    except FileExistsError as error:
        raise LaunchFailed(f"There is a process folder {home.name} already.") from error
    except OSError as error:
        raise LaunchFailed(f"No folder for the process can be made: {error}.") from error


def _state(home: Path) -> State:
    if _is_alive(home):
        return "running"
    return "exited" if (home / "process.json").exists() else "created"


def _is_alive(home: Path) -> bool:
    """Its lock is held. Unlike a pid, a lock never passes to a stranger."""
    try:
        with (home / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _process(home: Path) -> dict[str, int] | None:
    """The pids of the shim and its child while they live."""
    return dict(_read(home / "process.json")) or None if _is_alive(home) else None


def _facts(home: Path) -> Facts | None:
    if not home.is_dir():
        return None
    state = _state(home)
    if state != "exited":
        return Facts(state)
    ended = _read(home / "exit.json")
    # Without a record the shim itself was killed, and took the strategy with it.
    return Facts(state, int(ended.get("exit_code", 137)), False, ended.get("peak_bytes"))


def _end(home: Path) -> Place:
    with suppress(OSError):
        found = (home / "log").stat()
        return found.st_ino, found.st_size
    return 0, 0


def _since(home: Path, seen: Place | None) -> tuple[str, Place]:
    """Whole lines after that place, and the place after them."""
    try:
        with (home / "log").open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            start = seen[1] if seen is not None and seen[0] == inode else 0
            file.seek(start)
            whole = file.read().rpartition(b"\n")[0]
    except OSError:
        return "", seen or (0, 0)
    end = start + len(whole) + 1 if whole else start
    return whole.decode("utf-8", "replace"), (inode, end)


def _tail(home: Path) -> str:
    text = b""
    for name in ("log.old", "log"):
        with suppress(OSError):
            text += (home / name).read_bytes()[-64_000:]
    lines = text.decode("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:]
    return printable("\n".join(lines))


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, msgspec.DecodeError):
        found = msgspec.json.decode(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
