"""What keeps an order here at the last look: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from control_plane.orders.models.halts import covering
from control_plane.orders.models.states import Event


@dataclass(frozen=True)
class Refusal:
    event: Event
    reason: str


@dataclass(frozen=True)
class Standing:
    """What may have changed since a batch was planned."""

    halted: frozenset[str]
    open_accounts: frozenset[str]
    active: frozenset[str]  # subscriptions
    holding: frozenset[str]  # subscriptions with an open position
    open_trades: frozenset[str]  # that something of the batch is to protect or close

    def refusal(self, row: Any, now: int) -> Refusal | None:
        return self._of_entry(row, now) if row.leg == "entry" else self._of_way_out(row)

    def _of_entry(self, row: Any, now: int) -> Refusal | None:
        """Why an entry stays here after all."""
        if row.expires_ms is not None and row.expires_ms <= now:
            return Refusal("expired", "the signal is too old")
        if self.halted and (halted := self.halted & covering(row)):
            return Refusal("denied", f"halted: {', '.join(sorted(halted))}")
        if row.account_id not in self.open_accounts:
            return Refusal("denied", "the account is suspended")
        if row.subscription_id not in self.active:
            return Refusal("denied", "the subscription is no longer active")
        if row.subscription_id in self.holding:
            return Refusal("denied", "the subscription holds a position already")
        return None

    def _of_way_out(self, row: Any) -> Refusal | None:
        """It is bound to its position: it never closes the next one."""
        if row.trade_id in self.open_trades:
            return None
        return Refusal("denied", "the position that it was for is closed")


def abreast(rows: Sequence[Any]) -> list[Any]:
    """Of what would leave together, what may: of one position one order of each leg, and an entry
    only alone. The others wait for their turn.
    """
    taken: dict[tuple[str, str, str], set[str]] = {}
    found: list[Any] = []
    for row in rows:
        legs = taken.setdefault((row.account_id, row.instrument, row.margin_currency), set())
        if row.leg in legs or (legs and row.leg == "entry"):
            continue
        legs.add(row.leg)
        found.append(row)
    return found
