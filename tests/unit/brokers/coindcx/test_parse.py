"""Every recorded form of every payload."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from control_plane.brokers.coindcx import parse, parse_futures, parse_public
from control_plane.brokers.coindcx.document import Odd, read_json
from control_plane.brokers.coindcx.models import Rejected, SpotOrder
from tests.unit.brokers.coindcx.payloads import body, changed, document

READERS: list[tuple[str, Callable[[object], object]]] = [
    ("ticker", parse_public.tickers),
    ("markets_details", parse_public.markets),
    ("trade_history_public", parse_public.trades),
    ("orderbook", parse_public.depth),
    ("orderbook_unsorted", parse_public.depth),
    ("candles", parse_public.bars),
    ("candlesticks", parse_public.bars),
    ("futures_active_instruments", parse_public.names),
    ("futures_instrument", parse_public.instrument),
    ("futures_public_trades", parse_public.trades),
    ("futures_orderbook", parse_public.depth),
    ("futures_current_prices", parse_public.current_prices),
    ("futures_conversions", parse_public.conversions),
    ("futures_stats", parse_public.stats),
    ("balances", parse.balances),
    ("balances_2024", parse.balances),
    ("users_info", parse.user),
    ("order_status", parse.spot_order),
    ("order_create", parse.spot_order),
    ("order_cancelled_2024", parse.spot_order),
    ("active_orders", parse.spot_orders),
    ("create_multiple_mixed", parse.spot_batch),
    ("trade_history", parse.spot_trades),
    ("trade_history_2024", parse.spot_trades),
    ("active_orders_count", parse.open_count),
    ("cancel", parse.ack),
    ("cancel_2024", parse.ack),
    ("margin_ack", parse.ack),
    ("futures_exit", parse.ack),
    ("margin_orders", parse_futures.margin_orders),
    ("lend_orders", parse_futures.lent),
    ("futures_order_create", parse_futures.order),
    ("futures_order_none", parse_futures.order),
    ("futures_positions", parse_futures.positions),
    ("futures_positions_flat", parse_futures.positions),
    ("futures_create_tpsl", parse_futures.stops_placed),
    ("futures_transactions", parse_futures.transactions),
    ("futures_trades", parse_futures.trades),
    ("futures_trades_live", parse_futures.trades),
    ("futures_cross_margin", parse_futures.cross_margin),
    ("futures_wallets", parse.wallets),
    ("futures_wallet_transactions", parse.wallet_transactions),
]


@pytest.mark.parametrize(("name", "reader"), READERS)
def test_every_recorded_payload_parses(name: str, reader: Callable[[object], object]) -> None:
    assert reader(document(name))


def test_an_id_is_text_whether_it_came_as_text_or_number() -> None:
    as_number = read_json(changed("order_status", id=796071145), 10_000)
    assert parse.spot_order(as_number) == parse.spot_order(document("order_status"))


def test_none_in_quotes_is_null() -> None:
    assert parse_futures.order(document("futures_order_none")) == parse_futures.order(
        document("futures_order_create")
    )


def test_an_iso_date_and_a_float_of_milliseconds_are_times() -> None:
    assert parse.spot_orders(document("active_orders"))[0].created_ms == 1783421549770
    assert parse.spot_trades(document("trade_history_2024"))[0].at_ms == 1718386312255


def test_numbers_keep_every_digit_also_in_exponent_form() -> None:
    assert parse.balances(document("balances_2024"))[1].free == Decimal("7.009e-9")
    markets, odd = parse_public.markets(document("markets_details"))
    assert not odd
    assert markets[3].min_quantity == Decimal("1e-7")
    assert markets[3].min_price == Decimal("85666.6666666666666")


def test_their_base_is_the_asset_that_prices() -> None:
    market = parse_public.markets(document("markets_details"))[0][0]
    assert (market.base, market.quote, market.name) == ("BTC", "INR", "BTCINR")


def test_the_best_price_is_first_whatever_the_keys_order() -> None:
    depth = parse_public.depth(document("orderbook_unsorted"))
    assert depth.bids[0][0] == Decimal("79749.99")
    assert depth.asks[0][0] == Decimal("79750.01")
    assert len(depth.asks) == 2


def test_a_batch_tells_each_elements_fate() -> None:
    made, refused = parse.spot_batch(document("create_multiple_mixed"))
    assert isinstance(made, SpotOrder)
    assert refused == Rejected("Currency pair is not valid")


def test_each_leg_of_a_stop_and_target_has_its_own_fate() -> None:
    placed = parse_futures.stops_placed(document("futures_create_tpsl"))
    assert placed.stop_loss is not None
    assert placed.stop_loss.order is not None
    assert placed.take_profit is not None
    assert placed.take_profit.error == "TP already exists"


def test_the_filled_amount_of_a_cancelled_order_is_not_guessed() -> None:
    assert parse.spot_order(document("order_cancelled_2024")).filled is None
    assert parse.spot_order(document("order_status")).filled == 0


def test_a_user_is_a_hash() -> None:
    user = parse.user(document("users_info"))
    assert len(user.id_sha256) == 64
    assert "fda259ce" not in repr(user)
    bare = read_json(body("users_info"), 1_000)
    assert isinstance(bare, list)
    assert parse.user(bare[0]) == user


def test_one_bad_market_stops_no_other() -> None:
    rows = document("markets_details")
    assert isinstance(rows, list)
    rows[1]["max_price"] = "cheap"
    markets, odd = parse_public.markets(rows)
    assert len(markets) == 4
    assert "markets[1].max_price" in odd[0]


WRONG: list[dict[str, Any]] = [
    {"status": "nearly"},
    {"side": "BUY"},
    {"remaining_quantity": 6},
    {"remaining_quantity": -1},
    {"total_quantity": 0},
    {"status": "filled"},
    {"id": None},
    {"id": 0},
    {"id": True},
    {"market": ""},
    {"market": "USDT\nINR"},
    {"created_at": 1783342068},
    {"created_at": "yesterday"},
    {"created_at": "2026-07-07T10:52:29"},
    {"total_quantity": True},
    {"total_quantity": "five"},
    {"total_quantity": "1e999999"},
    {"total_quantity": 1e300},
    {"price_per_unit": [50]},
    {"cancelled_quantity": 9},
]


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_an_order_that_means_nothing_is_odd(fields: dict[str, Any]) -> None:
    with pytest.raises(Odd):
        parse.spot_order(read_json(changed("order_create", **fields), 100_000))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1,]",
        b"NaN",
        b'{"a":Infinity}',
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b"\xff\xfe",
        b"1" * 5_000,
        b'{"a":1e99999999999999999999}',
        b"<html>502</html>",
    ],
    ids=lambda text: str(text[:20]),
)
def test_a_body_that_is_no_document_is_odd(text: bytes) -> None:
    with pytest.raises(Odd):
        parse.balances(read_json(text, 1_000_000))


def test_a_body_longer_than_asked_for_is_odd() -> None:
    with pytest.raises(Odd, match="more than 10"):
        read_json(b"[" + b"0," * 10 + b"0]", 10)


def test_a_position_without_a_price_is_odd() -> None:
    with pytest.raises(Odd, match="at no price"):
        parse_futures.positions(read_json(changed("futures_positions", avg_price=0), 10_000))


def test_a_row_told_twice_is_odd() -> None:
    rows = document("balances")
    assert isinstance(rows, list)
    with pytest.raises(Odd, match="twice"):
        parse.balances([*rows, rows[0]])
