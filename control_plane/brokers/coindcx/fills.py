"""What was filled since, of spot and futures together, behind one cursor for each account.

A cursor is `{spot trade id}.{futures milliseconds}`. Futures fills carry no id of ours and may come
before their order is known, so they are told again for a while; whoever reads drops repeats.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from control_plane.brokers.coindcx import futures, futures_positions
from control_plane.brokers.coindcx.answers import told
from control_plane.brokers.coindcx.catalogue import Catalogue
from control_plane.brokers.coindcx.futures_desk import FuturesDesk
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.models import FuturesTrade, Transaction
from control_plane.brokers.coindcx.spot_desk import SpotDesk
from control_plane.brokers.coindcx.views import futures_fill, stage_of
from control_plane.brokers.errors import VenueUnreachable
from control_plane.brokers.models import Stage, VenueFill
from control_plane.core.clock import from_ms
from control_plane.core.ids import AccountId

BOOKED: Mapping[str, Stage] = {
    "exit": "exit",
    "tpsl_exit": "stop",
    "liquidation": "liquidation",
}


@dataclass(frozen=True)
class Fills:
    spot: SpotDesk
    futures: FuturesDesk

    async def since(
        self, account: AccountId, cursor: str, catalogue: Catalogue, now_ms: int
    ) -> list[VenueFill]:
        after, at_ms = read_cursor(cursor)
        on_spot, after = await self.spot.fills(account, after, catalogue, now_ms)
        overlap = self.futures.settings.fills_overlap_ms
        since_ms = at_ms - overlap if at_ms else now_ms - self.futures.settings.first_look_ms
        on_futures = await self._futures(account, since_ms, now_ms)
        newest = max((each.at_ms for each in on_futures), default=at_ms)
        found = sorted([*on_spot, *on_futures], key=lambda each: each.at_ms)
        return [replace(each, cursor=f"{after}.{newest}") for each in found]

    async def _futures(self, account: AccountId, since_ms: int, now_ms: int) -> list[VenueFill]:
        rows = await self.futures.positions(account)
        pairs = {each.pair for each in rows if not each.is_flat or each.updated_ms >= since_ms}
        trades: list[FuturesTrade] = []
        for pair in sorted(pairs):
            trades += await self._trades(account, pair, since_ms, now_ms)
        if not trades:
            return []
        oldest = min(each.at_ms for each in trades)
        stages = await self._stages(account, {each.order_id for each in trades}, oldest)
        whole_of = self.futures.whole_of
        return [
            futures_fill(
                account,
                replace(each, order_id=whole_of.get(each.order_id, each.order_id)),
                stages.get(each.order_id, "default"),
            )
            for each in trades
        ]

    async def _trades(
        self, account: AccountId, pair: str, since_ms: int, now_ms: int
    ) -> list[FuturesTrade]:
        """Oldest first. A day more at either end: nobody says whose midnight counts."""
        first, last = from_ms(since_ms) - timedelta(days=1), from_ms(now_ms) + timedelta(days=1)
        found: dict[object, FuturesTrade] = {}
        for page in range(1, self.futures.settings.most_pages + 1):
            call = futures.trades(pair, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}", page=page)
            rows = told(await self.futures.lanes.ask(account, call, Lane.LOOK_UP))
            for each in rows:
                if each.at_ms >= since_ms:
                    found[each.fill_id or each] = each
            if not rows or rows[-1].at_ms < since_ms:
                return [*found.values()][::-1]
        raise VenueUnreachable("CoinDCX lists more fills than can be read at once.")

    async def _stages(
        self, account: AccountId, order_ids: set[str], oldest_ms: int
    ) -> dict[str, Stage]:
        """Which of them were stops, targets, exits: the bookings tell, and orders which stop."""
        stages: dict[str, Stage] = {}
        async for each in self._bookings(account, oldest_ms):
            if each.parent_id in order_ids and (stage := BOOKED.get(each.stage)) is not None:
                stages[each.parent_id] = stage
        stops = {order_id for order_id, stage in stages.items() if stage == "stop"}
        return stages | await self._targets(account, stops)

    async def _bookings(self, account: AccountId, since_ms: int) -> AsyncIterator[Transaction]:
        oldest = since_ms - self.futures.settings.skew_ms
        for page in range(1, self.futures.settings.most_pages + 1):
            call = futures_positions.transactions(page=page)
            rows = told(await self.futures.lanes.ask(account, call, Lane.LOOK_UP))
            for each in rows:
                if each.at_ms < oldest:
                    return
                yield each
            if not rows:
                return

    async def _targets(self, account: AccountId, order_ids: set[str]) -> dict[str, Stage]:
        """A position's stop may be older than its fill by as long as the position stood, so orders
        are read until each is found; one that is not stays a stop.
        """
        found: dict[str, Stage] = {}
        for side in ("buy", "sell") if order_ids else ():
            async for each in self.futures.newest(account, side, 0):
                if each.id in order_ids:
                    found[each.id] = stage_of(each)
                if len(found) == len(order_ids):
                    return found
        return found


def read_cursor(cursor: str) -> tuple[int, int]:
    after, _, at_ms = cursor.partition(".")
    return int(after or 0), int(at_ms or 0)
