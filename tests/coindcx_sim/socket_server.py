"""The venue's two Socket.IO hosts: websocket only, envelopes with JSON as text, no acknowledgement,
silence for what is unknown, and a hang-up for a wrong key.
"""

import asyncio
import hmac
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import socketio
from aiohttp import web

from control_plane.brokers.coindcx.wire import SOCKET_JOIN
from tests.coindcx_sim.answers import encoded
from tests.coindcx_sim.channels import WIDTHS, Channel, channel_of, closed_candle, said
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.wide import WIDE, Book, Wide

Host = Literal["spot", "stream"]

HEARTBEATS: dict[Host, tuple[int, int]] = {"spot": (45, 60), "stream": (25, 20)}
HANG_UP_SECONDS = 0.1
FUTURES_EVENTS = ("df-order-update", "df-position-update")


@dataclass
class SocketServer:
    exchange: Exchange
    host: Host
    channels: dict[tuple[str, bool], dict[Channel, set[str]]] = field(default_factory=dict)
    wide: dict[str, tuple[Wide, set[str]]] = field(default_factory=dict)
    books: dict[Channel, Book] = field(default_factory=lambda: defaultdict(Book))
    private: dict[str, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))
    outgoing: asyncio.Queue[tuple[str, str, Any]] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        interval, timeout = HEARTBEATS[self.host]
        self.io = socketio.AsyncServer(
            async_mode="aiohttp",
            transports=["websocket"],
            ping_interval=interval,
            ping_timeout=timeout,
            cors_allowed_origins="*",
        )
        self.io.on("join", self.join)
        self.io.on("leave", self.leave)
        self.io.on("disconnect", self.gone)
        self.exchange.on_move.append(self.moved)

    async def start(self, port: int) -> tuple[web.AppRunner, int]:
        app = web.Application()
        self.io.attach(app)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        return runner, int(runner.addresses[0][1])

    async def speak(self) -> None:
        """Sends what the exchange said, in its order."""
        while True:
            sid, name, payload = await self.outgoing.get()
            data = payload if isinstance(payload, str) else encoded(payload).decode()
            await self.io.emit(name, {"event": name, "data": data}, to=sid)

    async def join(self, sid: str, asked: Any) -> None:
        name = asked.get("channelName") if isinstance(asked, dict) else None
        if name == "coindcx":
            await self._join_private(sid, asked)
            return
        if name in WIDE:
            self._join_wide(sid, str(name))
            return
        channel = channel_of(self.exchange.world, str(name))
        if channel is None or (channel.is_futures and self.host == "spot"):
            return
        listening = self.channels.setdefault(channel.key, {})
        if channel not in listening and channel.what == "candlestick":
            self._close_candles(channel)
        listening.setdefault(channel, set()).add(sid)

    def _join_wide(self, sid: str, name: str) -> None:
        made = self.wide.setdefault(name, (Wide(self.exchange.world, name), set()))
        if not (made[0].is_futures and self.host == "spot"):
            made[1].add(sid)

    async def leave(self, sid: str, asked: Any) -> None:
        name = asked.get("channelName") if isinstance(asked, dict) else None
        if name in self.wide:
            self.wide[str(name)][1].discard(sid)
        for listening in self.channels.values():
            for channel, sids in listening.items():
                if channel.name == name:
                    sids.discard(sid)
        if self.host == "stream":
            await self.io.emit("Left Channel", {"data": str(name)}, to=sid)

    async def gone(self, sid: str, *_: Any) -> None:
        for listening in self.channels.values():
            for sids in listening.values():
                sids.discard(sid)
        for _wide, sids in self.wide.values():
            sids.discard(sid)
        for stop in self.private.pop(sid, []):
            stop()

    def moved(self, name: str, at_ms: int) -> None:
        market = self.exchange.world.spot.get(name)
        key = (name, True) if market is None else (market.pair, False)
        for channel, sids in self.channels.get(key, {}).items():
            found = said(self.exchange.world, channel, at_ms) if sids else None
            if found is not None and channel.what == "orderbook":
                found = self.books[channel].told(found[1], at_ms)
            for sid in sids if found else ():
                assert found is not None
                self.outgoing.put_nowait((sid, *found))
        for wide, sids in self.wide.values():
            for told in wide.moved(name, at_ms) if sids else ():
                for sid in sids:
                    self.outgoing.put_nowait((sid, *told))

    def _close_candles(self, channel: Channel) -> None:
        """Each bar's end is told once, as soon as it is over."""
        timers = self.exchange.world.timers
        width_ms = WIDTHS[channel.interval] * 60_000

        def close(ended_ms: int) -> None:
            found = closed_candle(self.exchange.world, channel, ended_ms)
            for sid in self.channels[channel.key][channel] if found else ():
                assert found is not None
                self.outgoing.put_nowait((sid, *found))
            timers.at(ended_ms + width_ms, lambda _: close(ended_ms + width_ms))

        first_ms = (timers.now_ms // width_ms + 1) * width_ms
        timers.at(first_ms, lambda _: close(first_ms))

    async def _join_private(self, sid: str, asked: dict[str, Any]) -> None:
        key, proof = asked.get("apiKey"), asked.get("authSignature")
        if not key and not proof:
            return
        account = self.exchange.world.accounts.get(str(key))
        expected = b"" if account is None else hmac.digest(account.secret, SOCKET_JOIN, "sha256")
        if account is None or not hmac.compare_digest(expected.hex(), str(proof)):
            await asyncio.sleep(HANG_UP_SECONDS)
            await self.io.disconnect(sid)
            return

        def deliver(name: str, rows: Any) -> None:
            if self._carries(name):
                self.outgoing.put_nowait((sid, name, rows))

        if not self.private[sid]:
            self.private[sid].append(self.exchange.outbox.listen(account.key, deliver))

    def _carries(self, name: str) -> bool:
        if name == "balance-update":
            return True
        home = "stream" if name in FUTURES_EVENTS else self.exchange.world.switches.private_spot
        return home == self.host
