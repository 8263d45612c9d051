"""What one subscription is sent, in order, until it is taken back or its connection ends."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from control_plane.core.clock import Clock, from_ms
from control_plane.core.ids import DeploymentId
from control_plane.deployments.service import watching as measured
from control_plane.infra import events, wall
from control_plane.infra.db import Database
from control_plane.live.models.filters import Filter
from control_plane.live.models.messages import (
    MAX_FRAME,
    ROOM,
    CaughtUp,
    Line,
    Lines,
    Missed,
    Part,
    Point,
    Source,
)
from control_plane.live.service.marks import NOTHING, Marks
from control_plane.live.service.outbox import Outbox
from control_plane.live.service.tail import Tail
from control_plane.signals.service import watching

LINES_AT_ONCE = 100
LONGEST_TEXT = 8 * 1024  # characters; escaped, one takes six bytes at most
PICTURE_SECONDS = 1.0
PICTURE_PARTS = ("counts", "totals", "missing", "deployments", "signals", "orders", "trades")

Picture = Callable[[], Awaitable[Any]]


class Stream(Protocol):
    name: str

    async def run(self, outbox: Outbox) -> None: ...

    def behind(self) -> int: ...


@dataclass
class EventStream:
    name: str
    tail: Tail
    wanted: Filter
    position: int
    is_resumed: bool = False

    async def run(self, outbox: Outbox) -> None:
        if self.is_resumed:
            await self._say_what_is_gone(outbox)
        is_new = False
        while True:
            found, until = await self.tail.after(self.position, self.wanted)
            for event in found:
                message = event.message(self.name, with_tenant=self.wanted.tenant is None)
                await outbox.put(message, self.name, event.number)
                self.position = event.number
            self.position = until
            if not is_new and until >= self.tail.number:
                is_new = True
                await outbox.put(CaughtUp(self.name, until), self.name, until)
            await self.tail.beyond(self.position)

    def behind(self) -> int:
        return max(0, self.tail.number - self.position)

    async def _say_what_is_gone(self, outbox: Outbox) -> None:
        """Numbers that are no longer kept, or that this database has never drawn."""
        with wall.acting_for(wall.EVERYBODY):  # whosever the oldest is
            first = await self.tail.db.read(events.oldest)
        newest = self.tail.number
        if self.position > newest:
            what = f"There is no event {self.position} yet: the newest is {newest}."
            remedy = "The database was set back; read again what you keep of it."
            gone = Missed(self.name, newest, self.position, what, remedy)
            self.position = newest
        elif first is not None and self.position < first - 1:
            what = f"Events up to {first - 1} are no longer kept."
            remedy = "Read again what you keep of them; what follows is whole."
            gone = Missed(self.name, self.position, first - 1, what, remedy)
            self.position = min(first - 1, newest)
        else:
            return
        await outbox.put(gone)


@dataclass
class LineStream:
    """What a deployment's author logs and its process prints."""

    name: str
    db: Database
    marks: Marks
    deployment: DeploymentId
    source: Source
    grep: str | None
    cursor: str

    async def run(self, outbox: Outbox) -> None:
        self.marks.follow(self.deployment)
        seen = NOTHING
        try:
            while True:
                seen = await self.marks.past(self.deployment, seen)
                while await self._send(outbox):
                    pass
        finally:
            self.marks.leave(self.deployment)

    def behind(self) -> int:
        return 0

    async def _send(self, outbox: Outbox) -> bool:
        """As many as a frame holds; whether there are more."""
        found = await self._read(LINES_AT_ONCE)
        fitting = _fitting(found.lines)
        if fitting < len(found.lines):
            found = await self._read(fitting)
        self.cursor = found.cursor
        if found.lines:
            lines = [_line(one) for one in found.lines]
            await outbox.put(Lines(self.name, found.cursor, lines), self.name, found.cursor)
        return len(found.lines) in {fitting, LINES_AT_ONCE} and bool(found.lines)

    async def _read(self, limit: int) -> watching.Lines:
        return await self.db.read(
            watching.lines,
            self.deployment,
            source=self.source,
            grep=self.grep,
            after=self.cursor,
            limit=limit,
        )


@dataclass
class VitalStream:
    """What a deployment uses, minute by minute."""

    name: str
    db: Database
    marks: Marks
    deployment: DeploymentId
    minute_ms: int

    async def run(self, outbox: Outbox) -> None:
        self.marks.follow(self.deployment)
        seen = NOTHING
        try:
            while True:
                seen = await self.marks.past(self.deployment, seen)
                for one in await self.db.read(
                    measured.vitals_after, self.deployment, self.minute_ms
                ):
                    self.minute_ms = one.minute_ms
                    point = Point(
                        self.name,
                        one.minute_ms,
                        _moment(one.minute_ms),
                        one.generation,
                        one.cpus,
                        one.memory_bytes,
                        one.lag_ms,
                        one.loop_lag_ms,
                        one.waiting,
                    )
                    await outbox.put(point, self.name, one.minute_ms)
        finally:
            self.marks.leave(self.deployment)

    def behind(self) -> int:
        return 0


@dataclass
class StatusStream:
    """The picture of the status page, part by part, as each changes."""

    name: str
    picture: Picture
    clock: Clock
    _sent: dict[str, bytes] = field(default_factory=dict)

    async def run(self, outbox: Outbox) -> None:
        while True:
            picture = msgspec.to_builtins(await self.picture())
            await self._send(outbox, picture)
            await self.clock.sleep(PICTURE_SECONDS)

    def behind(self) -> int:
        return 0

    async def _send(self, outbox: Outbox, picture: dict[str, Any]) -> None:
        for part in PICTURE_PARTS:
            raw = msgspec.json.encode(picture[part])
            if self._sent.get(part) == raw:
                continue
            self._sent[part] = raw
            fits = len(raw) <= MAX_FRAME - ROOM
            value = msgspec.Raw(raw) if fits else None
            await outbox.put(Part(self.name, part, value, is_too_large=not fits))
        rest = {key: value for key, value in picture.items() if key not in PICTURE_PARTS}
        await outbox.put(Part(self.name, "clock", rest))


def _line(one: watching.Line) -> Line:
    text = one.text if len(one.text) <= LONGEST_TEXT else f"{one.text[:LONGEST_TEXT]}…"
    return Line(_moment(one.at_ms), one.source, one.level, one.generation, text)


def _fitting(lines: Sequence[watching.Line]) -> int:
    """How many of them go into one frame; always one at least."""
    left = MAX_FRAME - ROOM
    for count, line in enumerate(lines):
        left -= len(msgspec.json.encode(_line(line))) + 1
        if left < 0:
            return max(1, count)
    return len(lines)


def _moment(at_ms: int) -> str:
    return from_ms(at_ms).isoformat().replace("+00:00", "Z")
