"""How a job speaks: what must arrive is said again until it is acknowledged, the rest once.

Frames leave one after the other, slower than what would count as a flood.
"""

import asyncio
from contextlib import suppress

import msgspec

from strategy_runtime.feeds.resp import Address, BusLost, Connection, connected
from strategy_runtime.feeds.timing import Machine, Timing, backoff
from strategy_runtime.wire import names
from strategy_runtime.wire.jobs import (
    JobAck,
    JobChunk,
    JobDone,
    JobFailed,
    JobHello,
    JobProgress,
    JobUp,
    JobWelcome,
    decode_down,
    encode,
)
from strategy_runtime.wire.messages import BadFrame

GAP_SECONDS = 0.1  # between frames that may be large: 440 KB a second at most
MOST_SECONDS = 5.0


class Voice:
    def __init__(
        self, job: str, run: str, address: Address, timing: Timing, machine: Machine
    ) -> None:
        self._job = job
        self._run = run
        self._address = address
        self._timing = timing
        self._machine = machine
        self._mouth: Connection | None = None
        self._connected = asyncio.Event()
        self._answered: dict[int | None, asyncio.Event] = {}

    async def keep(self) -> None:
        """Stay connected until cancelled."""
        attempt = 0
        while True:
            with suppress(BusLost):
                async with (
                    connected(self._address, self._heard) as ear,
                    connected(self._address) as mouth,
                ):
                    await ear.subscribe(names.job_down(self._job))
                    self._mouth, attempt = mouth, 0
                    self._connected.set()
                    await ear.watch()
            self._connected.clear()
            self._mouth = None
            times = self._timing
            first, most = times.reconnect_first, times.reconnect_most
            await self._machine.sleep(backoff(first, most, attempt, self._machine.chance()))
            attempt += 1

    async def say(self, message: JobProgress) -> None:
        """Lost if nobody listens."""
        if self._mouth is not None:
            with suppress(BusLost):
                await self._publish(self._mouth, message)

    async def insist(self, message: JobHello | JobChunk | JobDone | JobFailed) -> None:
        """Again and again until its answer came."""
        number = None if isinstance(message, JobHello) else message.n
        answered = self._answered.setdefault(number, asyncio.Event())
        attempt = 0
        while not answered.is_set():
            await self._connected.wait()
            if self._mouth is not None:
                with suppress(BusLost):
                    await self._publish(self._mouth, message)
            times = self._timing
            most = min(MOST_SECONDS, times.resend_most)
            pause = backoff(times.resend_first, most, attempt, self._machine.chance())
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await answered.wait()
            attempt += 1
        await self._machine.sleep(GAP_SECONDS)

    async def _publish(self, mouth: Connection, message: JobUp) -> None:
        await mouth.call("PUBLISH", names.job_up(self._job), encode(message))

    def _heard(self, channel: bytes, frame: bytes) -> None:
        try:
            message = decode_down(frame)
        except (BadFrame, msgspec.DecodeError):
            return
        if message.run != self._run:
            return
        match message:
            case JobWelcome():
                self._answered.setdefault(None, asyncio.Event()).set()
            case JobAck(n=number):
                self._answered.setdefault(number, asyncio.Event()).set()
