"""The exchange's public sockets: one subscription for each instrument that anybody here wants.

A socket carries a bounded number of channels and one kind of market; instruments stay on the socket
they were put on, so that one more disturbs none of the others.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from control_plane.brokers.coindcx.frames import Told
from control_plane.brokers.coindcx.stream import Gap, Record, Stream
from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra.socket_io import SocketIo
from strategy_runtime.rules.instruments import Instrument

INSTRUMENTS_PER_SOCKET = 50  # of two channels each; three hundred channels have been seen


@dataclass(eq=False)
class Socket:
    """One connection, what it carries, and the task that keeps it."""

    kind: str
    stream: Stream
    task: asyncio.Task[None]
    carried: dict[str, Instrument] = field(default_factory=dict)

    async def tell(self) -> None:
        await self.stream.listen_to([c for one in self.carried.values() for c in channels(one)])


@dataclass
class Upstream:
    sockets: SocketIo
    urls: dict[str, str]  # by kind of market
    clock: Clock
    rng: Rng
    record: Record | None = None
    deliver: Callable[[Told | Gap], None] = lambda _told: None
    most: int = INSTRUMENTS_PER_SOCKET
    _open: list[Socket] = field(default_factory=list)

    async def listen(self, group: asyncio.TaskGroup, wanted: Collection[Instrument]) -> None:
        """From now on exactly these."""
        changed: set[Socket] = set()
        ids = {one.id for one in wanted}
        for socket in self._open:
            for gone in socket.carried.keys() - ids:
                del socket.carried[gone]
                changed.add(socket)
        for one in wanted:
            if not any(one.id in socket.carried for socket in self._open):
                socket = self._with_room(group, one.kind)
                socket.carried[one.id] = one
                changed.add(socket)
        for socket in changed:
            await socket.tell()
            if not socket.carried:
                socket.task.cancel()
                self._open.remove(socket)

    async def join_again(self, one: Instrument) -> None:
        for socket in self._open:
            if one.id in socket.carried:
                await socket.stream.join_again(channels(one))

    def forget(self) -> None:
        """Whoever kept the sockets has ended."""
        self._open.clear()

    @property
    def carried(self) -> int:
        return sum(len(socket.carried) for socket in self._open)

    def _with_room(self, group: asyncio.TaskGroup, kind: str) -> Socket:
        for socket in self._open:
            if socket.kind == kind and len(socket.carried) < self.most:
                return socket
        stream = Stream(
            self.sockets,
            self.urls[kind],
            (),
            self.deliver,
            self.clock,
            self.rng,
            record=self.record,
        )
        task = group.create_task(stream.run(), name=f"market-socket-{kind}-{len(self._open)}")
        self._open.append(Socket(kind, stream, task))
        return self._open[-1]


def channels(one: Instrument) -> tuple[str, str]:
    """Trades, and the minute that is forming."""
    if one.is_futures:
        return f"{one.pair}@trades-futures", f"{one.pair}_1m-futures"
    return f"{one.pair}@trades", f"{one.pair}_1m"
