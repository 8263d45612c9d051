"""What a process says, and when: hello until it is welcome, heartbeats, decisions, bye."""

import asyncio
from collections.abc import Awaitable, Callable

from strategy_runtime.feeds.outbox import Outbox
from strategy_runtime.feeds.pace import Pace
from strategy_runtime.feeds.pilot import Pilot
from strategy_runtime.feeds.resp import Connection
from strategy_runtime.feeds.timing import Machine, Timing, backoff
from strategy_runtime.feeds.vitals import cpu_seconds, rss_bytes
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Boot, Bye, Heartbeat, Hello


class Voice:
    def __init__(
        self, boot: Boot, pilot: Pilot, outbox: Outbox, *, timing: Timing, machine: Machine
    ) -> None:
        self._pilot = pilot
        self._outbox = outbox
        self._timing = timing
        self._machine = machine
        self._hello = Hello(pilot.run, machine.now_ms(), boot.code_sha256)
        self._channel = names.up(boot.deployment, boot.generation)
        self._pace = Pace()
        self._sending = False
        self._speak = asyncio.Event()
        self._moved = asyncio.Event()

    def speak(self) -> None:
        """There is something in the outbox."""
        self._speak.set()

    def move(self) -> None:
        """Something was sent, acknowledged, or ends: whoever holds on looks again."""
        self._moved.set()

    async def moved(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    async def greet(self) -> None:
        """Until trading answers; and again now and then while we wait for our turn."""
        attempt = 0
        while True:
            first, seconds = self._timing.hello_first, self._timing.hello_most
            if not self._outbox.open or not self._pilot.active:
                self._outbox.say(self._hello)
                self.speak()
            if not self._outbox.open:
                seconds = backoff(first, seconds, attempt, self._machine.chance())
                attempt += 1
            await self._machine.sleep(seconds)

    async def beat(self) -> None:
        loop = asyncio.get_running_loop()
        late = 0.0
        while True:
            self.beat_once(late)
            due = loop.time() + self._timing.heartbeat
            await self._machine.sleep(self._timing.heartbeat)
            late = loop.time() - due

    def beat_once(self, late: float = 0.0) -> None:
        pilot = self._pilot
        longest_us, pilot.longest_us = pilot.longest_us, 0
        heartbeat = Heartbeat(
            run=pilot.run,
            at_ms=self._machine.now_ms(),
            phase=pilot.phase,
            last_trigger=pilot.last_trigger,
            lag_ms=pilot.lag_ms,
            loop_lag_ms=max(round(late * 1000), longest_us // 1000),
            rss_bytes=rss_bytes(),
            cpu_seconds=cpu_seconds(),
            waiting=self._outbox.waiting,
            dropped=self._outbox.dropped,
        )
        self._outbox.say(heartbeat)
        self.speak()

    async def send(self, commands: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._sending = False
        while True:
            due = self._outbox.next_due(loop.time())
            if due is None or due > loop.time():
                await self._until(due)
                continue

            # What matters most is chosen once there is leave to speak, not before.
            await self._leave(0)
            frame = self._outbox.take(loop.time())
            if frame is None:
                continue

            self._sending = True
            await self._leave(len(frame))
            self._pace.take(loop.time(), len(frame))
            await commands.call("PUBLISH", self._channel, frame)
            self._sending = False
            self.move()

    async def finish(self, reason: str, *, at_once: bool, last_words: Callable[[], None]) -> None:
        """Hand over what was decided, then the last notes, then bye. Each has its deadline."""
        outbox, timing = self._outbox, self._timing
        self.speak()
        if not at_once:
            await self._hold_on(lambda: outbox.waiting == 0, timing.drain)
        last_words()
        self.speak()
        await self._hold_on(lambda: not outbox.has_notes, timing.bye)
        outbox.say(Bye(self._pilot.run, reason, outbox.waiting))
        self.speak()
        await self._hold_on(lambda: not outbox.has_urgent and not self._sending, timing.bye)

    async def _hold_on(self, holds: Callable[[], bool], seconds: float) -> None:
        async def watch() -> None:
            while not holds():
                await self.moved()

        await _within(seconds, watch())

    async def _leave(self, size: int) -> None:
        seconds = self._pace.wait(asyncio.get_running_loop().time(), size)
        if seconds > 0:
            await self._machine.sleep(seconds)

    async def _until(self, due: float | None) -> None:
        self._speak.clear()
        seconds = None if due is None else due - asyncio.get_running_loop().time()
        await _within(seconds, self._speak.wait())


async def _within(seconds: float | None, wait: Awaitable[object]) -> None:
    """Wait, but no longer than this."""
    try:
        async with asyncio.timeout(seconds):
            await wait
    except TimeoutError:
        pass
