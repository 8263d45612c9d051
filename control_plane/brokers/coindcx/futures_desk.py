"""Futures behind the port: orders without ids of ours, positions, their stops and exits."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from control_plane.brokers.coindcx import futures, futures_positions
from control_plane.brokers.coindcx.answers import acted, refusal, told
from control_plane.brokers.coindcx.fingerprint import ours
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.models import FUTURES_OPEN, FuturesOrder, Position
from control_plane.brokers.coindcx.outcomes import Reason, Refused
from control_plane.brokers.coindcx.pieces import as_one, groups
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.brokers.coindcx.views import STATES, futures_view, new_futures
from control_plane.brokers.errors import NotSent, OrderRefused, OutcomeUnknown, VenueUnreachable
from control_plane.brokers.models import Accepted as Placed
from control_plane.brokers.models import OrderRequest, VenueOrder
from control_plane.core.clock import from_ms, ms
from control_plane.core.ids import AccountId
from strategy_runtime.rules.instruments import Instrument

STATUSES_OPEN = tuple(each for each in FUTURES_OPEN if each != "initial")


@dataclass(frozen=True)
class FuturesDesk:
    lanes: Lanes
    settings: VenueSettings
    # Leverage that was set once because an order asked for it: a second refusal is final.
    levered: set[tuple[AccountId, str, str, Decimal]] = field(default_factory=set)
    # Orders in several pieces, as far as they were seen: a piece's fills are the whole's.
    pieces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    whole_of: dict[str, str] = field(default_factory=dict)

    async def place(self, order: OrderRequest, lane: Lane) -> Placed:
        if order.closes:
            return await self._exit(order)
        asked = new_futures(order, inline_stops=self.settings.inline_stops)
        call = futures.create(asked, signed_ms=order.signed_ms, skew_ms=self.settings.skew_ms)
        outcome = await self.lanes.order(order.account, call, lane, order.signed_ms)
        if isinstance(outcome, Refused) and outcome.reason is Reason.LEVERAGE:
            await self._set_leverage(order, outcome)
        made = acted(outcome)
        if made.status == "rejected":
            raise OrderRefused("other", "CoinDCX took the order and rejected it.")
        return Placed(made.id, STATES[made.status])

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> None:
        name = exchange_order_id
        if not name:
            found = await self._listed(order)
            if found is None:
                raise OrderRefused("unknown_order", "CoinDCX knows no such order.")
            name = found.id
        await self._cancel(order.account, self.pieces.get(name, (name,)))

    async def _cancel(self, account: AccountId, names: Sequence[str]) -> None:
        """Of several pieces, those that can be: one that is done does not keep the others."""
        refused: list[OrderRefused] = []
        for name in names:
            try:
                acted(await self.lanes.ask(account, futures.cancel(name), Lane.CANCEL))
            except OrderRefused as refusal:
                refused.append(refusal)
        if len(refused) == len(names):
            raise refused[0]

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        """By its id if we know it, else by its fingerprint; there is no question for one order."""
        if not exchange_order_id:
            found = await self._listed(order)
            return None if found is None else futures_view(order.account, found)
        for each in self._whole(await self._since(order)):
            if each.id == exchange_order_id:
                return futures_view(order.account, each)
        return None

    async def _since(self, order: OrderRequest) -> list[FuturesOrder]:
        return [each async for each in self.newest(order.account, order.side, order.signed_ms)]

    def _whole(self, listed: Sequence[FuturesOrder]) -> list[FuturesOrder]:
        """What was split as one, and which its pieces are."""
        for group in groups(listed):
            names = tuple(each.id for each in group)
            self.pieces[names[0]] = names
            self.whole_of.update(dict.fromkeys(names[1:], names[0]))
        return as_one(listed)

    async def open_orders(self, account: AccountId, instrument: Instrument) -> list[VenueOrder]:
        return [
            futures_view(account, each)
            for side in ("buy", "sell")
            async for each in self._pages(account, side, STATUSES_OPEN)
            if each.pair == instrument.pair
        ]

    async def positions(self, account: AccountId) -> list[Position]:
        """Every row, the flat ones too: one for each pair and book that was ever held."""
        found: list[Position] = []
        for page in range(1, self.settings.most_pages + 1):
            call = futures_positions.positions(page=page, size=self.settings.page)
            rows = told(await self.lanes.ask(account, call, Lane.LOOK_UP))
            if not rows:
                return found
            found += rows
        raise VenueUnreachable("CoinDCX lists more positions than can be read at once.")

    async def protect(
        self,
        account: AccountId,
        instrument: Instrument,
        margin_currency: str,
        stop_loss: Decimal,
        take_profit: Decimal | None,
    ) -> None:
        """What stands already stays; what differs is replaced; what stands after is read back."""
        held = await self._held(account, instrument.pair, margin_currency)
        needed = {
            "stop_loss": stop_loss if held.stop_loss != stop_loss else None,
            "take_profit": take_profit if held.take_profit != take_profit else None,
        }
        if needed["stop_loss"] is None and needed["take_profit"] is None:
            return
        await self._clear(account, held, needed)
        call = futures_positions.create_tpsl(held.id, needed["stop_loss"], needed["take_profit"])
        placed = acted(await self.lanes.ask(account, call, Lane.STOP))
        for leg in (placed.stop_loss, placed.take_profit):
            if leg is not None and leg.order is None:
                passed = "current price" in leg.error
                raise OrderRefused("trigger_passed" if passed else "other", leg.error)
        stands = await self._held(account, instrument.pair, margin_currency)
        if stands.stop_loss != stop_loss:
            raise OutcomeUnknown("CoinDCX took the stop and does not show it.")

    async def newest(
        self, account: AccountId, side: str, since_ms: int
    ) -> AsyncIterator[FuturesOrder]:
        """Orders of one side, newest first, back to a little before that time."""
        oldest = since_ms - self.settings.skew_ms
        async for each in self._pages(account, side, futures.LISTED):
            if each.created_ms < oldest:
                return
            yield each

    async def _listed(self, order: OrderRequest) -> FuturesOrder | None:
        listed = await self._since(order)
        window_ms = int(self.settings.window_seconds * 1000)
        whole = self._whole(listed)
        found = ours(order, whole, skew_ms=self.settings.skew_ms, window_ms=window_ms)
        if found is None:
            await self._witness(order, {each.id for each in listed})
        return found

    async def _witness(self, order: OrderRequest, listed: set[str]) -> None:
        """A list may lag or lie; a fill of an order that it does not name says that it does."""
        since_ms = order.signed_ms - self.settings.skew_ms
        day = timedelta(days=1)
        first, last = from_ms(since_ms) - day, from_ms(ms(self.lanes.clock.now())) + day
        call = futures.trades(order.instrument.pair, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")
        strangers = {
            each.order_id
            for each in told(await self.lanes.ask(order.account, call, Lane.LOOK_UP))
            if each.at_ms >= since_ms
            and (each.side, each.margin_currency) == (order.side, order.margin_currency)
        } - listed
        if not strangers:
            return
        async for older in self.newest(order.account, order.side, 0):
            strangers.discard(older.id)  # a stop of long ago that fired: not what is sought
            if not strangers:
                return
        raise VenueUnreachable("CoinDCX shows a fill of an order that it does not list.")

    async def _exit(self, order: OrderRequest) -> Placed:
        held = await self._held(order.account, order.instrument.pair, order.margin_currency)
        if (held.quantity > 0) != (order.side == "sell"):
            raise OrderRefused("no_position", "The position is on the other side.")
        call = futures_positions.exit_position(held.id)
        done = acted(await self.lanes.order(order.account, call, Lane.EXIT, order.signed_ms))
        for each in self._whole(await self._since(order)):
            if each.stage == "exit" and done.group_id in ("", each.group_id):
                return Placed(each.id, STATES[each.status])
        raise OutcomeUnknown("CoinDCX took the exit and does not list its order yet.")

    async def _held(self, account: AccountId, pair: str, margin_currency: str) -> Position:
        call = futures_positions.positions((pair,), size=self.settings.page)
        for each in told(await self.lanes.ask(account, call, Lane.EXIT)):
            if each.margin_currency == margin_currency and not each.is_flat:
                return each
        raise OrderRefused("no_position", f"There is no {margin_currency} position in {pair}.")

    async def _clear(
        self, account: AccountId, held: Position, needed: dict[str, Decimal | None]
    ) -> None:
        """A leg that stands at another price refuses its successor, so it goes first."""
        side = "sell" if held.quantity > 0 else "buy"
        standing = {"stop_loss": held.stop_loss, "take_profit": held.take_profit}
        if not any(needed[leg] is not None and standing[leg] is not None for leg in needed):
            return
        async for each in self._pages(account, side, ("untriggered",)):
            leg = "take_profit" if each.order_type.startswith("take_profit") else "stop_loss"
            mine = (each.pair, each.margin_currency) == (held.pair, held.margin_currency)
            if mine and each.stage == "tpsl_exit" and needed[leg] is not None:
                acted(await self.lanes.ask(account, futures.cancel(each.id), Lane.STOP))

    async def _set_leverage(self, order: OrderRequest, refused: Refused) -> None:
        """Once, and only while nothing is held: the order itself may then be sent again."""
        book, pair = order.margin_currency, order.instrument.pair
        key = (order.account, pair, book, order.leverage)
        rows = told(
            await self.lanes.ask(order.account, futures_positions.positions((pair,)), Lane.LOOK_UP)
        )
        is_flat = all(each.is_flat for each in rows if each.margin_currency == book)
        if key in self.levered or not is_flat:
            raise refusal(refused)
        self.levered.add(key)
        call = futures_positions.update_leverage(pair, order.leverage, book)
        acted(await self.lanes.ask(order.account, call, Lane.ENTRY))
        raise NotSent(f"Leverage {order.leverage} was set first; the order was not taken.")

    async def _pages(
        self, account: AccountId, side: str, statuses: tuple[str, ...]
    ) -> AsyncIterator[FuturesOrder]:
        """Until a page is empty: how long a page may be is the venue's secret."""
        for page in range(1, self.settings.most_pages + 1):
            call = futures.orders(side, statuses, page, self.settings.page)
            rows = told(await self.lanes.ask(account, call, Lane.LOOK_UP))
            if not rows:
                return
            for each in rows:
                yield each
        raise VenueUnreachable("CoinDCX lists more orders than can be read at once.")
