"""A plan as rows."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from control_plane.core.ids import (
    InstrumentId,
)
from control_plane.infra.canonical import canonical_json
from control_plane.orders.models.scene import Intended, Skipped
from control_plane.signals.models.stored import StoredSignal
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import canonical

# fmt: off
PLANNED = (
    "signal_id", "deployment_id", "instrument", "gen", "trigger_ms", "filled", "state",
    "attempt", "number", "retry_ms", "looks", "epoch", "version", "planned_ms", "id",
    "subscription_id", "account_id", "tenant", "shard", "margin_currency", "venue", "leg",
    "trade_id", "waits_for", "side", "kind", "quantity", "limit_price", "stop_loss",
    "take_profit", "leverage", "slippage", "expires_ms", "rank", "explain",
)
# fmt: on


def intent_rows(
    intended: Sequence[Intended], signal: StoredSignal, instrument: Instrument, now: int
) -> list[tuple[Any, ...]]:
    """In the order of `PLANNED`: what all have in common, then what is each one's own. Amounts as
    canonical text, which is how either driver sends them fastest.
    """
    is_future = instrument.is_futures
    alike = (signal.id, signal.deployment, instrument.id, 0, signal.trigger_open_ms, "0")
    zeros = (0, 0, 0, 0, 0, 0, now)
    texts: dict[int, str | None] = {}

    def text(value: Decimal | None) -> str | None:
        """Once for each of those that many have in common."""
        found = texts.get(id(value))
        if found is None and value is not None:
            found = texts[id(value)] = canonical(value)
        return found

    rows: list[tuple[Any, ...]] = []
    for one in intended:
        terms = one.subscriber.terms
        is_ready = one.leg == "entry" and one.waits_for is None
        rows.append(
            (
                *alike,
                "READY" if is_ready else "PLANNED",
                *zeros,
                one.id,
                terms.id,
                terms.account_id,
                terms.tenant,
                terms.shard,
                terms.margin_currency if is_future else "",
                one.subscriber.venue,
                one.leg,
                one.trade,
                one.waits_for,
                one.side,
                one.kind,
                canonical(one.quantity),
                text(one.limit_price),
                text(one.stop_loss),
                text(one.take_profit),
                text(one.leverage),
                canonical(terms.slippage),
                one.expires_ms,
                one.rank,
                canonical_json(one.explain),
            )
        )
    return rows


def skip_row(one: Skipped, signal: StoredSignal, now: int) -> dict[str, Any]:
    return {
        "signal_id": signal.id,
        "subscription_id": one.subscriber.terms.id,
        "tenant": one.subscriber.terms.tenant,
        "shard": one.subscriber.terms.shard,
        "instrument": InstrumentId(signal.instrument),
        "reason": one.reason,
        "detail": canonical_json(one.detail),
        "at_ms": now,
    }
