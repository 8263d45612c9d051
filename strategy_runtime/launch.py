"""How a process of ours begins and how it gives up: a strategy's and a job's alike.

The launcher says little in the environment, the rest is a payload on the bus whose sha256 it said.
What cannot be run is refused with one sentence and an exit code that names the kind.
"""

import asyncio
import hashlib
import os
import sys
import time
from base64 import b32encode
from collections.abc import Awaitable, Callable, MutableMapping

from strategy_runtime import wire
from strategy_runtime.feeds.resp import Address, BusLost, connected, parse_address
from strategy_runtime.feeds.timing import Machine, Timing, backoff


class Refused(Exception):
    """This process cannot do what it was launched for."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Said:
    """The environment. What is read is taken out: the author's code need not find a password."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        value = self._environment.pop(name, "")
        if not value:
            raise Refused(wire.EXIT_ENVIRONMENT, f"{name} is missing from the environment")
        return value

    def perhaps(self, name: str) -> str:
        return self._environment.pop(name, "")

    def number(self, name: str) -> float:
        text = self.text(name)
        try:
            value = float(text)
        except ValueError as error:
            raise Refused(wire.EXIT_ENVIRONMENT, f"{name} is {text!r}, no number") from error
        if not 0 < value < float("inf"):
            raise Refused(wire.EXIT_ENVIRONMENT, f"{name} is {text!r}; it must be above zero")
        return value

    def time_scale(self) -> float:
        return self.number(wire.ENV_TIME_SCALE) if wire.ENV_TIME_SCALE in self._environment else 1.0

    def address(self) -> Address:
        url = self.text(wire.ENV_BUS_URL)
        try:
            return parse_address(url, self.perhaps(wire.ENV_BUS_CA))
        except ValueError as error:
            raise Refused(wire.EXIT_ENVIRONMENT, f"{wire.ENV_BUS_URL}: {error}") from error


async def read_payload(
    address: Address, key: str, what: str, times: Timing, machine: Machine
) -> bytes:
    """What is under the boot key, once the bus has it."""
    why = "it is not there"
    try:
        async with asyncio.timeout(times.boot):
            for attempt in range(1_000_000):
                try:
                    async with connected(address) as bus:
                        payload: bytes | None = await bus.call("GET", key)
                    if payload is not None:
                        return payload
                except BusLost as error:
                    why = str(error)
                first, most = times.reconnect_first, times.reconnect_most
                await machine.sleep(backoff(first, most, attempt, machine.chance()))
    except TimeoutError:
        pass
    raise Refused(wire.EXIT_BOOT, f"{what} {key} cannot be read: {why}")


def check_payload(payload: bytes, sha256: str, what: str) -> None:
    found = hashlib.sha256(payload).hexdigest()
    if found != sha256:
        raise Refused(wire.EXIT_BOOT, f"{what} has the sha256 {found}, not {sha256}: not run")


def check_code(code: str, sha256: str) -> None:
    if hashlib.sha256(code.encode()).hexdigest() != sha256:
        raise Refused(wire.EXIT_BOOT, "the code is not the one that its sha256 names: not run")


def of_this_machine() -> Machine:
    return Machine(_now_ms, _now_us, _chance, asyncio.sleep)


def new_run() -> str:
    """128 random bits, by which one process of a launch is known."""
    return b32encode(os.urandom(16)).decode().lower().rstrip("=")


def begin(run: Callable[[MutableMapping[str, str]], Awaitable[int]]) -> int:
    """The exit code of `run`, which is given the environment."""
    # A container's log is a pipe: without this an author's print is seen a page later.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]

    async def running() -> int:
        return await run(os.environ)

    try:
        return asyncio.run(running())
    except Refused as refusal:
        # People are shown the last line: the sentence, below the author's own lines.
        sentence, *lines = str(refusal).splitlines()
        sys.stderr.write("\n".join((*lines, sentence)) + "\n")
        return refusal.code


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _now_us() -> int:
    return time.perf_counter_ns() // 1_000


def _chance() -> float:
    return int.from_bytes(os.urandom(4), "big") / 2**32
