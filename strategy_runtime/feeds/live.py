"""The feed of a live container: candles and commands over Redis, decisions back.

A connection may end at any moment and the server may come back empty. Everything that must survive
this is in the pilot and the outbox; a session only moves bytes. It subscribes first, says hello,
and reads history once it is welcome, so that no candle falls between the two.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.feeds.outbox import Outbox
from strategy_runtime.feeds.pace import Pace
from strategy_runtime.feeds.pilot import Build, Pilot
from strategy_runtime.feeds.resp import Address, BusLost, Connection, connected
from strategy_runtime.feeds.timing import Machine, Timing, backoff
from strategy_runtime.feeds.vitals import cpu_seconds, rss_bytes
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import (
    Ack,
    BadFrame,
    Boot,
    Bye,
    Candle,
    Control,
    Heartbeat,
    Hello,
    LogLine,
    Tick,
    Welcome,
    decode_candle,
    decode_down,
    decode_tick,
)

Say = Callable[..., None]

PAGE = 500
MAX_INBOX = 500


class Live:
    """One process of a generation, from its first hello to its bye."""

    def __init__(
        self,
        boot: Boot,
        address: Address,
        build: Build,
        *,
        run: str,
        timing: Timing,
        machine: Machine,
        say: Say,
    ) -> None:
        self._boot = boot
        self._address = address
        self._run = run
        self._timing = timing
        self._machine = machine
        self._say = say
        self._started_ms = machine.now_ms()
        self._outbox = Outbox(run, timing, machine.chance)
        self._pilot = Pilot(run, boot.resolution, build, self._outbox, machine)
        self._pace = Pace()
        self._down = names.down(boot.deployment, boot.generation).encode()
        self._up = names.up(boot.deployment, boot.generation)
        self._candles: deque[Candle] = deque(maxlen=MAX_INBOX)
        self._welcome: Welcome | None = None
        self._tick: Tick | None = None
        self._is_welcome = False
        self._sending = False
        self._reconnects = 0
        self._heard_something = asyncio.Event()
        self._has_something_to_say = asyncio.Event()
        self._moved = asyncio.Event()
        self._ending = asyncio.Event()
        self._reason = ""
        self._at_once = False
        self._failure: str | None = None

    async def run(self) -> str | None:
        """Until it is asked to end; what the strategy failed to start with, if it did."""
        async with asyncio.TaskGroup() as group:
            link = group.create_task(self._stay_connected(), name="link")
            await self._ending.wait()
            await self._finish()
            link.cancel()
        return self._failure

    def end(self, reason: str, *, at_once: bool = False) -> None:
        """Decide nothing more, hand over what was decided, and go."""
        self._pilot.drain()
        self._reason = self._reason or reason
        self._at_once = self._at_once or at_once
        self._ending.set()
        self._moved.set()
        self._outbox.send_all_again()
        self._outbox.say(self._heartbeat(0.0))
        self._has_something_to_say.set()

    # ---- connections ---------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        first, most = self._timing.reconnect_first, self._timing.reconnect_most
        why = ""
        while True:
            try:
                async with AsyncExitStack() as stack:
                    commands, links = await self._connect(stack)
                    self._say("bus_connected")
                    why = ""
                    await self._session(commands, links)
            except* BusLost as lost:
                before, why = why, str(lost.exceptions[0])
                if why != before:
                    self._say("bus_lost", why=why)

            seconds = backoff(first, most, self._reconnects, self._machine.chance())
            self._reconnects += 1
            await self._machine.sleep(seconds)

    async def _connect(self, stack: AsyncExitStack) -> tuple[Connection, list[Connection]]:
        """Ticks come on a connection of their own: a flood of them must not cut off a candle."""
        boot = self._boot
        commands = await stack.enter_async_context(connected(self._address))
        news = await stack.enter_async_context(connected(self._address, self._heard))
        await news.subscribe(self._down.decode(), names.candles(boot.instrument, boot.resolution))
        links = [commands, news]
        if boot.ticks:
            ticks = await stack.enter_async_context(connected(self._address, self._ticked))
            await ticks.subscribe(names.ticks(boot.instrument))
            links.append(ticks)
        return commands, links

    async def _session(self, commands: Connection, links: list[Connection]) -> None:
        self._is_welcome = False
        self._welcome = None
        self._sending = False
        self._candles.clear()
        self._outbox.open = False
        self._outbox.send_all_again()
        async with asyncio.TaskGroup() as group:
            for link in links:
                group.create_task(link.watch())
                group.create_task(self._keep_alive(link))
            group.create_task(self._greet(), name="greet")
            group.create_task(self._beat(), name="beat")
            group.create_task(self._send(commands), name="send")
            group.create_task(self._decide(commands), name="decide")

    async def _keep_alive(self, link: Connection) -> None:
        """A half-open connection delivers nothing and says nothing: ask it now and then."""
        while True:
            await self._machine.sleep(2 * self._timing.heartbeat)
            await link.call("PING")

    # ---- hearing -------------------------------------------------------------------------------

    def _heard(self, channel: bytes, payload: bytes) -> None:
        try:
            if channel == self._down:
                self._obey(decode_down(payload))
            else:
                self._candles.append(decode_candle(payload))
        except BadFrame as error:
            self._say("bad_frame", channel=channel.decode(), why=str(error))
        self._heard_something.set()

    def _ticked(self, channel: bytes, payload: bytes) -> None:
        """Only the latest counts: a strategy that is slower than the market skips some."""
        try:
            self._tick = decode_tick(payload)
        except BadFrame as error:
            self._say("bad_frame", channel=channel.decode(), why=str(error))
        self._heard_something.set()

    def _obey(self, message: Ack | Control | Welcome) -> None:
        match message:
            case Ack() if message.run == self._run:
                self._outbox.acknowledge(message.n)
                self._moved.set()
            case Control():
                self._pilot.control(message)
                if message.do in {"drain", "stop"}:
                    self.end(f"told to {message.do}", at_once=message.do == "stop")
            case Welcome() if message.run == self._run:
                self._welcome = message
            case _:
                pass  # meant for another process of this generation

    # ---- deciding ------------------------------------------------------------------------------

    async def _decide(self, commands: Connection) -> None:
        while True:
            await self._heard_something.wait()
            self._heard_something.clear()
            while self._welcome is not None or self._candles:
                if self._welcome is not None:
                    await self._enter(commands)
                else:
                    await self._next(self._candles.popleft(), commands)

            tick, self._tick = self._tick, None
            if tick is not None and self._is_welcome:
                self._pilot.take_tick(tick)
                self._has_something_to_say.set()

    async def _enter(self, commands: Connection) -> None:
        welcome, self._welcome = self._welcome, None
        assert welcome is not None
        try:
            anew = self._pilot.welcome(welcome)
        except StrategyFailed as error:
            self._failure = str(error)
            self.end(f"the strategy does not start: {error}")
            return

        self._is_welcome = True
        self._reconnects = 0
        self._outbox.open = True
        self._say("welcome", phase=self._pilot.phase, active_from=welcome.active_from)
        if anew or self._pilot.active:
            await self._catch_up(commands)
        self._has_something_to_say.set()

    async def _next(self, candle: Candle, commands: Connection) -> None:
        course = self._pilot.course
        if course is None or not self._is_welcome or not self._pilot.follows_market:
            return  # history will have it

        first, most = self._timing.gap_first, 8 * self._timing.gap_first
        for attempt in range(self._timing.gap_tries):
            if course.is_repeat(candle) or (course.seen and course.follows(candle)):
                break
            if attempt:
                await self._machine.sleep(backoff(first, most, attempt, 1.0))
            await self._catch_up(commands)
        else:
            self._say("gap_remains", before=candle.open_ms, after=course.seen_ms)
        await self._take(candle)

    async def _catch_up(self, commands: Connection) -> None:
        """Whatever history has after the last candle that was seen, in order."""
        assert self._pilot.course is not None
        async for candle in self._history(commands, self._pilot.course.seen_ms):
            await self._take(candle)
            # Heartbeats and acknowledgements go on while a long history is worked through.
            await self._machine.sleep(0)

    async def _history(self, commands: Connection, after_ms: int) -> AsyncIterator[Candle]:
        stream = names.history(self._boot.instrument, self._boot.resolution)
        start = f"({after_ms}" if after_ms >= 0 else "-"
        while entries := await commands.call("XRANGE", stream, start, "+", "COUNT", PAGE):
            for _, fields in entries:
                yield _candle_of(fields)
            start = f"({entries[-1][0].decode()}"

    async def _take(self, candle: Candle) -> None:
        course = self._pilot.course
        assert course is not None
        while not course.is_repeat(candle) and course.decides(candle):
            if self._pilot.phase == "draining":
                return
            if self._pilot.has_room():
                break
            self._moved.clear()
            await self._moved.wait()

        self._pilot.take(candle)
        self._has_something_to_say.set()

    # ---- saying --------------------------------------------------------------------------------

    async def _greet(self) -> None:
        """Until trading answers; and again now and then while we wait for our turn."""
        hello = Hello(self._run, self._started_ms, self._boot.code_sha256)
        attempt = 0
        while True:
            seconds = self._timing.hello_most
            if not self._is_welcome or not self._pilot.active:
                self._outbox.say(hello)
                self._has_something_to_say.set()
            if not self._is_welcome:
                first = self._timing.hello_first
                seconds = backoff(first, seconds, attempt, self._machine.chance())
                attempt += 1
            await self._machine.sleep(seconds)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        late = 0.0
        while True:
            self._outbox.say(self._heartbeat(late))
            self._has_something_to_say.set()
            due = loop.time() + self._timing.heartbeat
            await self._machine.sleep(self._timing.heartbeat)
            late = loop.time() - due

    def _heartbeat(self, late: float) -> Heartbeat:
        pilot = self._pilot
        longest_us, pilot.longest_us = pilot.longest_us, 0
        return Heartbeat(
            run=self._run,
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

    async def _send(self, commands: Connection) -> None:
        loop = asyncio.get_running_loop()
        while True:
            frame = self._outbox.take(loop.time())
            if frame is None:
                await self._until_due()
                continue

            self._sending = True
            await self._machine.sleep(self._pace.wait(loop.time(), len(frame)))
            self._pace.take(loop.time(), len(frame))
            await commands.call("PUBLISH", self._up, frame)
            self._sending = False
            self._moved.set()

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        due = self._outbox.next_due(loop.time())
        self._has_something_to_say.clear()
        await _within(None if due is None else due - loop.time(), self._has_something_to_say.wait())

    # ---- ending --------------------------------------------------------------------------------

    async def _finish(self) -> None:
        outbox, timing = self._outbox, self._timing
        if not self._at_once:
            await self._until(lambda: outbox.waiting == 0, timing.drain)

        now_ms = self._machine.now_ms()
        outbox.note([LogLine(now_ms, level, text) for level, text in self._pilot.stop()])
        self._has_something_to_say.set()
        await self._until(lambda: not outbox.has_notes, timing.bye)
        outbox.say(Bye(self._run, self._reason, outbox.waiting))
        self._has_something_to_say.set()
        await self._until(lambda: not outbox.has_urgent and not self._sending, timing.bye)
        self._say("bye", reason=self._reason, waiting=outbox.waiting)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        async def watch() -> None:
            while not holds():
                self._moved.clear()
                await self._moved.wait()

        await _within(seconds, watch())


async def _within(seconds: float | None, wait: Any) -> None:
    """Wait, but no longer than this."""
    try:
        async with asyncio.timeout(seconds):
            await wait
    except TimeoutError:
        pass


def _candle_of(fields: list[bytes]) -> Candle:
    return decode_candle(fields[fields.index(b"c") + 1])
