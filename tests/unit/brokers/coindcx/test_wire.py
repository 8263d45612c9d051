"""The signature vectors of the reference, and the bytes that are signed."""

from decimal import Decimal

import pytest

from control_plane.brokers.coindcx import futures, futures_positions, public, spot
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.wire import (
    Credentials,
    body_of,
    query,
    signature,
    socket_signature,
)
from tests.fakes.net import FakeNet, json_reply

KEY = Credentials("test-api-key-0001", "test-api-secret-0001")
STAMP = 1756900000000
V2 = (
    '{"side":"buy","order_type":"limit_order","market":"BTCINR","price_per_unit":7890000.5,'
    '"total_quantity":0.0002,"timestamp":1756900000000,"client_order_id":"stratA.acc17.000042"}'
)
V3 = (
    '{"timestamp":1756900000000,"order":{"side":"sell","pair":"B-BTC_USDT",'
    '"order_type":"market_order","total_quantity":0.002,"leverage":5,'
    '"notification":"no_notification","margin_currency_short_name":"INR",'
    '"position_margin_type":"isolated"}}'
)
SPACED = V2.replace(":", ": ").replace(",", ", ")
VECTORS = [
    (
        '{"timestamp":1756900000000}',
        "f7879804776ff2b972045b276f6cfd0b0f8c53c8dad65147fa718a73a340259c",
    ),
    (V2, "270a8e6f02dec74f9932544719b222a99954a1ffabb32618bcb6a50d47895f0a"),
    (V3, "59724db4a6278a9214d926e0d08e46bc4f7cbc22d0c924aceb65b123af1f727d"),
    ('{"channel":"coindcx"}', "71a69086f0ea59335932a97bb58b8fe1b42573455890ec3a0f9a4796121c189a"),
    (
        '{"timestamp":1756900000000,"id":815052513}',
        "fc7a1d24bbf8bdee0513404b3a238bcf9b3c313239fe0f396859090421d1ee05",
    ),
    (
        '{"timestamp":1756900000000,"client_order_id":"stratA.acc17.000042"}',
        "affb41ed0c3a11e5c64dbfdebb049666e66c40728eb96dab56f8ecf66b4f41a8",
    ),
    (SPACED, "58a52197965335459de08f4443f33f199aba098494b85e0f742bee2f165f9d23"),
]


def client() -> Client:
    return Client(FakeNet(lambda _: json_reply(b"{}")))


@pytest.mark.parametrize(("text", "expected"), VECTORS)
def test_the_signature_of_each_vector_is_the_references(text: str, expected: str) -> None:
    assert signature(KEY.secret, text.encode()) == expected


def test_a_signature_of_spaced_bytes_does_not_fit_the_compact_ones() -> None:
    assert len(SPACED) == 189
    assert signature(KEY.secret, V2.encode()) != signature(KEY.secret, SPACED.encode())


def test_the_socket_signature_is_the_fourth_vector() -> None:
    assert socket_signature(KEY.secret) == VECTORS[3][1]


def test_what_is_sent_is_what_was_signed_to_the_byte() -> None:
    sent = client().request(spot.status(order_id="815052513"), KEY, STAMP)
    assert sent.body == VECTORS[4][0].encode()
    assert sent.headers["X-AUTH-SIGNATURE"] == VECTORS[4][1]

    sent = client().request(spot.status(client_order_id="stratA.acc17.000042"), KEY, STAMP)
    assert sent.body == VECTORS[5][0].encode()
    assert sent.headers["X-AUTH-APIKEY"] == KEY.key


@pytest.mark.attack("Q8")
def test_a_request_that_is_printed_or_logged_shows_no_proof_and_no_key() -> None:
    sent = client().request(spot.status(order_id="815052513"), KEY, STAMP)

    for shown in (repr(sent), str(sent), f"{KEY!r}"):
        assert VECTORS[4][1] not in shown
        assert KEY.key not in shown
        assert KEY.secret not in shown


def test_a_futures_market_order_is_the_third_vector() -> None:
    order = futures.NewFuturesOrder(
        "B-BTC_USDT", "sell", "market_order", Decimal("0.002"), Decimal(5), "INR"
    )
    sent = client().request(futures.create(order, signed_ms=STAMP, skew_ms=0), KEY, STAMP)
    assert sent.body == V3.encode()


def test_wallets_are_asked_by_a_signed_get_with_a_body() -> None:
    sent = client().request(futures_positions.wallets(), KEY, STAMP)
    assert (sent.method, sent.body) == ("GET", VECTORS[0][0].encode())
    assert sent.headers["X-AUTH-SIGNATURE"] == VECTORS[0][1]


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1E-7", "0.0000001"), ("7890000.50", "7890000.5"), ("1E+3", "1000"), ("-0.0", "0")],
)
def test_an_amount_is_written_without_exponent_or_tail(amount: str, text: str) -> None:
    assert body_of({"q": Decimal(amount)}) == f'{{"q":{text}}}'.encode()


def test_an_amount_that_is_none_never_reaches_the_wire() -> None:
    with pytest.raises(ValueError, match="no amount"):
        body_of({"q": Decimal("NaN")})


def test_text_cannot_break_out_of_the_body_or_the_query() -> None:
    assert body_of({"a": 'x","timestamp":1'}) == b'{"a":"x\\",\\"timestamp\\":1"}'
    assert query({"pair": "A&limit=1#", "depth": None}) == "?pair=A%26limit%3D1%23"


def test_a_secret_is_in_no_repr() -> None:
    assert "test-api" not in repr(KEY)


def test_a_private_call_cannot_be_sent_unsigned_nor_a_public_one_signed() -> None:
    with pytest.raises(ValueError, match="private"):
        client().open_request(spot.balances())
    with pytest.raises(ValueError, match="public"):
        client().request(public.markets(), KEY, STAMP)


def test_the_bracketed_key_of_active_instruments_stays_as_it_is() -> None:
    url = client().open_request(public.active_instruments("INR")).url
    assert url.endswith("/active_instruments?margin_currency_short_name[]=INR")
