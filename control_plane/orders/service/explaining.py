"""The order time machine: everything that led to an intent and came of it, in one record; and when
each step of a signal happened.

It is put together from rows that never change; what venues answered is kept for a while, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.core.ids import DeploymentId, IntentId, SignalId, Tenant
from control_plane.deployments import service as deployments
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models.requests import request_of, written_of
from control_plane.orders.models.timeline import Timeline, timeline
from control_plane.orders.service import reading
from control_plane.orders.store import explaining as store
from control_plane.orders.store import planned, replies, trades
from control_plane.signals.service import reading as signals
from strategy_runtime.rules.money import canonical

REDACTED = "redacted"


def story(tx: Tx, tenant: Tenant, identity: IntentId) -> dict[str, Any] | None:
    """All of one intent, its signal's cause first; none if it is not this tenant's."""
    found = reading.intent(tx, tenant, identity)
    if found is None:
        return None
    trade = store.trade_of_intent(tx, identity)
    return {
        "intent": {**found, "explain": msgspec.json.decode(found["explain"])}
        | {"risk": msgspec.json.decode(found["risk"]) if found["risk"] else None},
        "cause": _cause(tx, found["signal_id"]) if found["signal_id"] else None,
        "orders": [_order(tx, row) for row in store.orders_of(tx, identity)],
        "exchanges": [_exchange(row) for row in replies.of_intent(tx, identity)],
        "steps": _steps(tx, identity),
        "fills": [dict(row._mapping) for row in store.fills_of(tx, identity)],
        "trade": dict(trade._mapping) if trade is not None else None,
        "ledger": [dict(row._mapping) for row in trades.booked_of_trade(tx, trade.id)]
        if trade is not None
        else [],
    }


def times(tx: Tx, tenant: Tenant, identity: SignalId) -> Timeline | None:
    """None while nobody has planned it, and for whom it is not."""
    plan = planned.plan_of(tx, identity)
    signal = signals.signal(tx, identity) if plan is not None else None
    if plan is None or signal is None or signal.tenant != tenant:
        return None
    return timeline(signal, plan, store.moments(tx, identity))


def _cause(tx: Tx, identity: str) -> Mapping[str, Any]:
    """Which code, in which image, said what, on which candle."""
    with tx.for_everybody():  # its author's, and told to whom it moved
        signal = signals.signal(tx, SignalId(identity))
        origin = deployments.origin(tx, DeploymentId(signal.deployment), signal.generation)
    return {
        "signal": asdict(signal),
        "candle": {"trigger": signal.trigger, "open_ms": signal.trigger_open_ms},
        "code": asdict(origin) if origin is not None else None,
    }


def _order(tx: Tx, row: Row[Any]) -> Mapping[str, Any]:
    """What was asked, without key and signature, and what the venue said."""
    request = asdict(request_of(written_of(row), market.instrument(tx, row.instrument)))
    request["instrument"] = row.instrument
    asked = {
        name: canonical(value) if hasattr(value, "as_tuple") else value
        for name, value in request.items()
    }
    return {
        "id": row.id,
        "number": row.number,
        "attempt": row.attempt,
        "request": asked | {"key": REDACTED, "signature": REDACTED},
        "body_sha256": row.body_sha256,
        "reply": {
            "exchange_order_id": row.exchange_order_id,
            "acknowledged_ms": row.acknowledged_ms,
            "state": row.state,
            "reason": row.reason,
        },
    }


def _exchange(row: Row[Any]) -> Mapping[str, Any]:
    """One answer, as it came but for what is private."""
    try:
        body = msgspec.json.decode(row.body)
    except msgspec.DecodeError:
        body = row.body  # cut, or no document at all
    names = ("at_ms", "asked", "client_order_id", "method", "path", "status")
    return {name: getattr(row, name) for name in names} | {"body": body}


def _steps(tx: Tx, identity: str) -> Sequence[Mapping[str, Any]]:
    return [
        {"at_ms": row["at_ms"], "what": row["kind"], **row["body"]}
        for row in events.about(tx, "intent", identity)
    ]
