"""An order as it is written down before it is sent, and the request that this row means.

The request is a pure function of the row, so that after a crash it can be looked up, or sent again,
exactly as it was.
"""

from dataclasses import dataclass, fields
from decimal import Decimal
from hashlib import sha256
from operator import attrgetter
from typing import Any

import msgspec

from control_plane.brokers.models import OrderKind, OrderRequest, Side
from control_plane.core.ids import AccountId, ClientOrderId
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import canonical


@dataclass(frozen=True)
class Written:
    """One order as its row has it."""

    account_id: str
    client_order_id: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    leverage: Decimal
    margin_currency: str
    signed_ms: int
    closes: bool


WRITTEN = tuple(field.name for field in fields(Written))


def written_of(row: Any) -> Written:
    return Written(**{name: getattr(row, name) for name in WRITTEN})


def request_of(
    row: Written, instrument: Instrument, taken: frozenset[str] = frozenset()
) -> OrderRequest:
    return OrderRequest(
        account=AccountId(row.account_id),
        instrument=instrument,
        client_order_id=ClientOrderId(row.client_order_id),
        side=row.side,
        kind=row.kind,
        quantity=row.quantity,
        signed_ms=row.signed_ms,
        price=row.price,
        trigger_price=row.trigger_price,
        leverage=row.leverage,
        margin_currency=row.margin_currency,
        stop_loss=row.stop_loss,
        take_profit=row.take_profit,
        closes=row.closes,
        taken=taken,
    )


def body_hash(request: OrderRequest) -> str:
    """The same for the same order, whenever it is asked."""
    texts = {
        name: canonical(value) if isinstance(value, Decimal) else value
        for name, value in zip(_REQUEST, _values(request), strict=True)
    }
    texts["instrument"] = request.instrument.id
    return sha256(msgspec.json.encode(texts, order="sorted")).hexdigest()


# `taken` is how we look for the order, and no part of it.
_REQUEST = tuple(field.name for field in fields(OrderRequest) if field.name != "taken")
_values = attrgetter(*_REQUEST)
