"""The feed of a live container: candles and commands over Redis, decisions back.

A connection may end at any moment and the server may come back empty. Everything that must survive
this is in the pilot and the outbox; a session only moves bytes. It subscribes first, says hello,
and reads history once it is welcome, so that no candle falls between the two.
"""

import asyncio
from contextlib import AsyncExitStack

from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.feeds.further import Say
from strategy_runtime.feeds.helm import Helm, further_of
from strategy_runtime.feeds.outbox import Outbox
from strategy_runtime.feeds.pilot import Build, Pilot
from strategy_runtime.feeds.resp import Address, BusLost, Connection, connected
from strategy_runtime.feeds.timing import Machine, Timing, backoff
from strategy_runtime.feeds.voice import Voice
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import (
    Ack,
    BadFrame,
    Boot,
    Control,
    LogLine,
    Welcome,
    decode_candle,
    decode_down,
    decode_tick,
)


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
        self._timing = timing
        self._machine = machine
        self._say = say
        self._down = names.down(boot.deployment, boot.generation)
        self._base = names.candles(boot.instrument, boot.resolution).encode()
        self._longer = {
            names.candles(boot.instrument, name).encode(): name for name in further_of(boot)
        }
        self._outbox = Outbox(run, timing, machine.chance)
        self._pilot = Pilot(run, boot.resolution, build, self._outbox, machine)
        self._voice = Voice(boot, self._pilot, self._outbox, timing=timing, machine=machine)
        self._helm = Helm(
            boot,
            self._pilot,
            self._outbox,
            self._voice,
            timing=timing,
            machine=machine,
            say=say,
        )
        self._ending = asyncio.Event()
        self._reason = ""
        self._at_once = False
        self._failure: str | None = None
        self._why = ""  # the bus was lost, last time

    async def run(self) -> str | None:
        """Until it is asked to end; what the strategy failed to start with, if it did."""
        async with asyncio.TaskGroup() as group:
            link = group.create_task(self._stay_connected(), name="link")
            await self._ending.wait()
            await self._voice.finish(
                self._reason, at_once=self._at_once, last_words=self._last_words
            )
            self._say("bye", reason=self._reason, waiting=self._outbox.waiting)
            link.cancel()
        return self._failure

    def end(self, reason: str, *, at_once: bool = False) -> None:
        """Decide nothing more, hand over what was decided, and go."""
        self._pilot.drain()
        self._reason = self._reason or reason
        self._at_once = self._at_once or at_once
        self._outbox.send_all_again()
        self._voice.beat_once()
        self._voice.move()
        self._ending.set()

    def _last_words(self) -> None:
        now_ms = self._machine.now_ms()
        self._outbox.note([LogLine(now_ms, level, text) for level, text in self._pilot.stop()])

    # ---- connections ---------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        first, most = self._timing.reconnect_first, self._timing.reconnect_most
        attempt = 0
        while True:
            try:
                # In a task of its own: under Python 3.11.2 a group that failed leaves the task
                # around it half cancelled, and the next timeout there would end it for good.
                await asyncio.create_task(self._stay_once())  # noqa: TID251 # awaited right here
            except* BusLost as lost:
                before, self._why = self._why, str(lost.exceptions[0])
                if self._why != before:
                    self._say("bus_lost", why=self._why)

            attempt = 0 if self._outbox.open else attempt + 1
            self._outbox.open = False
            await self._machine.sleep(backoff(first, most, attempt, self._machine.chance()))

    async def _stay_once(self) -> None:
        async with AsyncExitStack() as stack:
            commands, links = await self._connect(stack)
            self._say("bus_connected")
            self._why = ""
            await self._session(commands, links)

    async def _connect(self, stack: AsyncExitStack) -> tuple[Connection, list[Connection]]:
        """Ticks come on a connection of their own: a flood of them must not cut off a candle."""
        boot = self._boot
        commands = await stack.enter_async_context(connected(self._address))
        news = await stack.enter_async_context(connected(self._address, self._heard))
        channels = (self._base, *self._longer)
        await news.subscribe(self._down, *(channel.decode() for channel in channels))
        links = [commands, news]
        if boot.ticks:
            ticks = await stack.enter_async_context(connected(self._address, self._ticked))
            await ticks.subscribe(names.ticks(boot.instrument))
            links.append(ticks)
        return commands, links

    async def _session(self, commands: Connection, links: list[Connection]) -> None:
        self._helm.forget()
        self._outbox.send_all_again()
        async with asyncio.TaskGroup() as group:
            for link in links:
                group.create_task(link.watch(), name="watch")
                group.create_task(self._keep_alive(link), name="keep_alive")
            group.create_task(self._voice.greet(), name="greet")
            group.create_task(self._voice.beat(), name="beat")
            group.create_task(self._voice.send(commands), name="send")
            group.create_task(self._decide(commands), name="decide")

    async def _keep_alive(self, link: Connection) -> None:
        """A half-open connection delivers nothing and says nothing: ask it now and then."""
        while True:
            await self._machine.sleep(2 * self._timing.heartbeat)
            await link.call("PING")

    async def _decide(self, commands: Connection) -> None:
        try:
            await self._helm.decide(commands)
        except StrategyFailed as error:
            self._failure = str(error)
            self.end(f"the strategy does not start: {error}")

    # ---- hearing -------------------------------------------------------------------------------

    def _heard(self, channel: bytes, payload: bytes) -> None:
        try:
            if channel == self._down.encode():
                self._obey(decode_down(payload))
            elif channel == self._base:
                self._helm.hear(decode_candle(payload))
            else:
                self._helm.hear_further(self._longer[channel], decode_candle(payload))
        except BadFrame as error:
            self._say("bad_frame", channel=channel.decode(), why=error)

    def _ticked(self, channel: bytes, payload: bytes) -> None:
        try:
            self._helm.hear(decode_tick(payload))
        except BadFrame as error:
            self._say("bad_frame", channel=channel.decode(), why=error)

    def _obey(self, message: Ack | Control | Welcome) -> None:
        match message:
            case Ack() if message.run == self._pilot.run:
                self._outbox.acknowledge(message.n)
                self._voice.move()
            case Welcome() if message.run == self._pilot.run:
                self._helm.hear(message)
            case Control(do="drain" | "stop"):
                self.end(f"told to {message.do}", at_once=message.do == "stop")
            case Control():
                self._pilot.control(message)
                self._voice.beat_once()
            case _:
                pass  # meant for another process of this generation
