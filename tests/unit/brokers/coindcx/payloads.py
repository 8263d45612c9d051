"""The recorded payloads of the venue's reference."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from control_plane.brokers.coindcx.document import read_json
from control_plane.brokers.coindcx.futures import NewFuturesOrder
from control_plane.brokers.coindcx.spot import NewOrder

FOLDER = Path(__file__).parents[3] / "data" / "coindcx"

SPOT_ORDER = NewOrder(
    "USDTINR", "buy", "limit_order", Decimal(5), "stratA.acc17.000042", price=Decimal(50)
)
SPOT_SIGNED_MS = 1783342068900
FUTURES_ORDER = NewFuturesOrder(
    "B-BTC_USDT", "sell", "market_order", Decimal("0.002"), Decimal(5), "INR"
)
FUTURES_SIGNED_MS = 1788647376700


def body(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def document(name: str) -> object:
    return read_json(body(name), 1_000_000)


def changed(name: str, **fields: Any) -> bytes:
    """The recorded payload with some keys of its first row set to other values."""
    value = json.loads(body(name))
    row = value["orders"][0] if isinstance(value, dict) and "orders" in value else value
    row = row[0] if isinstance(row, list) else row
    row.update(fields)
    return json.dumps(value).encode()


def refusals() -> list[tuple[int, bytes, str]]:
    rows = json.loads(body("refusals"))
    return [(status, json.dumps(envelope).encode(), reason) for status, envelope, reason in rows]
