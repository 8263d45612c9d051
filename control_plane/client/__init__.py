"""The Python client of a Slipway, generated from its OpenAPI document by `make client`.

An operation is a function that makes a call, and a client sends it:

    from control_plane.client import Client, calls

    with Client("https://slipway.example", token) as slipway:
        account = slipway.send(calls.open_paper_account(name="a", currency="INR", amount="1000"))
        for trade in slipway.each(calls.list_trades(account_id=account["id"])):
            print(trade["instrument"], trade["pnl"])

Answers are typed dictionaries, just as they came: money stays text until you make it a Decimal.
"""

from typing import TYPE_CHECKING, Any

from control_plane.client.call import Call, Items
from control_plane.client.errors import (
    Conflict,
    Failed,
    Forbidden,
    Invalid,
    Missing,
    Refused,
    Stale,
    Throttled,
    Unauthenticated,
    Unreachable,
)

if TYPE_CHECKING:
    from control_plane.client.sending import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "Conflict",
    "Failed",
    "Forbidden",
    "Invalid",
    "Items",
    "Missing",
    "Refused",
    "Stale",
    "Throttled",
    "Unauthenticated",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    """Whoever only makes calls need not wait until the HTTP library is imported."""
    if name in {"AsyncClient", "Client"}:
        from control_plane.client import sending

        return getattr(sending, name)
    raise AttributeError(name)
