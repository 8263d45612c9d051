"""Spot behind the port: placing, cancelling, finding by our id, what is open, what was filled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loguru import logger

from control_plane.brokers.coindcx import spot
from control_plane.brokers.coindcx.answers import acted, told
from control_plane.brokers.coindcx.catalogue import Catalogue
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.models import SpotOrder, SpotTrade
from control_plane.brokers.coindcx.outcomes import Accepted, Reason, Refused
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.brokers.coindcx.views import STATES, market_name, new_spot, spot_fill, spot_view
from control_plane.brokers.errors import OrderRefused, VenueUnreachable
from control_plane.brokers.models import Accepted as Placed
from control_plane.brokers.models import OrderRequest, VenueFill, VenueOrder
from control_plane.core.ids import AccountId, InstrumentId
from strategy_runtime.rules.instruments import Instrument


@dataclass(frozen=True)
class SpotDesk:
    lanes: Lanes
    settings: VenueSettings

    async def place(self, order: OrderRequest, lane: Lane) -> Placed:
        call = spot.create(
            new_spot(order, stops_allowed=self.settings.spot_stop_orders),
            require_echo=self.settings.require_echo,
            signed_ms=order.signed_ms,
            skew_ms=self.settings.skew_ms,
        )
        made = acted(await self.lanes.order(order.account, call, lane, order.signed_ms))
        if made.status == "rejected":
            raise OrderRefused("other", "CoinDCX took the order and rejected it.")
        return Placed(made.id, STATES[made.status])

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> None:
        call = (
            spot.cancel(exchange_order_id)
            if exchange_order_id
            else spot.cancel(client_order_id=order.client_order_id)
        )
        outcome = await self.lanes.ask(order.account, call, Lane.CANCEL)
        if isinstance(outcome, Refused) and outcome.reason is Reason.BAD_REQUEST:
            raise OrderRefused("unknown_order", "CoinDCX knows no such order.")
        acted(outcome)

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        call = (
            spot.status(order_id=exchange_order_id)
            if exchange_order_id
            else spot.status(client_order_id=order.client_order_id)
        )
        outcome = await self.lanes.ask(order.account, call, Lane.LOOK_UP)
        match outcome:
            case Refused(reason=Reason.NOT_FOUND):
                return None
            case Refused(reason=Reason.BAD_REQUEST):
                return await self._sought(order)
            case _:
                found = told(outcome)
        if not _is(found, order):
            raise VenueUnreachable(f"CoinDCX answers with another order than {found.id}.")
        return await self._seen(order, found)

    async def open_orders(self, account: AccountId, instrument: Instrument) -> list[VenueOrder]:
        found = await self._active(account, market_name(instrument))
        return [spot_view(account, instrument, each) for each in found]

    async def fills(
        self, account: AccountId, after: int, catalogue: Catalogue, now_ms: int
    ) -> tuple[list[VenueFill], int]:
        """What was filled after that trade id, with our client ids, and the id to go on from. With
        no id yet, what is recent: a trader's history before us is none of ours.
        """
        since_ms = None if after else now_ms - self.settings.first_look_ms
        found: list[SpotTrade] = []
        for _ in range(self.settings.most_pages):
            call = spot.trade_history(from_id=after or None, since_ms=since_ms)
            page = told(await self.lanes.ask(account, call, Lane.LOOK_UP))
            fresh = [each for each in page if int(each.id) > after]
            found += fresh
            if not fresh:
                break
            after = int(fresh[-1].id)
        names = await self._client_ids(account, sorted({each.order_id for each in found}))
        fills = [_fill(account, each, names.get(each.order_id, ""), catalogue) for each in found]
        return [each for each in fills if each is not None], after

    async def _sought(self, order: OrderRequest) -> VenueOrder | None:
        """`Invalid Request` may stand for "not found", or not. Absent is only what neither rests
        nor was filled since.
        """
        for each in await self._active(order.account, market_name(order.instrument)):
            if each.client_order_id == order.client_order_id:
                return spot_view(order.account, order.instrument, each)
            if not each.client_order_id and _is(each, order):
                raise VenueUnreachable("An order at CoinDCX names no client id and could be ours.")
        since = order.signed_ms - self.settings.skew_ms
        call = spot.trade_history(market=market_name(order.instrument), since_ms=since)
        trades = told(await self.lanes.ask(order.account, call, Lane.LOOK_UP))
        if any(each.side == order.side and each.at_ms >= since for each in trades):
            raise VenueUnreachable("Fills at CoinDCX since could be of the order that is sought.")
        return None

    async def _seen(self, order: OrderRequest, found: SpotOrder) -> VenueOrder:
        """After a cancel the fills alone tell how much was traded."""
        view = spot_view(order.account, order.instrument, found)
        if found.filled is not None or found.status == "rejected":
            return view
        traded = [
            each
            for each in await self._trades_since(order.account, found)
            if each.order_id == found.id
        ]
        return replace(view, filled=sum((each.quantity for each in traded), start=view.filled))

    async def _trades_since(self, account: AccountId, order: SpotOrder) -> list[SpotTrade]:
        found: list[SpotTrade] = []
        after = 0
        for _ in range(self.settings.most_pages):
            since = order.created_ms - self.settings.skew_ms
            call = spot.trade_history(from_id=after or None, market=order.market, since_ms=since)
            page = told(await self.lanes.ask(account, call, Lane.LOOK_UP))
            fresh = [each for each in page if int(each.id) > after]
            if not fresh:
                return found
            found += fresh
            after = int(fresh[-1].id)
        raise VenueUnreachable("CoinDCX lists more fills than can be read at once.")

    async def _active(self, account: AccountId, market: str) -> list[SpotOrder]:
        found: list[SpotOrder] = []
        for page in range(1, self.settings.most_pages + 1):
            call = spot.active_orders(market, page=page)
            rows = told(await self.lanes.ask(account, call, Lane.LOOK_UP))
            found += rows
            if len(rows) < spot.PAGE:
                return found
        raise VenueUnreachable("CoinDCX lists more open orders than can be read at once.")

    async def _client_ids(self, account: AccountId, order_ids: Sequence[str]) -> dict[str, str]:
        """A fill does not say our id; its order does. One that cannot be asked stays unnamed."""
        names: dict[str, str] = {}
        for start in range(0, len(order_ids), spot.BATCH):
            call = spot.status_multiple(ids=order_ids[start : start + spot.BATCH])
            outcome = await self.lanes.ask(account, call, Lane.LOOK_UP)
            if isinstance(outcome, Accepted):
                names |= {each.id: each.client_order_id for each in outcome.value}
        return names


def _fill(
    account: AccountId, trade: SpotTrade, name: str, catalogue: Catalogue
) -> VenueFill | None:
    """None in a market that the venue names no more: it cannot be one that we traded."""
    found = catalogue.pair_of(trade.market, trade.ecode)
    if found is None:
        logger.warning("fill_in_unknown_market", account=account, market=trade.market)
        return None
    pair, quote = found
    return spot_fill(account, InstrumentId(f"spot:{pair}"), quote, trade, name)


def _is(found: SpotOrder, order: OrderRequest) -> bool:
    if found.client_order_id not in ("", order.client_order_id):
        return False
    return (found.market, found.side, found.quantity) == (
        market_name(order.instrument),
        order.side,
        order.quantity,
    )
