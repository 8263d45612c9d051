"""An example for every shape: a field's own `examples`, or what its name means everywhere.

One name means one thing in this API, so one value shows it.
"""

from collections.abc import Mapping
from typing import Any

DEPLOYMENT, ACCOUNT = "dpq3v5m2k7a4c6d8e2", "ach2j4k6m8n3p5q7r2"
JOB, BACKTEST = "jbq3v5m2k7a4c6d8e2", "bt7a4c6d8e2q3v5m2k"
SIGNAL, SUBSCRIPTION = "sgq3v5m2k7a4c6d8e2f4h6j2k4", "sbx4z6b2d7f3h5j6k2"
INTENT, ORDER, TRADE = (
    "q3v5m2k7a4c6d8e2f4h6j2k4m6",
    "orb4d6f2h7j3k5m6n2",
    "tdq3v5m2k7a4c6d8e2f4h6j2k4",
)
VERSION = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MOMENT = "2026-01-05T09:30:00Z"

SHOWN: Mapping[str, Any] = {
    "access_token": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c2FubiJ9.c2lnbmF0dXJl",
    "account_id": ACCOUNT,
    "address": "192.0.2.7",
    "agent": "curl/8.5.0",
    "api_key": "4f1d0c9b8a7e6d5c",
    "api_secret": "9c8b7a6d5e4f3c2b1a09",
    "backtest_id": BACKTEST,
    "base": "BTC",
    "by_user": "admin@example.com",
    "capital": "5000",
    "capital_currency": "USDT",
    "class_name": "Crossover",
    "client_order_id": f"a1e{INTENT}",
    "close": 65100.0,
    "code": "123456",
    "code_sha256": VERSION,
    "cpus": 0.5,
    "csrf_token": "5b1f0a3c9d7e2468",
    "currency": "INR",
    "current_password": "four quiet words here",
    "cursor": "WzE3Njc2MDM4MDAwMDAsMTJd",
    "default": 10,
    "deployment_id": DEPLOYMENT,
    "description": "Buys when the fast average crosses above the slow one.",
    "desired": "running",
    "detail": "There is no field 'colour' here.",
    "email": "ann@example.com",
    "entered": "0.062",
    "entry_value": "4030",
    "error": None,
    "errors": None,
    "exchange": "coindcx",
    "exchange_fill_id": "f-1001",
    "exchange_order_id": "9b1deb4d-3b7d",
    "exit_code": None,
    "exit_reason": None,
    "exit_value": "0",
    "exited": "0",
    "explain": {"capital_q": "5000", "quantity": "0.062"},
    "fee": "2.01",
    "fee_currency": "USDT",
    "fees": "2.01",
    "field": "colour",
    "filled": "0.062",
    "fingerprint": "3c6e0b8a9c15224a",
    "free": "100000",
    "high": 65200.0,
    "hint": "8e2f",
    "home_currency": "INR",
    "id": DEPLOYMENT,
    "instrument": "spot:B-BTC_USDT",
    "intent_id": INTENT,
    "invitation": None,
    "job_id": JOB,
    "last_trigger": "5m:1767571200000",
    "launcher": "docker",
    "level": "info",
    "leverage": "1",
    "limit_price": "65010",
    "locked": "0",
    "log_tail": "",
    "maker_fee": "0.001",
    "low": 64900.0,
    "manifest": {"resolution": "5m"},
    "margin_currency": "",
    "max_daily_loss": "0.05",
    "max_leverage": "1",
    "max_notional": "20000",
    "memory_bytes": 26_000_000,
    "memory_mb": 512,
    "message": "The module os may not be imported.",
    "min_notional": "5",
    "min_quantity": "0.00001",
    "mode": "halt_new",
    "name": "night shift",
    "new_password": "another four quiet words",
    "next_cursor": None,
    "observed": "running",
    "open": 65000.0,
    "order_id": ORDER,
    "order_types": ["limit", "market"],
    "pair": "B-BTC_USDT",
    "parameters": {"fast": 10, "slow": 30},
    "password": "four quiet words here",
    "pnl": "12.4",
    "price": "65000",
    "proof": "q3v5m2k7a4c6d8e2f4h6j2k4m6n8p2q4r6s8t2u4v6w",
    "quantity": "0.062",
    "quantity_step": "0.00001",
    "quote": "USDT",
    "reason": "decides on every candle",
    "refusal": None,
    "remedy": "Leave colour out.",
    "request_id": "rqh2j4k6m8n3p5q7r2",
    "resolution": "5m",
    "resolutions": ["5m"],
    "risk": "0.01",
    "run": INTENT,
    "scope": "platform",
    "scopes": ["read"],
    "secret": "JBSWY3DPEHPK3PXP",
    "sentence": "256 MB and 0.25 CPUs would do.",
    "session_id": "seb4d6f2h7j3k5m6n2",
    "side": "buy",
    "signal_id": SIGNAL,
    "slippage": "0.003",
    "subject": BACKTEST,
    "state": "active",
    "steps": ["Launch generation 2.", "Stop generation 1."],
    "stop_loss": "63700",
    "strategy": "SMA cross",
    "strategy_id": "stc4d6f2h7j3k5m6n2",
    "subject_id": DEPLOYMENT,
    "subject_kind": "deployment",
    "subscription_id": SUBSCRIPTION,
    "take_profit": "67600",
    "taker_fee": "0.001",
    "tenant": "usa4d6f2h7j3k5m6n2",
    "text": "crossed at 65000",
    "tick_size": "0.01",
    "title": "Invalid",
    "token": "slp_q3v5m2k7a4c6d8e2f4h6j2k4m6n8",
    "token_id": "tkb4d6f2h7j3k5m6n2",
    "trade_id": TRADE,
    "trigger": "5m:1767571200000",
    "trigger_price": None,
    "type": "urn:slipway:invalid",
    "uri": "otpauth://totp/Slipway:ann@example.com?secret=JBSWY3DPEHPK3PXP",
    "user": "usa4d6f2h7j3k5m6n2",
    "version_id": VERSION,
}
PLAIN: Mapping[str, Any] = {
    "boolean": False,
    "integer": 1,
    "null": None,
    "number": 1.5,
    "object": {},
    "string": "text",
}

