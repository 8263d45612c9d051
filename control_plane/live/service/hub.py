"""Every open connection of this process, what they share, and what ends them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from loguru import logger

from control_plane.core.clock import Clock
from control_plane.errors import SlipwayError, Unavailable
from control_plane.infra import wall
from control_plane.infra.db import Database
from control_plane.infra.http_callers import Caller
from control_plane.infra.http_limits import Limits
from control_plane.infra.http_refusals import Throttled
from control_plane.infra.tasks import in_its_own_task
from control_plane.live.errors import Ended
from control_plane.live.models.messages import text
from control_plane.live.service.asking import Opener
from control_plane.live.service.conversation import Conversation
from control_plane.live.service.marks import Marks
from control_plane.live.service.outbox import Outbox
from control_plane.live.service.streams import Picture
from control_plane.live.service.tail import Tail
from control_plane.settings import LiveSettings

UNPROVED = 4401
AWAY = 4503
PROVE_SECONDS = 3.0
FULL_SECONDS = 60
LAST_WORD_SECONDS = 5.0
LONGEST_REASON = 120  # bytes; a close frame holds no more

# Whose sessions, tokens and roles still stand.
Proved = Callable[[frozenset[Caller]], Awaitable[frozenset[Caller]]]


class Gone(Exception):
    """The other side has closed."""


class Peer(Protocol):
    """The socket of one connection. Each raises Gone when the other side is not there any more."""

    async def receive(self) -> str | bytes: ...
    async def send(self, frame: str) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...


@dataclass(eq=False)
class Open:
    caller: Caller
    ended: asyncio.Future[Ended]


@dataclass(eq=False)
class Hub:
    db: Database
    clock: Clock
    settings: LiveSettings
    proved: Proved
    picture: Picture
    tail: Tail = field(init=False)
    marks: Marks = field(init=False)
    _open: set[Open] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tail = Tail(self.db, self.clock)
        self.marks = Marks(self.db, self.clock)

    async def run(self) -> None:
        """What all connections share, until cancelled."""
        with wall.acting_for(wall.EVERYBODY):
            async with asyncio.TaskGroup() as group:
                group.create_task(self.tail.run(), name="live-events")
                group.create_task(self.marks.run(), name="live-marks")
                group.create_task(self._keep_proved(), name="live-proofs")

    def make_room(self, caller: Caller) -> None:
        """Refuse a connection that would be one too many."""
        counted = Counter(one.caller.tenant for one in self._open)
        if len(self._open) >= self.settings.connections:
            raise Throttled(
                f"{len(self._open)} live connections are open, and no more can be.",
                remedy="Try again in a minute, or raise SLIPWAY_LIVE__CONNECTIONS.",
                wait_seconds=FULL_SECONDS,
            )
        if counted[caller.tenant] >= self.settings.per_caller:
            raise Throttled(
                f"You have {self.settings.per_caller} live connections already.",
                remedy="Close one; a connection takes many subscriptions.",
                wait_seconds=FULL_SECONDS,
            )

    async def serve(self, caller: Caller, peer: Peer) -> None:
        """Talk until one side has enough."""
        mine = Open(caller, asyncio.get_running_loop().create_future())
        outbox = Outbox(self.settings.queue_frames, self.settings.patience_seconds)
        self._open.add(mine)
        try:
            await self._converse(mine, outbox, peer)
        finally:
            self._open.discard(mine)

    async def check(self) -> None:
        """End what was opened with something that stands no more."""
        open_now = list(self._open)
        standing = await self.proved(frozenset(one.caller for one in open_now))
        for one in open_now:
            if one.caller not in standing and not one.ended.done():
                one.ended.set_result(
                    Ended(
                        UNPROVED,
                        "What you opened this with has ended: a session, a token or a role.",
                        remedy="Sign in, connect again, and go on after your last number.",
                    )
                )

    async def _keep_proved(self) -> None:
        while True:
            await self.clock.sleep(PROVE_SECONDS)
            if self._open:
                await self.check()

    async def _converse(self, mine: Open, outbox: Outbox, peer: Peer) -> None:
        conversation: Conversation | None = None
        ended: Ended | None = None
        try:
            await self._hear_of_events()
            async with asyncio.TaskGroup() as group:
                conversation = self._conversation(mine.caller, outbox, group)
                await conversation.greet()
                group.create_task(_write(outbox, peer), name="live-out")
                group.create_task(_listen(conversation, peer), name="live-in")
                group.create_task(self._beat(conversation), name="live-beat")
                group.create_task(_until(mine.ended), name="live-end")
        except* Gone:
            pass
        except* SlipwayError as group_of:
            ended = _ended(_first(group_of))
        finally:
            self.tail.leave()
        if ended is not None:
            await in_its_own_task(_say_why(conversation, ended, peer))

    async def _hear_of_events(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self.tail.listen()
        except TimeoutError as error:
            raise Unavailable(
                "Events cannot be read at the moment.", remedy="Connect again in a few seconds."
            ) from error

    def _conversation(
        self, caller: Caller, outbox: Outbox, group: asyncio.TaskGroup
    ) -> Conversation:
        settings = self.settings
        limits = Limits(self.clock.monotonic, settings.messages_per_minute, settings.burst)
        opener = Opener(self.db, self.tail, self.marks, self.picture)
        return Conversation(
            caller, opener, settings, outbox, limits, group, lambda: self.tail.number
        )

    async def _beat(self, conversation: Conversation) -> None:
        while True:
            await self.clock.sleep(self.settings.heartbeat_seconds)
            await conversation.beat()


async def _write(outbox: Outbox, peer: Peer) -> None:
    while True:
        outgoing = await outbox.take()
        await peer.send(outgoing.text)
        outbox.sent(outgoing)


async def _listen(conversation: Conversation, peer: Peer) -> None:
    while True:
        await conversation.hear(await peer.receive())


async def _until(ended: asyncio.Future[Ended]) -> None:
    raise await ended


async def _say_why(conversation: Conversation | None, ended: Ended, peer: Peer) -> None:
    """If the other side still reads, it hears where to go on."""
    logger.info("live_ended", code=ended.code, reason=ended.what)
    reason = ended.what.encode()[:LONGEST_REASON].decode("utf-8", "ignore")
    with suppress(Gone, TimeoutError):
        async with asyncio.timeout(LAST_WORD_SECONDS):
            if conversation is not None:
                await peer.send(text(conversation.ending(ended)))
            await peer.close(ended.code, reason)


def _first(group: BaseExceptionGroup[SlipwayError]) -> SlipwayError:
    found = group.exceptions[0]
    return found if isinstance(found, SlipwayError) else _first(found)


def _ended(error: SlipwayError) -> Ended:
    if isinstance(error, Ended):
        return error
    return Ended(AWAY, error.what, remedy=error.remedy or "Connect again in a few seconds.")
