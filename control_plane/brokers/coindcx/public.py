"""The public calls: the rulebook, prices, bars. None is signed."""

from dataclasses import replace

from control_plane.brokers.coindcx import parse_public
from control_plane.brokers.coindcx.calls import CATALOGUE_REPLY, Call, public
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
from control_plane.brokers.coindcx.wire import Value

FUTURES_DATA = "/exchange/v1/derivatives/futures/data"


def ticker() -> Call[tuple[list[Ticker], list[str]]]:
    """Behind a cache: for display, never for the price of an order."""
    return public("/exchange/ticker", parse_public.tickers)


def markets() -> Call[list[str]]:
    return public("/exchange/v1/markets", parse_public.names)


def markets_details() -> Call[tuple[list[Market], list[str]]]:
    call = public("/exchange/v1/markets_details", parse_public.markets)
    return replace(call, reply_limit=CATALOGUE_REPLY)


def trade_history(pair: str, limit: int = 30) -> Call[list[PublicTrade]]:
    return public(
        "/market_data/trade_history", parse_public.trades, host="public", pair=pair, limit=limit
    )


def order_book(pair: str, depth: int = 50) -> Call[Depth]:
    return public(
        "/market_data/orderbook", parse_public.depth, host="public", pair=pair, depth=depth
    )


def candles(
    pair: str, interval: str, start_ms: int, end_ms: int, limit: int = 1000
) -> Call[list[Bar]]:
    """Both ends, always: an end alone is ignored by the venue."""
    return public(
        "/market_data/candles",
        parse_public.bars,
        host="public",
        pair=pair,
        interval=interval,
        startTime=start_ms,
        endTime=end_ms,
        limit=limit,
    )


def candlesticks(
    pair: str, resolution: str, from_s: int, to_s: int, *, futures: bool
) -> Call[list[Bar]]:
    asked: dict[str, Value] = {"pair": pair, "from": from_s, "to": to_s, "resolution": resolution}
    if futures:
        asked["pcode"] = "f"
    call = public("/market_data/candlesticks", parse_public.bars, host="public")
    return replace(call, query=asked)


def active_instruments(margin_currency: str) -> Call[list[str]]:
    call = public(f"{FUTURES_DATA}/active_instruments", parse_public.names)
    return replace(call, query={"margin_currency_short_name[]": margin_currency})


def instrument(pair: str, margin_currency: str) -> Call[FuturesInstrument]:
    return public(
        f"{FUTURES_DATA}/instrument",
        parse_public.instrument,
        pair=pair,
        margin_currency_short_name=margin_currency,
    )


def futures_trades(pair: str) -> Call[list[PublicTrade]]:
    return public(f"{FUTURES_DATA}/trades", parse_public.trades, pair=pair)


def futures_order_book(pair: str, depth: int = 50) -> Call[Depth]:
    return public(
        f"/market_data/v3/orderbook/{pair}-futures/{depth}", parse_public.depth, host="public"
    )


def current_prices() -> Call[dict[str, CurrentPrice]]:
    return public(
        "/market_data/v3/current_prices/futures/rt", parse_public.current_prices, host="public"
    )


def stats(pair: str) -> Call[Stats]:
    return public("/api/v1/derivatives/futures/data/stats", parse_public.stats, pair=pair)


def conversions() -> Call[list[Conversion]]:
    return public("/api/v1/derivatives/futures/data/conversions", parse_public.conversions)