Schema = Mapping[str, Any]


class NoExample(LookupError):
    """A text whose meaning nobody can guess from its name."""


def example(schema: Schema, known: Mapping[str, Schema], name: str = "") -> Any:
    """`known` are the document's shapes, by name."""
    if "$ref" in schema:
        return example(known[schema["$ref"].rsplit("/", 1)[-1]], known, name)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "example"):
        if key in schema:
            return schema[key]
    if "properties" in schema:
        return {field: example(of, known, field) for field, of in schema["properties"].items()}
    variants = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or [schema]
    if name in SHOWN and _takes(variants, SHOWN[name]):
        return SHOWN[name]
    return _plain(schema, variants[0], known, name)


def _plain(schema: Schema, variant: Schema, known: Mapping[str, Schema], name: str) -> Any:
    if variant is not schema:
        return example(variant, known, name)
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema and schema["default"] is not None:
        return schema["default"]
    match schema.get("type", "object"):
        case "array":
            items = schema.get("items", {})
            return [example(items, known, name)] if items else []
        case "string" if schema.get("format") == "date-time":
            return MOMENT
        case "string" if "contentMediaType" in schema or schema.get("format") == "binary":
            return "(a file)"
        case "string":
            raise NoExample(f"{name!r} has no example: give its Field examples=[…].")
        case kind:
            return PLAIN[kind]


def _takes(variants: list[Schema], value: Any) -> bool:
    """A name may mean a text here and a number there."""
    kinds = {variant.get("type") for variant in variants}
    if any("enum" in variant and value not in variant["enum"] for variant in variants):
        return False
    match value:
        case None:
            return "null" in kinds
        case str():
            return "string" in kinds
        case list():
            return "array" in kinds
        case dict():
            return "object" in kinds or kinds == {None}
        case _:
            return bool(kinds & {"integer", "number"})
