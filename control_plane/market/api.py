"""What can be traded, what it costs now, and how its price went."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from control_plane.core.clock import ms
from control_plane.core.ids import InstrumentId
from control_plane.infra.db import Tx
from control_plane.infra.http_callers import Me
from control_plane.infra.http_shapes import Items, Moment, Shape, listing
from control_plane.infra.paging import Asked, part
from control_plane.market import service
from control_plane.market.service import Market, Priced
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import Resolution


class InstrumentOut(Shape):
    id: str = Field(examples=["spot:B-BTC_USDT"])
    kind: str = Field(examples=["spot"])
    pair: str
    base: str
    quote: str
    tick_size: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    max_leverage: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    order_types: tuple[str, ...]


class PricedOut(InstrumentOut):
    price: Decimal | None = Field(description="None before its first trade.")
    priced_at: Moment | None = Field(description="Market time.")


class LagOut(Shape):
    instrument: str = Field(examples=["fut:B-BTC_USDT"])
    feed: str = Field(examples=["coindcx"])
    reason: str = Field(examples=["its minutes are late"])
    since_at: Moment = Field(validation_alias="since_ms")


class CandleOut(Shape):
    open_at: Moment = Field(validation_alias="open_ms")
    open: float
    high: float
    low: float
    close: float
    volume: float
    gap_filled: bool


def routes(market: Market) -> APIRouter:
    router = APIRouter(tags=["market"])

    @router.get("/instruments")
    async def list_instruments(
        me: Me, asked: Annotated[Asked, listing("kind", "base", "quote", "pair", by_name=True)]
    ) -> Items[PricedOut]:
        """What can be traded, with its rules and its latest price."""
        found = part(
            (
                ((0, one.instrument.id), one)
                for one in await market.prices()
                if all(getattr(one.instrument, name) == is_ for name, is_ in asked.where.items())
            ),
            asked,
        )
        return Items(items=list(map(_priced, found.rows)), next_cursor=found.next_cursor)

    @router.get("/instruments/named")
    async def resolve_instrument(
        me: Me, text: Annotated[str, Query(max_length=60, examples=["BTCUSDT"])]
    ) -> InstrumentOut:
        """The instrument that a person means by BTCUSDT, BTC/USDT or I-BTC_INR."""
        return InstrumentOut.model_validate(await market.db.read(_named, text))

    @router.get("/instruments/lagging")
    async def list_lagging(
        me: Me, asked: Annotated[Asked, listing("instrument", "feed")]
    ) -> Items[LagOut]:
        """Instruments whose feed is behind: no entry is made on them until it has caught up."""
        found = await market.db.read(service.lagging)
        rows = [LagOut.model_validate(one) for one in found]
        return Items.some(rows, asked, at="since_at", by="instrument")

    @router.get("/candles")
    async def list_candles(
        me: Me,
        instrument: Annotated[str, Query(max_length=60, examples=["spot:B-BTC_USDT"])],
        resolution: Resolution = "1m",
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        before: Annotated[
            AwareDatetime | None, Query(description="Only those that opened before this moment")
        ] = None,
    ) -> Items[CandleOut]:
        """The newest closed candles, oldest first; with `before`, the newest of those before."""
        until_ms = None if before is None else ms(before)
        found = await market.db.read(_candles, instrument, resolution, limit, until_ms)
        return Items.of(CandleOut, found)

    return router


def _priced(one: Priced) -> PricedOut:
    shown = {name: getattr(one.instrument, name) for name in InstrumentOut.model_fields}
    return PricedOut(**shown, price=one.price, priced_at=one.at_ms)


def _named(tx: Tx, text: str) -> Instrument:
    return service.instrument(tx, service.resolve(tx, text))


def _candles(
    tx: Tx, text: str, resolution: Resolution, limit: int, until_ms: int | None
) -> list[Candle]:
    identity: InstrumentId = service.resolve(tx, text)
    return service.candles(tx, identity, resolution, until_ms=until_ms, limit=limit)
