"""From what is heard to what is decided: one candle after the other, none left out.

Pub/sub delivers at most once and history has everything: where a candle is missing, history is
read before the newer one is decided.
"""

import asyncio
from collections import deque

from strategy_runtime.feeds.further import Further, Say
from strategy_runtime.feeds.history import history
from strategy_runtime.feeds.outbox import Outbox
from strategy_runtime.feeds.pilot import Pilot
from strategy_runtime.feeds.resp import Connection
from strategy_runtime.feeds.timing import Machine, Timing, backoff
from strategy_runtime.feeds.voice import Voice
from strategy_runtime.wire.messages import Boot, Candle, Tick, Welcome
from strategy_runtime.wire.resolutions import close_of

# What does not fit is dropped, oldest first: the gap sends us to history.
MAX_INBOX = 500


class Helm:
    def __init__(
        self,
        boot: Boot,
        pilot: Pilot,
        outbox: Outbox,
        voice: Voice,
        *,
        timing: Timing,
        machine: Machine,
        say: Say,
    ) -> None:
        self._instrument = boot.instrument
        self._resolution = boot.resolution
        self._further = Further(boot.instrument, further_of(boot), timing, say)
        self._pilot = pilot
        self._outbox = outbox
        self._voice = voice
        self._timing = timing
        self._machine = machine
        self._say = say
        self._candles: deque[Candle] = deque(maxlen=MAX_INBOX)
        self._welcome: Welcome | None = None
        self._tick: Tick | None = None
        self._heard = asyncio.Event()

    def forget(self) -> None:
        """A new session: history has the candles, and the next welcome the rest."""
        self._candles.clear()
        self._further.forget()
        self._welcome = None
        self._tick = None

    def hear(self, message: Welcome | Candle | Tick) -> None:
        match message:
            case Welcome():
                self._welcome = message
            case Candle():
                self._candles.append(message)
            case Tick():
                # Only the latest counts: a strategy slower than the market skips some.
                self._tick = message
        self._heard.set()

    def hear_further(self, resolution: str, candle: Candle) -> None:
        self._further.hear(resolution, candle)

    async def decide(self, commands: Connection) -> None:
        """StrategyFailed if the strategy cannot be built from the welcome."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            while self._welcome is not None or self._candles:
                if self._welcome is not None:
                    await self._enter(commands)
                else:
                    await self._next(self._candles.popleft(), commands)

            tick, self._tick = self._tick, None
            if tick is not None and self._outbox.open:
                self._pilot.take_tick(tick)
                self._voice.speak()

    async def _enter(self, commands: Connection) -> None:
        welcome, self._welcome = self._welcome, None
        assert welcome is not None
        anew = self._pilot.welcome(welcome)
        self._outbox.open = True
        self._voice.speak()
        self._voice.beat_once()  # people see at once that it runs
        self._say("welcome", phase=self._pilot.phase, active_from=welcome.active_from)
        if anew or self._pilot.active:
            await self._catch_up(commands)

    async def _next(self, candle: Candle, commands: Connection) -> None:
        course = self._pilot.course
        if course is None or not self._outbox.open or not self._pilot.follows_market:
            return  # history will have it

        first, most = self._timing.gap_first, 8 * self._timing.gap_first
        for attempt in range(self._timing.gap_tries):
            if course.is_repeat(candle) or (course.seen and course.follows(candle)):
                break
            if attempt:
                await self._machine.sleep(backoff(first, most, attempt, 1.0))
            await self._catch_up(commands)
        else:
            if not course.is_repeat(candle):
                self._say("gap_remains", before=candle.open_ms, after=course.seen_ms)
        await self._take(candle, commands)

    async def _catch_up(self, commands: Connection) -> None:
        """Whatever history has after the last candle that was seen, in order."""
        assert self._pilot.course is not None
        after_ms = self._pilot.course.seen_ms
        async for candle in history(
            commands, self._instrument, self._resolution, after_ms, say=self._say
        ):
            await self._take(candle, commands)
            # Heartbeats and acknowledgements go on while a long history is worked through.
            await self._machine.sleep(0)

    async def _take(self, candle: Candle, commands: Connection) -> None:
        course = self._pilot.course
        assert course is not None
        while not course.is_repeat(candle) and course.decides(candle):
            if self._pilot.phase == "draining":
                return
            if self._pilot.has_room():
                break
            await self._voice.moved()

        if self._further.resolutions and not course.is_repeat(candle):
            close_ms = close_of(self._resolution, candle.open_ms)
            await self._further.catch_up(course, close_ms, commands)
        self._pilot.take(candle)
        self._voice.speak()


def further_of(boot: Boot) -> tuple[str, ...]:
    """A launch may name the base resolution among them; it has a channel of its own."""
    return tuple(name for name in dict.fromkeys(boot.resolutions) if name != boot.resolution)
