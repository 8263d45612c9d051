"""The way out: whose key, through which address, in which lane, within which limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from control_plane.brokers.coindcx.calls import Call
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.egress import Egress, pinned
from control_plane.brokers.coindcx.gate import Gate
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.outcomes import Doubt, Outcome, Unknown
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.brokers.errors import NotSent, OrderRefused, VenueUnreachable
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import AccountId
from control_plane.errors import Forbidden, Missing

T = TypeVar("T")


class Keys(Protocol):
    """Where an account's key is opened."""

    async def credentials(self, account: AccountId) -> Credentials:
        """`Missing` or `Forbidden` if there is none that may be used."""
        ...


@dataclass(frozen=True)
class Way:
    """One egress address, its client and its queue."""

    client: Client
    gate: Gate


@dataclass(frozen=True)
class Lanes:
    keys: Keys
    ways: Mapping[str, Way]  # by the egress' name
    egresses: Sequence[Egress]
    clock: Clock
    settings: VenueSettings
    by_hand: Mapping[AccountId, str] = field(default_factory=dict)

    async def order(
        self, account: AccountId, call: Call[T], lane: Lane, signed_ms: int
    ) -> Outcome[T]:
        """Something that was written down before, signed with the timestamp of that row."""
        way = self._way(account)
        credentials = await self._credentials(account)
        calls = self.settings.protect_calls if lane is Lane.ENTRY else 0
        self._protectable(way.gate.could_promise(calls))
        await way.gate.enter(credentials.key, call.bucket, lane, self.settings.patience_seconds)
        self._protectable(way.gate.promise(calls))
        return await self._send(way, call, credentials, signed_ms)

    async def ask(self, account: AccountId, call: Call[T], lane: Lane) -> Outcome[T]:
        """A question, or an act that is safe to repeat: signed when it leaves."""
        way = self._way(account)
        credentials = await self._credentials(account)
        await self._asking(way, credentials.key, call, lane)
        return await self._send(way, call, credentials, ms(self.clock.now()))

    async def look(self, call: Call[T]) -> Outcome[T]:
        """A public question, through the first address."""
        way = self.ways[self.egresses[0].name]
        await self._asking(way, "", call, Lane.LOOK_UP)
        return await way.client.look(call)

    def _way(self, account: AccountId) -> Way:
        return self.ways[pinned(account, self.egresses, self.by_hand).name]

    def _protectable(self, is_promised: bool) -> None:
        if not is_promised:
            raise NotSent("Nothing left: no calls would be left over to protect the entry.")

    async def _asking(self, way: Way, key: str, call: Call[T], lane: Lane) -> None:
        try:
            await way.gate.enter(key, call.bucket, lane, self.settings.ask_patience_seconds)
        except NotSent as error:
            raise VenueUnreachable(f"CoinDCX was not asked. {error.what}") from error

    async def _credentials(self, account: AccountId) -> Credentials:
        try:
            return await self.keys.credentials(account)
        except (Missing, Forbidden) as error:
            raise OrderRefused("forbidden", str(error)) from error

    async def _send(
        self, way: Way, call: Call[T], credentials: Credentials, signed_ms: int
    ) -> Outcome[T]:
        outcome = await way.client.ask(call, credentials, signed_ms)
        if isinstance(outcome, Unknown) and outcome.doubt is Doubt.RATE_LIMITED:
            way.gate.refused(credentials.key)
        return outcome
