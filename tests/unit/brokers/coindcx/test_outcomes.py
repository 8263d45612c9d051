"""Three outcomes and nothing between them."""

import asyncio

import pytest

from control_plane.brokers.coindcx import futures, spot
from control_plane.brokers.coindcx.calls import Call
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.models import SpotOrder
from control_plane.brokers.coindcx.outcomes import (
    Accepted,
    Doubt,
    Outcome,
    Reason,
    Refused,
    Unknown,
)
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.infra.net import Reply, Request, Unreachable
from tests.fakes.net import FakeNet, json_reply
from tests.unit.brokers.coindcx.payloads import (
    FUTURES_ORDER,
    FUTURES_SIGNED_MS,
    SPOT_ORDER,
    SPOT_SIGNED_MS,
    body,
    changed,
    refusals,
)

KEY = Credentials("k", "s")


def create() -> Call[SpotOrder]:
    return spot.create(SPOT_ORDER, require_echo=True, signed_ms=SPOT_SIGNED_MS, skew_ms=2_000)


def outcome(reply: Reply, *, trust_texts: bool = False) -> Outcome[SpotOrder]:
    return Client(FakeNet(lambda _: reply), trust_texts=trust_texts).outcome(create(), reply)


def doubt(reply: Reply) -> Doubt:
    found = outcome(reply)
    assert isinstance(found, Unknown), found
    return found.doubt


def test_the_reply_that_describes_the_order_is_accepted() -> None:
    found = outcome(json_reply(body("order_create")))
    assert isinstance(found, Accepted)
    assert found.value.id == "796071145"


@pytest.mark.parametrize(("status", "envelope", "reason"), refusals())
def test_every_documented_refusal_has_its_reason(status: int, envelope: bytes, reason: str) -> None:
    found = outcome(json_reply(envelope, status))
    assert isinstance(found, Refused)
    assert found.reason == Reason(reason)


def test_a_refusal_nobody_documented_is_unknown_on_an_order_unless_trusted() -> None:
    reply = json_reply(
        b'{"code":422,"message":"Moon is in the seventh house","status":"error"}', 422
    )
    assert doubt(reply) is Doubt.UNDOCUMENTED_REFUSAL
    trusted = outcome(reply, trust_texts=True)
    assert isinstance(trusted, Refused)
    assert trusted.reason is Reason.UNRECOGNISED


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (429, b'{"code":429,"message":"Too Many Requests","status":"error"}', Doubt.RATE_LIMITED),
        (500, b"", Doubt.SERVER_FAULT),
        (503, b'{"code":503,"message":"x","status":"error"}', Doubt.SERVER_FAULT),
        (502, b"<html>bad gateway</html>", Doubt.SERVER_FAULT),
        (200, b"<html>bad gateway</html>", Doubt.NOT_JSON),
        (403, b"<html>challenge</html>", Doubt.NOT_JSON),
        (403, b'{"code":403,"message":"no","status":"error"}', Doubt.UNDOCUMENTED_REFUSAL),
        (200, b"", Doubt.NOT_JSON),
        (200, b'{"orders":[{"id":"7960', Doubt.NOT_JSON),
        (200, b'{"orders":[]}', Doubt.ODD_SHAPE),
        (200, b"[]", Doubt.ODD_SHAPE),
        (200, b"null", Doubt.ODD_SHAPE),
        (200, b'{"code":422,"message":"x","status":"error"}', Doubt.ODD_SHAPE),
        (422, b'{"code":400,"message":"Insufficient funds","status":"error"}', Doubt.ODD_SHAPE),
        (400, b'{"message":"Insufficient funds"}', Doubt.ODD_SHAPE),
        (400, b'{"code":400,"message":7,"status":"error"}', Doubt.ODD_SHAPE),
        (400, b'{"code":400,"message":"Insufficient funds","status":"success"}', Doubt.ODD_SHAPE),
        (201, body("order_create"), Doubt.UNDOCUMENTED_REFUSAL),
        (302, b"{}", Doubt.UNDOCUMENTED_REFUSAL),
    ],
)
def test_whatever_is_in_no_documented_form_is_unknown(
    status: int, text: bytes, expected: Doubt
) -> None:
    assert doubt(json_reply(text, status)) is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"client_order_id": "somebody.elses"},
        {"client_order_id": None},
        {"market": "BTCINR"},
        {"side": "sell"},
        {"total_quantity": 50, "remaining_quantity": 50},
        {"price_per_unit": 50.01},
        {"order_type": "market_order"},
        {"created_at": SPOT_SIGNED_MS - 3_000},
    ],
    ids=str,
)
def test_a_reply_about_another_order_is_unknown(fields: dict[str, object]) -> None:
    assert doubt(json_reply(changed("order_create", **fields))) is Doubt.NOT_OURS


@pytest.mark.parametrize(
    "fields",
    [
        {"pair": "B-ETH_USDT"},
        {"side": "buy"},
        {"leverage": 10},
        {"margin_currency_short_name": "USDT"},
        {"total_quantity": 0.2, "remaining_quantity": 0.2},
    ],
    ids=str,
)
def test_a_futures_reply_about_another_order_is_unknown(fields: dict[str, object]) -> None:
    call = futures.create(FUTURES_ORDER, signed_ms=FUTURES_SIGNED_MS, skew_ms=2_000)
    client = Client(FakeNet(lambda _: json_reply(b"")))
    assert isinstance(client.outcome(call, json_reply(body("futures_order_create"))), Accepted)
    found = client.outcome(call, json_reply(changed("futures_order_create", **fields)))
    assert isinstance(found, Unknown)


async def test_no_answer_is_unknown_and_nothing_is_sent_again() -> None:
    def lost(request: Request) -> Reply:
        raise Unreachable(f"{request.url} does not answer: reset.")

    net = FakeNet(lost)
    found = await Client(net).ask(create(), KEY, SPOT_SIGNED_MS)
    assert isinstance(found, Unknown)
    assert found.doubt is Doubt.NO_ANSWER
    assert len(net.sent) == 1


async def test_the_deadline_covers_an_answer_that_drips() -> None:
    class Dripping:
        async def send(self, request: Request) -> Reply:
            await asyncio.Event().wait()
            raise AssertionError

    client = Client(Dripping(), deadline_seconds=0.01)
    found = await client.ask(create(), KEY, SPOT_SIGNED_MS)
    assert isinstance(found, Unknown)
    assert found.doubt is Doubt.NO_ANSWER


async def test_a_429_on_an_order_is_not_repeated() -> None:
    net = FakeNet(lambda _: json_reply(b'{"code":429,"message":"Too Many Requests"}', 429))
    await Client(net).ask(create(), KEY, SPOT_SIGNED_MS)
    assert len(net.sent) == 1


def test_a_status_of_another_order_is_unknown() -> None:
    reply = json_reply(body("order_status"))
    client = Client(FakeNet(lambda _: reply))
    assert isinstance(client.outcome(spot.status(order_id="796071145"), reply), Accepted)
    assert isinstance(client.outcome(spot.status(order_id="796071146"), reply), Unknown)
    assert isinstance(client.outcome(spot.status(client_order_id="mine"), reply), Unknown)


@pytest.mark.parametrize("length", [0, 37])
def test_a_client_order_id_beyond_the_venues_limit_is_never_sent(length: int) -> None:
    order = spot.NewOrder("BTCINR", "buy", "limit_order", SPOT_ORDER.quantity, "x" * length)
    with pytest.raises(ValueError, match="36"):
        spot.create(order, require_echo=True, signed_ms=1, skew_ms=0)
