"""Halts: which orders a scope's halt keeps back. Exits always go.

`halt_new` refuses entries, `reduce_only` also takes back what is left of those that rest, `flatten`
also closes what is held.
"""

from typing import Any, Literal

Mode = Literal["halt_new", "reduce_only", "flatten"]

PLATFORM = "platform"
KINDS = ("venue", "deployment", "user", "account", "instrument")


def scopes_of(
    *, venue: str, deployment: str, user: str, account: str, instrument: str
) -> frozenset[str]:
    """Every scope whose halt covers an entry."""
    return frozenset(
        {
            PLATFORM,
            f"venue:{venue}",
            f"deployment:{deployment}",
            f"user:{user}",
            f"account:{account}",
            f"instrument:{instrument}",
        }
    )


def covering(row: Any) -> frozenset[str]:
    """The same for an intent or a trade."""
    return scopes_of(
        venue=row.venue,
        deployment=row.deployment_id,
        user=row.tenant,
        account=row.account_id,
        instrument=row.instrument,
    )


def is_scope(text: str) -> bool:
    kind, _, name = text.partition(":")
    return text == PLATFORM or (kind in KINDS and bool(name))
