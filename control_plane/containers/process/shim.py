"""Stands between the control plane and one strategy's process, and outlives the former.

It is run as a script by the interpreter in isolated mode, with a folder and limits as arguments,
and imports nothing but the standard library. It starts the strategy's interpreter with its limits
set, keeps the end of its output in files of bounded size, and writes down how it ended: after a
restart of the control plane nobody else could know.
"""

import fcntl
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOG_BYTES = 256 * 1024
PR_SET_PDEATHSIG = 1


def main(folder: Path, memory_mb: int, command: list[str]) -> None:
    if os.fork():  # the control plane waits for this one only: no zombie, no ties
        os._exit(0)
    os.setsid()
    lock = (folder / "lock").open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)  # held while it lives; a look holds it for a moment

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _become(command, memory_mb, writing)
    os.close(writing)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _frame: _forward(child, caught))
    write_whole(folder / "process.json", {"pid": os.getpid(), "child": child})

    with os.fdopen(reading, "rb", buffering=0) as output:
        _keep_end(output, folder / "log")
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    ended = {"exit_code": code if code >= 0 else 128 - code, "peak_bytes": usage.ru_maxrss * 1024}
    write_whole(folder / "exit.json", ended)


def write_whole(path: Path, value: object) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value))
    part.replace(path)


def _become(command: list[str], memory_mb: int, output: int) -> None:
    try:
        os.setsid()
        _die_with_parent()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        # Addresses, not memory: interpreters and libraries reserve more than they ever touch.
        addresses = (memory_mb + 512) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 1024)
        os.execv(command[0], command)  # noqa: S606 # the same interpreter, our own module
    finally:
        os._exit(127)


def _die_with_parent() -> None:
    """Where the system can: a shim that was killed leaves no strategy behind."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _forward(child: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _keep_end(output: BinaryIO, log: Path) -> None:
    """Two files in turn, so that the last 256 KB or more are there and never more than twice."""
    file, written = log.open("wb", buffering=0), 0
    while chunk := output.read(65536):
        if written + len(chunk) > LOG_BYTES:
            file.close()
            log.replace(log.with_suffix(".old"))
            file, written = log.open("wb", buffering=0), 0
        file.write(chunk)
        written += len(chunk)
    file.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
