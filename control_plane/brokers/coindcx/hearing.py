"""Listens to the private sockets of live accounts, so that what happens there is asked sooner.

What a socket says is never believed, only taken as a hint to ask over REST. So a lost event costs a
moment, an invented one a question. Events carry no account, hence one socket for each key and host;
beyond a number of accounts the rest are simply asked in their turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from loguru import logger

from control_plane.brokers.coindcx import spot
from control_plane.brokers.coindcx.frames import Told
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.outcomes import Reason, Refused
from control_plane.brokers.coindcx.stream import Gap, KeyRefused, Stream
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.brokers.errors import VenueUnreachable
from control_plane.core.ids import AccountId, Rng
from control_plane.errors import Forbidden, Missing, Unavailable
from control_plane.infra.socket_io import SocketIo
from control_plane.infra.tasks import in_its_own_task

LOOK_SECONDS = 2.0
REFUSED_REST_SECONDS = 600.0
DOUBTED_REST_SECONDS = 10.0

# Accounts to listen to, each with what changes when its key does.
Wanted = Callable[[], Awaitable[Mapping[AccountId, str]]]


@dataclass
class Hearing:
    lanes: Lanes
    sockets: SocketIo
    urls: Sequence[str]
    rng: Rng
    wanted: Wanted
    hear: Callable[[Collection[AccountId]], None]
    most: int  # accounts
    _running: dict[tuple[AccountId, str], asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        self._running.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                await self.once(group)
                await self.lanes.clock.sleep(LOOK_SECONDS)

    async def once(self, group: asyncio.TaskGroup) -> None:
        """Begin with accounts that are new or have another key, leave those that are gone."""
        try:
            wanted = await self.wanted()
        except Unavailable as error:
            logger.debug("live_accounts_not_read", reason=str(error))
            return
        keys = set(sorted(wanted.items())[: self.most])
        for gone in self._running.keys() - keys:
            self._running.pop(gone).cancel()
        for key in keys - self._running.keys():
            self._running[key] = group.create_task(self._listen(key[0]), name=f"hear-{key[0]}")

    async def _listen(self, account: AccountId) -> None:
        while True:
            rest = DOUBTED_REST_SECONDS
            try:
                credentials = await self.lanes.keys.credentials(account)
                await self._listen_with(account, credentials)
            except (Missing, Forbidden) as error:
                logger.warning("private_socket_without_key", account=account, reason=str(error))
                rest = REFUSED_REST_SECONDS
            except Unavailable as error:
                logger.debug("private_socket_waits", account=account, reason=str(error))
            except KeyRefused:
                rest = await self._confirmed(account)
            await self.lanes.clock.sleep(rest)

    async def _listen_with(self, account: AccountId, credentials: Credentials) -> None:
        """On both hosts, for nobody knows which of them carries the private feed of spot."""
        refused: list[KeyRefused] = []
        try:
            await in_its_own_task(self._listen_on_all(account, credentials))
        except* KeyRefused as errors:
            refused += [each for each in errors.exceptions if isinstance(each, KeyRefused)]
        if refused:
            raise refused[0]

    async def _listen_on_all(self, account: AccountId, credentials: Credentials) -> None:
        hint = partial(self._hint, account)
        async with asyncio.TaskGroup() as group:
            for url in self.urls:
                stream = Stream(
                    self.sockets, url, (), hint, self.lanes.clock, self.rng, credentials
                )
                group.create_task(stream.run(), name=f"hear-{account}-{url}")

    def _hint(self, account: AccountId, _told: Told | Gap) -> None:
        self.hear([account])

    async def _confirmed(self, account: AccountId) -> float:
        """A hang-up says nothing of why: REST tells whether it was the key, and how long to
        rest.
        """
        try:
            outcome = await self.lanes.ask(account, spot.balances(), Lane.LOOK_UP)
        except VenueUnreachable:
            return DOUBTED_REST_SECONDS
        if isinstance(outcome, Refused) and outcome.reason is Reason.NOT_AUTHORISED:
            logger.warning("private_socket_key_refused", account=account)
            return REFUSED_REST_SECONDS
        return DOUBTED_REST_SECONDS
