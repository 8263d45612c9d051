"""Public payloads, to models: the rulebook of markets and instruments, prices and bars. Pure."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from control_plane.brokers.coindcx.document import Odd
from control_plane.brokers.coindcx.models import BOOKS
from control_plane.brokers.coindcx.models_public import (
    Bar,
    Conversion,
    CurrentPrice,
    Depth,
    FuturesInstrument,
    Market,
    PublicTrade,
    Stats,
    Ticker,
)
from control_plane.brokers.coindcx.values import Row, as_text, pairs, rows

T = TypeVar("T")
ONE = Decimal(1)


def names(value: object) -> list[str]:
    if not isinstance(value, list):
        raise Odd("the names are no list")
    return [as_text(each) for each in value]


def markets(value: object) -> tuple[list[Market], list[str]]:
    """The markets, and why others of the list cannot be used: one bad row stops nobody else."""
    return _each(value, "markets", _market)


def instrument(value: object) -> FuturesInstrument:
    row = Row.of(value, "reply").row("instrument")
    increment, step = row.positive("price_increment"), row.positive("quantity_increment")
    return FuturesInstrument(
        pair=row.text("pair"),
        margin_currency=row.word_or("margin_currency_short_name", BOOKS, "USDT"),
        base=row.text("underlying_currency_short_name"),
        quote=row.text("quote_currency_short_name"),
        active=row.text("status") == "active",
        exit_only=row.flag_or("exit_only"),
        price_increment=increment,
        quantity_increment=step,
        min_quantity=max(row.unsigned_or("min_quantity"), row.unsigned_or("min_trade_size"), step),
        max_quantity=row.positive("max_quantity"),
        max_market_quantity=row.unsigned_or("max_market_order_quantity"),
        min_price=row.unsigned_or("min_price"),
        max_price=row.positive("max_price"),
        min_notional=row.unsigned_or("min_notional"),
        maker_percent=row.amount("maker_fee"),
        taker_percent=row.amount("taker_fee"),
        band_up_percent=row.unsigned_or("multiplier_up"),
        band_down_percent=row.unsigned_or("multiplier_down"),
        funding_hours=row.count_or("funding_frequency", 8),
        order_types=_words(row, "order_types"),
        time_in_force=_words(row, "time_in_force_options"),
        leverage_tiers=_tiers(row, "dynamic_position_leverage_details"),
        maintenance_tiers=_tiers(row, "dynamic_safety_margin_details"),
    )


def tickers(value: object) -> tuple[list[Ticker], list[str]]:
    return _each(value, "tickers", _ticker)


def trades(value: object) -> list[PublicTrade]:
    """Spot's short keys and futures' long ones."""
    return [_trade(row) for row in rows(value, "trades")]


def depth(value: object) -> Depth:
    row = Row.of(value, "order book")
    at = next((row.time_ms(key) for key in ("timestamp", "ts") if row.has(key)), 0)
    bids = sorted(_levels(row, "bids"), key=lambda level: -level[0])
    asks = sorted(_levels(row, "asks"), key=lambda level: level[0])
    return Depth(tuple(bids), tuple(asks), at)


def bars(value: object) -> list[Bar]:
    """Oldest first, from either route: `candles` sends newest first, `candlesticks` wraps."""
    if isinstance(value, dict):
        if value.get("s") != "ok":
            raise Odd("the bars are not ok")
        value = value.get("data")
    return sorted((_bar(row) for row in rows(value, "bars")), key=lambda bar: bar.open_ms)


def current_prices(value: object) -> dict[str, CurrentPrice]:
    """Rows of which any key may be missing."""
    reply = Row.of(value, "current prices")
    at = reply.time_ms_or("ts")
    return {
        pair: _current(pair, Row.of(each, pair), at)
        for pair, each in reply.row("prices").fields.items()
    }


def conversions(value: object) -> list[Conversion]:
    return [
        Conversion(
            symbol=row.text("symbol"),
            margin_currency=row.text("margin_currency_short_name"),
            target_currency=row.text("target_currency_short_name"),
            price=row.positive("conversion_price"),
            updated_ms=row.time_ms("last_updated_at"),
        )
        for row in rows(value, "conversions")
    ]


def stats(value: object) -> Stats:
    row = Row.of(value, "stats")
    changes = row.row("price_change_percent")
    spans = row.row("high_and_low")
    return Stats(
        {key: changes.amount(key) for key in changes.fields},
        {key: (spans.row(key).unsigned("h"), spans.row(key).unsigned("l")) for key in spans.fields},
    )


def _market(row: Row) -> Market:
    quantity_decimals, step = row.count("target_currency_precision"), row.unsigned("step")
    if quantity_decimals > 18 or row.count("base_currency_precision") > 18:
        raise Odd(f"{row.name} has more decimals than any market")
    return Market(
        name=row.text("coindcx_name"),
        pair=row.text("pair"),
        symbol=row.text("symbol"),
        ecode=row.text("ecode"),
        base=row.text("target_currency_short_name"),
        quote=row.text("base_currency_short_name"),
        price_decimals=row.count("base_currency_precision"),
        quantity_decimals=quantity_decimals,
        min_quantity=row.unsigned_or("min_quantity"),
        max_quantity=row.positive("max_quantity"),
        max_market_quantity=row.unsigned_or("max_quantity_market"),
        min_price=row.unsigned_or("min_price"),
        max_price=row.positive("max_price"),
        min_notional=row.unsigned_or("min_notional"),
        step=step or ONE.scaleb(-quantity_decimals),
        order_types=_words(row, "order_types"),
        active=row.text("status") == "active",
    )


def _ticker(row: Row) -> Ticker:
    stamp = row.count("timestamp")
    return Ticker(
        market=row.text("market"),
        last=row.unsigned("last_price"),
        bid=row.maybe_unsigned("bid"),
        ask=row.maybe_unsigned("ask"),
        at_ms=stamp * 1000 if stamp < 10**11 else stamp,  # seconds live, milliseconds on paper
    )


def _trade(row: Row) -> PublicTrade:
    if row.has("p"):
        maker = row.fields.get("m")
        if maker not in (True, False):  # 0 and 1 on sockets
            raise Odd(f"{row.name}.m is no yes or no")
        return PublicTrade(row.positive("p"), row.positive("q"), bool(maker), row.time_ms("T"))
    return PublicTrade(
        row.positive("price"),
        row.positive("quantity"),
        row.flag_or("is_maker"),
        row.time_ms("timestamp"),
    )


def _levels(row: Row, side: str) -> list[tuple[Decimal, Decimal]]:
    levels = [level for level in pairs(row.fields.get(side), side) if level[1]]
    if any(price <= 0 or quantity < 0 for price, quantity in levels):
        raise Odd(f"{side} holds a price or quantity below zero")
    return levels


def _bar(row: Row) -> Bar:
    bar = Bar(
        open_ms=row.time_ms("time"),
        open=row.positive("open"),
        high=row.positive("high"),
        low=row.positive("low"),
        close=row.positive("close"),
        volume=row.unsigned("volume"),
    )
    if bar.low > min(bar.open, bar.close) or bar.high < max(bar.open, bar.close):
        raise Odd(f"{row.name} trades outside of its own range")
    return bar


def _current(pair: str, row: Row, at: int) -> CurrentPrice:
    return CurrentPrice(
        pair=pair,
        last=row.maybe_unsigned("ls"),
        mark=row.maybe_unsigned("mp"),
        funding_rate=row.maybe_amount("fr"),
        at_ms=row.time_ms_or("btST", at),
    )


def _words(row: Row, key: str) -> tuple[str, ...]:
    value = row.fields.get(key)
    if not isinstance(value, list):
        raise Odd(f"{row.name}.{key} is no list")
    return tuple(as_text(each) for each in value)


def _tiers(row: Row, key: str) -> tuple[tuple[Decimal, Decimal], ...]:
    value = row.fields.get(key)
    if value is None:
        return ()
    return tuple(sorted(pairs(value, key)))


def _each(value: object, name: str, read: Callable[[Row], T]) -> tuple[list[T], list[str]]:
    found: list[T] = []
    odd: list[str] = []
    for row in rows(value, name):
        try:
            found.append(read(row))
        except Odd as error:
            odd.append(str(error))
    return found, odd
