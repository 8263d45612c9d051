"""Out: written ahead, sent once, and whatever came of it written down.

The transaction that releases an order writes everything that identifies it. Only then, and only if
little time has passed and the lease is still trusted, does it go; no transaction is open while the
venue answers. An answer that is not one of the two definite ones leaves the order in doubt, and
`looking` ends that.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from operator import attrgetter
from typing import Any

from sqlalchemy.engine import Row

from control_plane.brokers import replies
from control_plane.brokers.errors import (
    Ambiguous,
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    VenueUnreachable,
)
from control_plane.brokers.models import Accepted
from control_plane.brokers.replies import Said
from control_plane.core.ids import Shard
from control_plane.infra.db import Tx
from control_plane.orders.models.states import Event
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.recording import Recorder
from control_plane.orders.service.releasing import Released, Releaser
from control_plane.orders.store import intents, recording, releasing
from control_plane.orders.store import replies as reply_rows
from control_plane.orders.store.recording import Answered

RETRY_SECONDS = 1.0
PARTS = 4  # of the way: as long as no such part is free, no entries are let out
LONGEST_WAIT_SECONDS = 1.0
AFTER_REPLY = {"sl": "protect.after_sl_reply", "exit": "exit.after_send"}


@dataclass(frozen=True)
class Outcome:
    event: Event
    accepted: Accepted | None = None
    reason: str | None = None
    said: Sequence[Said] = ()


@dataclass(frozen=True)
class Sender:
    desk: Desk
    releaser: Releaser

    @cached_property
    def recorder(self) -> Recorder[tuple[Released, Outcome]]:
        return Recorder(self.desk, self._record_all)

    @cached_property
    def landed(self) -> asyncio.Event:
        """Set when what became of an order is written down, or never will be by us."""
        return asyncio.Event()

    async def once(self) -> int:
        """Let out what is ready, and wait for all of it; how many orders left."""
        left = 0
        async with asyncio.TaskGroup() as group:
            while True:
                left += await self.let_out(group)
                if not self.is_full:
                    return left
                await self.room(LONGEST_WAIT_SECONDS)

    async def room(self, at_most_seconds: float) -> None:
        """Until there is some for the next batch, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_seconds):
                while self.is_full:
                    self.landed.clear()
                    await self.landed.wait()

    async def let_out(self, group: asyncio.TaskGroup) -> int:
        """Release and send as long as there is anything ready and room on the way: the next ones
        leave while the answers to those before come in. Ways out need no room.
        """
        left, tried = 0, set[str]()
        while True:
            rows = await self._ready()
            batch = [row for row in rows if row.id not in self.desk.in_flight | tried]
            if not batch:
                return left
            tried.update(row.id for row in batch)
            left += await self._leave(batch, group)

    @property
    def is_full(self) -> bool:
        """Whether too many are on their way for another batch of entries worth a transaction."""
        return self._room < self._worth

    @property
    def _room(self) -> int:
        return self.desk.settings.at_once - len(self.desk.in_flight)

    @property
    def _worth(self) -> int:
        return max(1, self.desk.settings.at_once // PARTS)

    async def _ready(self) -> Sequence[Row[Any]]:
        desk = self.desk
        lanes = releasing.WAYS_OUT if self.is_full else releasing.LANES
        batch = max(self._room, self._worth)
        return await desk.db.read(releasing.ready, desk.owned(), desk.now_ms(), batch, lanes)

    async def _leave(self, batch: Sequence[Row[Any]], group: asyncio.TaskGroup) -> int:
        desk = self.desk
        mine = {row.id for row in batch}
        desk.in_flight.update(mine)
        try:
            parts = await desk.isolation.together("intent", batch, self._release, attrgetter("id"))
            released = [one for part in parts for one in part]
            for one, committed in released:
                sending = desk.isolation.run("intent", one.intent, self._send, one, committed)
                task = group.create_task(sending, name=f"send-{one.intent}")
                # Also of one that is cancelled before its first step.
                task.add_done_callback(partial(self._land, one.intent))
                mine.discard(one.intent)
        finally:
            desk.in_flight.difference_update(mine)
        return len(released)

    def _land(self, intent: str, _task: object) -> None:
        self.desk.in_flight.discard(intent)
        self.landed.set()

    async def _release(self, batch: Sequence[Row[Any]]) -> list[tuple[Released, float]]:
        """Each with the moment of its commit."""
        committed: list[float] = []
        released = await self.desk.db.write(self.releaser.release, batch, committed)
        return [(one, committed[-1]) for one in released]

    async def _send(self, one: Released, committed: float) -> None:
        desk = self.desk
        await desk.failpoints.hit("send.after_wal_commit")
        outcome = Outcome("held_back", reason="too late to send")
        if self._may_leave(one, committed):
            await desk.failpoints.hit("send.before_socket_write")
            with replies.listening() as said:
                outcome = replace(await self._ask(one), said=said)
            await desk.failpoints.hit("send.after_reply")
            if one.leg in AFTER_REPLY:
                await desk.failpoints.hit(AFTER_REPLY[one.leg])
        await self.recorder.keep(one.intent, (one, outcome))
        await desk.failpoints.hit("send.after_record")

    def _may_leave(self, one: Released, committed: float) -> bool:
        """A pause after this check is what the signed timestamp is for."""
        desk = self.desk
        late = desk.clock.monotonic() - committed
        is_prompt = late <= desk.settings.send_window_seconds * desk.scale
        return is_prompt and desk.leases.is_trusted(Shard(one.shard))

    async def _ask(self, one: Released) -> Outcome:
        desk = self.desk
        try:
            async with asyncio.timeout(desk.settings.reply_seconds):
                accepted = await desk.brokers[one.venue].place(one.request)
            await desk.failpoints.hit("send.after_socket_write")
        except OrderRefused as refusal:
            if refusal.reason == "duplicate_client_id":
                return Outcome("lost", reason="the venue knows this id already")
            return Outcome("refused", reason=f"{refusal.reason}: {refusal.what}")
        except NotSent as error:
            return Outcome("held_back", reason=error.what)
        except (OutcomeUnknown, VenueUnreachable, Ambiguous) as error:
            return Outcome("lost", reason=error.what)
        except TimeoutError:
            return Outcome("lost", reason="no answer in time")
        return Outcome("accepted", accepted)

    def _record_all(self, tx: Tx, answers: Sequence[tuple[Released, Outcome]]) -> None:
        """The usual answer for all at once; each other one by itself."""
        plain = [
            self._answered(one, outcome.accepted)
            for one, outcome in answers
            if outcome.accepted is not None
        ]
        now = tx.now_ms()
        kept = recording.accept(tx, plain, now)
        reply_rows.keep(tx, [row for answer in answers for row in _replies(*answer, now)])
        for one, outcome in answers:
            if one.intent not in kept:
                self._record(tx, one, outcome)
        self.desk.wake(tx)

    def _answered(self, one: Released, accepted: Accepted) -> Answered:
        return Answered(
            one.intent,
            one.version,
            self.desk.epoch(one.shard),
            one.request.account,
            one.request.client_order_id,
            accepted.exchange_order_id,
            one.leg,
            one.tenant,
        )

    def _record(self, tx: Tx, one: Released, outcome: Outcome) -> None:
        intent = intents.find(tx, one.intent)
        order = intents.order_by_client_id(tx, one.request.account, one.request.client_order_id)
        if intent is None or order is None:
            return
        accepted = outcome.accepted
        values: dict[str, Any] = {}
        if outcome.event == "held_back":
            values["retry_ms"] = tx.now_ms() + self.desk.scaled_ms(RETRY_SECONDS)
        if outcome.event == "accepted":
            values["sent_ms"] = tx.now_ms()
        changes.move(
            tx,
            self.desk,
            intent,
            order,
            outcome.event,
            exchange_order_id=accepted.exchange_order_id if accepted is not None else None,
            reason=outcome.reason,
            **values,
        )


def _replies(one: Released, outcome: Outcome, now: int) -> list[dict[str, Any]]:
    return [
        reply_rows.row_of(
            said,
            "create",
            intent=one.intent,
            tenant=one.tenant,
            shard=one.shard,
            client_order_id=one.request.client_order_id,
            at_ms=now,
        )
        for said in outcome.said
    ]
