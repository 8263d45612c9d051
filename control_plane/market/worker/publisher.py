"""What the market says on the bus, and the histories that it keeps there.

A stream is either complete or not there: it is built from the table under another name and renamed.
While the server is away nothing waits for it; when it is back, or was emptied, every stream that
somebody wants is built anew and what was missed is said again, oldest first.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
from loguru import logger
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, ResponseError

from control_plane.core.clock import Clock, ms
from control_plane.core.ids import shard_of
from control_plane.errors import Unavailable
from control_plane.infra.bus import Bus, Hint
from control_plane.infra.db import Database
from control_plane.infra.leases import Leases
from control_plane.market import store
from control_plane.market.models.conflation import Conflation
from control_plane.market.models.trades import Closed, Trade
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Candle, Tick, encode
from strategy_runtime.wire.resolutions import Resolution

Key = tuple[str, Resolution]

POLL_SECONDS = 0.5
FLUSH_SECONDS = 0.05
CHUNK = 500
LONGEST_STREAM = 10_000
MOST_MISSED = 1_000
PART = ":part"
# What XADD answers to an entry that the stream has already.
HAS_IT = "equal or smaller"


@dataclass
class Publisher:
    db: Database
    bus: Bus
    clock: Clock
    leases: Leases
    beyond: int  # candles kept beyond the longest look-back
    _ticks: Conflation = field(default_factory=Conflation)
    _closed: list[Closed] = field(default_factory=list)
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _fed: asyncio.Event = field(default_factory=asyncio.Event)
    _hint: Hint = field(default_factory=Hint)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _wanted: Mapping[Key, int] | None = None
    _ready: dict[Key, int] = field(default_factory=dict)  # complete now, and how many each keeps
    _said: dict[Key, int] = field(default_factory=dict)  # the last candle that left
    _epoch: bytes | str = b""
    _is_lost: bool = False

    def tick(self, trade: Trade) -> None:
        self._ticks.add(trade)

    def candles(self, closed: Sequence[Closed]) -> None:
        """Say these, which are committed, as soon as may be."""
        self._closed += closed
        self._due.set()

    def renew(self, instruments: Collection[str]) -> None:
        """These are fed from here on; candles may have been stored that nobody was told of."""
        for key in [key for key in self._ready if key[0] in instruments]:
            del self._ready[key]
        self._fed.set()
        self._hint.set()

    async def forget(self, instruments: Collection[str]) -> None:
        """Their last prices count no more."""
        for name in instruments:
            self._ticks.drop(name)
        if not instruments:
            return
        try:
            async with self._lock:  # not while such a price is on its way
                await self.bus.client.delete(*map(names.last_tick, instruments))
        except (RedisError, OSError) as error:
            self._lose(error)

    async def send(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._due.wait()
            self._due.clear()
            await self.flush()

    async def keep(self) -> None:
        # Streams built before the gap to now is filled would be built twice.
        await self._fed.wait()
        async with self.bus.hints(names.wake("market")) as self._hint:
            while True:
                await self.settle()
                await self._hint.wait(POLL_SECONDS)

    async def flush(self) -> None:
        """Say what is due."""
        async with self._lock:
            closed, self._closed = self._closed, []
            ticks = self._ticks.due(ms(self.clock.now()))
            try:
                # Ticks never hold up a candle.
                await self._say([one for one in closed if self._is_ours(one.instrument)])
                await self._tell([each for each in ticks if self._is_ours(each[0])])
            except (RedisError, OSError) as error:
                self._lose(error)

    async def settle(self) -> None:
        """Make the streams those that are wanted, each of them complete."""
        try:
            await self._settle()
        except (RedisError, OSError) as error:
            self._lose(error)
        except Unavailable as error:
            logger.warning("market_wants_unread", reason=str(error))

    # ---- saying ----

    async def _say(self, closed: Sequence[Closed]) -> None:
        """One round trip for all that closed."""
        pipe = self.bus.client.pipeline(transaction=False)
        now_ms, kept, said = ms(self.clock.now()), list[Key](), list[tuple[Key, int, bytes]]()
        for one in closed:
            key = (one.instrument, one.resolution)
            if one.candle.open_ms <= self._said.get(key, -1):
                continue  # building its stream said it already
            # What fills a gap keeps the time that it was due: nobody takes it for fresh.
            said_ms = one.candle.published_ms if one.candle.gap_filled else now_ms
            frame = encode(msgspec.structs.replace(one.candle, published_ms=said_ms))
            if key in self._ready:
                _add(pipe, names.history(*key), one.candle, frame, self._ready[key])
                kept.append(key)
            elif self._wanted is None or key in self._wanted:
                self._hint.set()  # the stream comes first, and building it says this one too
                continue
            said.append((key, one.candle.open_ms, frame))

        for key, _, frame in said:
            pipe.publish(names.candles(*key), frame)
        if not said:
            return
        answers = await pipe.execute(raise_on_error=False)
        self._said.update((key, open_ms) for key, open_ms, _ in said)
        self._check(kept, answers)

    async def _tell(self, ticks: Sequence[tuple[str, Tick]]) -> None:
        pipe = self.bus.client.pipeline(transaction=False)
        for name, tick in ticks:
            frame = encode(tick)
            pipe.set(names.last_tick(name), frame)
            pipe.publish(names.ticks(name), frame)
        if ticks:
            await pipe.execute()

    def _check(self, kept: Sequence[Key], answers: Sequence[object]) -> None:
        for key, answer in zip(kept, answers, strict=False):
            if answer is None:
                # The stream is gone: the server was emptied a moment ago.
                self._ready.pop(key, None)
                self._hint.set()
        for answer in answers:
            if isinstance(answer, ResponseError) and HAS_IT not in str(answer):
                raise answer

    def _lose(self, error: Exception) -> None:
        self._ready.clear()
        if not self._is_lost:
            logger.warning("market_bus_lost", reason=str(error))
        self._is_lost = True

    # ---- keeping ----

    async def _settle(self) -> None:
        wanted = {
            key: min(LONGEST_STREAM, lookback + self.beyond)
            for key, lookback in (await self.db.read(store.wanted)).items()
            if self._is_ours(key[0])
        }
        client = self.bus.client
        epoch = await client.get(names.MARKET_EPOCH)
        if epoch is None or epoch != self._epoch:
            self._ready.clear()
        self._wanted = wanted
        await self._drop_unwanted(first=not self._epoch)
        for key, keep in wanted.items():
            if self._ready.get(key, 0) < keep:
                async with self._lock:
                    await self._build(key, keep)

        if epoch is None or epoch != self._epoch:
            mine = f"{self.leases.holder}:{ms(self.clock.now())}"
            await client.set(names.MARKET_EPOCH, mine, nx=True)
            self._epoch = await client.get(names.MARKET_EPOCH) or b""
            logger.info("market_streams_built", streams=len(self._ready))
        if self._is_lost:
            logger.info("market_bus_back")
        self._is_lost = False

    async def _drop_unwanted(self, *, first: bool) -> None:
        wanted = self._wanted or {}
        unwanted = [key for key in self._ready if key not in wanted]
        for key in unwanted:
            del self._ready[key]
        dropped = [names.history(*key) for key in unwanted if self._is_ours(key[0])]
        if first:
            dropped += await self._left_behind({names.history(*key) for key in wanted})
        if dropped:
            await self.bus.client.delete(*dropped)

    async def _left_behind(self, wanted: set[str]) -> list[str]:
        """Streams of a predecessor that nobody wants any more."""
        found: list[str] = []
        async for name in self.bus.client.scan_iter(match=names.history("*", "*"), count=1_000):
            stream = name if isinstance(name, str) else name.decode()
            instrument = stream.removesuffix(PART).rpartition(":")[0].split(":", 2)[2]
            if stream not in wanted and self._is_ours(instrument):
                found.append(stream)
        return found

    async def _build(self, key: Key, keep: int) -> None:
        candles = await self.db.read(store.latest_candles, *key, keep)
        if not candles:
            return  # its first candle is still to come

        stream, client = names.history(*key), self.bus.client
        before = await client.xrevrange(stream, count=1)
        since = self._said.get(key)
        if since is None and before:
            # Whoever stopped between keeping a candle and saying it left that one unsaid.
            since = _open_of(before[0][0]) - 1

        pipe = client.pipeline(transaction=False)
        pipe.delete(stream + PART)
        for start in range(0, len(candles), CHUNK):
            for candle in candles[start : start + CHUNK]:
                pipe.xadd(stream + PART, {"c": encode(candle)}, id=f"{candle.open_ms}-0")
            await pipe.execute()
        await client.rename(stream + PART, stream)

        missed = candles[-1:] if since is None else [c for c in candles if c.open_ms > since]
        for candle in missed[-MOST_MISSED:]:
            pipe.publish(names.candles(*key), encode(candle))
        await pipe.execute()
        self._ready[key], self._said[key] = keep, candles[-1].open_ms

    def _is_ours(self, instrument: str) -> bool:
        return self.leases.is_trusted(shard_of(instrument))


def _add(pipe: Pipeline, stream: str, candle: Candle, frame: bytes, keep: int) -> None:
    pipe.xadd(
        stream,
        {"c": frame},
        id=f"{candle.open_ms}-0",
        maxlen=keep,
        approximate=False,
        nomkstream=True,
    )


def _open_of(entry: bytes | str | None) -> int:
    text = entry.decode() if isinstance(entry, bytes) else str(entry)
    return int(text.partition("-")[0])
