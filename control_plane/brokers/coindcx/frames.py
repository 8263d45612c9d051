"""What arrives on the sockets, as events. Pure.

Every event's argument is an envelope whose `data` is JSON once more, as text; sometimes, perhaps,
as an object. Sockets are a fast path and carry no label of whose they are: what cannot be read is
dropped with its reason, for REST is the truth.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from control_plane.brokers.coindcx import parse, parse_futures
from control_plane.brokers.coindcx.document import Odd, read_json
from control_plane.brokers.coindcx.models import FuturesOrder, Position, SpotOrder
from control_plane.brokers.coindcx.models_public import PublicTrade
from control_plane.brokers.coindcx.values import Row, rows

LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BalanceTold:
    currency: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class FillTold:
    """A spot trade; without a side, so only a hint to ask for fills."""

    trade_id: str
    order_id: str
    client_order_id: str
    market: str
    price: Decimal
    quantity: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class TradeTold:
    pair: str
    is_futures: bool
    trade: PublicTrade


@dataclass(frozen=True, slots=True)
class CandleTold:
    """`closed` is None where the venue does not say: on futures only time tells."""

    pair: str
    interval: str
    is_futures: bool
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    closed: bool | None
    at_ms: int  # when the venue said it; 0 where it does not tell


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    name: str
    why: str


Told = BalanceTold | FillTold | SpotOrder | FuturesOrder | Position | TradeTold | CandleTold


def read_frame(name: str, argument: object) -> list[Told] | NotUnderstood:
    """What an event tells; an event that we do not use tells nothing."""
    reader = READERS.get(name)
    if reader is None:
        return []
    try:
        return reader(_data(argument))
    except Odd as error:
        return NotUnderstood(name, str(error))


def _data(argument: object) -> object:
    data = Row.of(argument, "envelope").fields.get("data")
    return read_json(data.encode(), LIMIT) if isinstance(data, str) else _exact(data)


def _exact(value: object) -> object:
    """An object that somebody parsed already, with floats in it: back to the digits they had."""
    match value:
        case float():
            return Decimal(repr(value))
        case dict():
            return {str(key): _exact(each) for key, each in value.items()}
        case list():
            return [_exact(each) for each in value]
        case _:
            return value


def _balances(value: object) -> list[Told]:
    return [
        BalanceTold(
            row.text("currency_short_name"), row.amount("balance"), row.amount_or("locked_balance")
        )
        for row in rows(value, "balances")
    ]


def _fills(value: object) -> list[Told]:
    return [
        FillTold(
            trade_id=row.id("t"),
            order_id=row.id("o"),
            client_order_id=row.text_or("c"),
            market=row.text("s"),
            price=row.positive("p"),
            quantity=row.positive("q"),
            at_ms=row.time_ms("T"),
        )
        for row in rows(value, "fills")
    ]


def _orders(value: object) -> list[Told]:
    return list(parse.spot_orders(value))


def _futures_orders(value: object) -> list[Told]:
    return list(parse_futures.orders(value))


def _positions(value: object) -> list[Told]:
    return list(parse_futures.positions(value))


def _trade(value: object) -> list[Told]:
    row = Row.of(value, "trade")
    maker = row.fields.get("m")
    if maker not in (0, 1):
        raise Odd("trade.m is no yes or no")
    trade = PublicTrade(row.positive("p"), row.positive("q"), bool(maker), row.time_ms("T"))
    return [TradeTold(row.text("s"), row.text_or("pr") in ("f", "futures"), trade)]


def _candles(value: object) -> list[Told]:
    row = Row.of(value, "candle")
    if row.text_or("pr") == "futures":
        at_ms = row.time_ms_or("Ets")
        return [_futures_candle(each, at_ms) for each in row.rows("data")]
    channel = row.text("channel")
    closed = row.fields.get("x")
    return [
        CandleTold(
            pair=channel.rsplit("_", 1)[0],
            interval=row.text("i"),
            is_futures=False,
            open_ms=row.time_ms("t"),
            open=row.positive("o"),
            high=row.positive("h"),
            low=row.positive("l"),
            close=row.positive("c"),
            volume=row.unsigned("v"),
            closed=closed if isinstance(closed, bool) else None,
            at_ms=row.time_ms_or("eT"),
        )
    ]


def _futures_candle(row: Row, at_ms: int) -> CandleTold:
    return CandleTold(
        pair=row.text("pair"),
        interval=row.text("duration"),
        is_futures=True,
        open_ms=row.count("open_time") * 1000,
        open=row.positive("open"),
        high=row.positive("high"),
        low=row.positive("low"),
        close=row.positive("close"),
        volume=row.unsigned("volume"),
        closed=None,
        at_ms=at_ms,
    )


READERS: Mapping[str, Callable[[object], list[Told]]] = {
    "balance-update": _balances,
    "trade-update": _fills,
    "order-update": _orders,
    "df-order-update": _futures_orders,
    "df-position-update": _positions,
    "new-trade": _trade,
    "candlestick": _candles,
}
