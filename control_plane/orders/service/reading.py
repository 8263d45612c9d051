"""What whoever looks on is shown: the newest orders and trades, and how many there are."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.core.ids import AccountId, IntentId, Tenant
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx
from control_plane.infra.paging import Asked
from control_plane.orders.store import lists, planned

CENT_OF_A_CENT = Decimal("0.0001")


def newest_orders(tx: Tx, limit: int) -> Sequence[Row[Any]]:
    return lists.orders_page(tx, None, Asked(limit)).rows


def newest_trades(tx: Tx, limit: int) -> Sequence[Row[Any]]:
    return lists.trades_page(tx, None, Asked(limit)).rows


def counts(tx: Tx) -> tuple[int, int]:
    """Orders and trades, ever."""
    return lists.order_count(tx), lists.trade_count(tx)


def intent(tx: Tx, tenant: Tenant, identity: IntentId) -> dict[str, Any] | None:
    """With the whole record that recomputes its quantity: its own part and its signal's."""
    found = lists.intent_of(tx, tenant, identity)
    if found is None:
        return None
    plan = (
        planned.plan_of(tx, found.signal_id) if found.signal_id and found.leg == "entry" else None
    )
    shared = msgspec.json.decode(plan.shared) if plan is not None else {}
    explain = canonical_json({**shared, **msgspec.json.decode(found.explain)})
    return dict(found._mapping) | {"explain": explain}


def profits(tx: Tx) -> dict[str, Decimal]:
    """What closed trades came to, by currency: a figure for the eye, rounded."""
    return {
        row.currency: Decimal(row.pnl).quantize(CENT_OF_A_CENT) for row in lists.profit_sums(tx)
    }


def has_open_trade(tx: Tx, account: AccountId) -> bool:
    return lists.has_open_trade(tx, account)
