"""One connection: who it is, what it has asked for, and what it is told.

It knows no socket: frames come in through `hear`, what is to be sent lies in the outbox.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from control_plane.errors import SlipwayError
from control_plane.infra import wall
from control_plane.infra.http_callers import Caller
from control_plane.infra.http_limits import Limits
from control_plane.live.errors import BadMessage, Ended, TooMany
from control_plane.live.models.messages import (
    Asked,
    Ending,
    Heartbeat,
    Hello,
    Ping,
    Place,
    Pong,
    RefusedAsking,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    name_in,
    read,
)
from control_plane.live.service.asking import Opener
from control_plane.live.service.outbox import Outbox
from control_plane.live.service.streams import Stream
from control_plane.settings import LiveSettings

TOO_OFTEN = 4429
LONGEST_NAME = 64

T = TypeVar("T")


@dataclass(eq=False)
class Conversation:
    caller: Caller
    opener: Opener
    settings: LiveSettings
    outbox: Outbox
    limits: Limits
    group: asyncio.TaskGroup
    sent_by: Callable[[], int]  # the number up to which events were read
    _streams: dict[str, tuple[Stream, asyncio.Task[None]]] = field(default_factory=dict)

    async def greet(self) -> None:
        await self.outbox.put(
            Hello(self.sent_by(), self.settings.heartbeat_seconds, self.settings.subscriptions)
        )

    async def beat(self) -> None:
        await self.outbox.put(Heartbeat(self._reached()))

    async def hear(self, frame: str | bytes) -> None:
        """What is wrong is refused in a message; only too much of it ends the connection."""
        if self.limits.take("").retry_seconds:
            raise Ended(
                TOO_OFTEN,
                "You send too many messages.",
                remedy=f"Send {self.settings.messages_per_minute} a minute at most.",
            )
        try:
            await self._answer(_understood(frame))
        except SlipwayError as error:
            if isinstance(error, Ended):
                raise
            refused = RefusedAsking(name_in(frame), error.what, error.field, error.remedy)
            await self.outbox.put(refused)

    def ending(self, ended: Ended) -> Ending:
        """What the client is told last: how far each subscription was sent."""
        places = {
            name: Place(self.outbox.places.get(name, ""), stream.behind())
            for name, (stream, _) in self._streams.items()
        }
        return Ending(ended.code, ended.what, ended.remedy or "", places)

    async def _answer(self, asked: Asked) -> None:
        match asked:
            case Subscribe():
                await self._subscribe(asked)
            case Unsubscribe():
                await self._unsubscribe(asked.id)
            case Ping():
                await self.outbox.put(Pong(asked.n))

    async def _subscribe(self, asked: Subscribe) -> None:
        if not 0 < len(asked.id) <= LONGEST_NAME:
            raise BadMessage(
                "A subscription needs a name.",
                field="id",
                remedy=f"Give it an id of 1 to {LONGEST_NAME} characters.",
            )
        if asked.id in self._streams:
            raise BadMessage(
                f"There is a subscription {asked.id!r} already.",
                field="id",
                remedy="Choose another id, or unsubscribe it first.",
            )
        if len(self._streams) >= self.settings.subscriptions:
            raise TooMany(
                f"A connection has {self.settings.subscriptions} subscriptions at most.",
                remedy="Unsubscribe one first.",
            )
        # The stream's task keeps for whom it was begun.
        with wall.acting_for(wall.EVERYBODY if asked.everybody else self.caller.tenant):
            stream, after = await self.opener.open(self.caller, asked)
            self.outbox.places[asked.id] = after
            await self.outbox.put(Subscribed(asked.id, after))
            task = self.group.create_task(stream.run(self.outbox), name=f"live-{asked.id}")
        self._streams[asked.id] = stream, task

    async def _unsubscribe(self, name: str) -> None:
        found = self._streams.pop(name, None)
        if found is None:
            raise BadMessage(
                f"There is no subscription {name!r}.", field="id", remedy="Subscribe it first."
            )
        found[1].cancel()
        self.outbox.places.pop(name, None)
        await self.outbox.put(Unsubscribed(name))

    def _reached(self) -> int:
        """No event up to here will still come, on any of the subscriptions."""
        number = self.sent_by()
        return number - max((stream.behind() for stream, _ in self._streams.values()), default=0)


def _understood(frame: str | bytes) -> Asked:
    try:
        return read(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadMessage(
            f"This message cannot be read: {error}.",
            remedy="Send JSON with a type of subscribe, unsubscribe or ping; docs/live.md.",
        ) from error
