"""Whatever bytes arrive: the client never crashes, and never takes something else for its order.

`SLIPWAY_FUZZ=100000` sets how many mutated payloads are tried; the judgement of what may be
accepted is written again here, on the standard library's own parser.
"""

import contextlib
import json
import os
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.brokers.coindcx import futures, futures_positions, spot
from control_plane.brokers.coindcx.calls import Call
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.document import Odd, read_json
from control_plane.brokers.coindcx.frames import READERS as SOCKET_READERS
from control_plane.brokers.coindcx.frames import read_frame
from control_plane.brokers.coindcx.outcomes import Accepted
from control_plane.infra.net import Reply
from tests.fakes.net import FakeNet, json_reply
from tests.unit.brokers.coindcx.payloads import (
    FOLDER,
    FUTURES_ORDER,
    FUTURES_SIGNED_MS,
    SPOT_ORDER,
    SPOT_SIGNED_MS,
    body,
)
from tests.unit.brokers.coindcx.test_parse import READERS

PAYLOADS = int(os.environ.get("SLIPWAY_FUZZ", "5000"))
CLIENT = Client(FakeNet(lambda _: json_reply(b"")))
RECORDED = sorted(path.read_bytes() for path in FOLDER.glob("*.json"))
ANSWERS = (body("order_create"), body("futures_order_create"))
EVENTS = sorted(SOCKET_READERS)
STATUSES = [200] * 12 + [400, 401, 404, 422, 429, 500, 403, 302]
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 5, 50, 10**30, 1e-300, "", "None", "NaN", "1e400", "0x10", [], {},
    [[]], {"id": "1"}, "buy", "sell", "filled", "open", "error", "\ud800", "é", "9" * 400, "-0",
]  # fmt: skip
SPOT = spot.create(SPOT_ORDER, require_echo=True, signed_ms=SPOT_SIGNED_MS, skew_ms=2_000)
FUTURES = futures.create(FUTURES_ORDER, signed_ms=FUTURES_SIGNED_MS, skew_ms=2_000)
OTHERS: list[Call[Any]] = [
    spot.balances(),
    spot.cancel("1"),
    futures_positions.positions(),
    futures_positions.create_tpsl("x", SPOT_ORDER.quantity, None),
]


def test_mutated_payloads_never_crash_nor_pass_for_our_order() -> None:
    rng = random.Random(20260903)
    accepted = 0
    for _ in range(PAYLOADS):
        accepted += _try(mutated(rng), rng.choice(STATUSES), rng)
    assert accepted, "no mutation survives: the generator tests nothing"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["id", "orders", "status", "message", "code", "data", "instrument"])
                | st.text(max_size=8),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    ),
    st.sampled_from(STATUSES),
)
@settings(max_examples=150, deadline=None)
def test_no_document_crashes_a_reader(value: object, status: int) -> None:
    _try(json.dumps(value).encode("utf-8", "surrogatepass"), status, random.Random(1))


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_bytes_crash_a_reader(text: bytes) -> None:
    _try(text, 200, random.Random(1))


def _try(text: bytes, status: int, rng: random.Random) -> int:
    reply = Reply(status, {}, text)
    found = CLIENT.outcome(SPOT, reply)
    if isinstance(found, Accepted):
        assert status == 200
        assert _is_spot_order(text), text
    also = CLIENT.outcome(FUTURES, reply)
    if isinstance(also, Accepted):
        assert status == 200
        assert _is_futures_order(text), text
    CLIENT.outcome(rng.choice(OTHERS), reply)
    _, reader = rng.choice(READERS)
    with contextlib.suppress(Odd):
        reader(read_json(text, 1_000_000))
    read_frame(rng.choice(EVENTS), {"data": text.decode("utf-8", "replace")})
    return isinstance(found, Accepted) + isinstance(also, Accepted)


def _is_spot_order(text: bytes) -> bool:
    value = json.loads(text)
    rows = value.get("orders", [value]) if isinstance(value, dict) else value
    (row,) = rows
    return (
        row["client_order_id"] == "stratA.acc17.000042"
        and row["market"] == "USDTINR"
        and row["side"] == "buy"
        and row["order_type"] == "limit_order"
        and float(row["total_quantity"]) == 5
        and float(row["price_per_unit"]) == 50
        and row["id"] not in (None, "", "None", 0)
    )


def _is_futures_order(text: bytes) -> bool:
    (row,) = json.loads(text)
    return (
        row["pair"] == "B-BTC_USDT"
        and row["side"] == "sell"
        and row["order_type"] == "market_order"
        and float(row["total_quantity"]) == 0.002
        and float(row["leverage"]) == 5
        and row["margin_currency_short_name"] == "INR"
    )


def mutated(rng: random.Random) -> bytes:
    text = rng.choice((rng.choice(RECORDED), *ANSWERS))
    for _ in range(rng.choice((1, 1, 2, 4))):
        text = rng.choice((_structure, _structure, _structure, _bytes, _cut, _spliced))(text, rng)
    return text


def _structure(text: bytes, rng: random.Random) -> bytes:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    places = list(_places(value))
    if not places:
        return text
    container, key = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del container[key]
        case 1 if isinstance(container, list):
            container.append(container[key])
        case _:
            container[key] = rng.choice(VALUES)
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from _places(inner)


def _bytes(text: bytes, rng: random.Random) -> bytes:
    if not text:
        return text
    at = rng.randrange(len(text))
    return (
        text[:at]
        + bytes([rng.choice((rng.randrange(256), 0x22, 0x7B, 0x5B, 0x2D))])
        + text[at + 1 :]
    )


def _cut(text: bytes, rng: random.Random) -> bytes:
    return text[: rng.randrange(len(text) + 1)]


def _spliced(text: bytes, rng: random.Random) -> bytes:
    other = rng.choice(RECORDED)
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other)) :]
