"""The ground truth: what arrived, what was accepted, what became of it, each with its time."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass
class Ledger:
    """Append only. A checker reads it; the venue's own answers may lie, this never does."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    keep_requests: bool = True

    def record(self, kind: str, at_ms: int, account: str, **facts: Any) -> None:
        self.entries.append({"kind": kind, "at_ms": at_ms, "account": account, **facts})

    def of(self, *kinds: str, account: str | None = None) -> list[dict[str, Any]]:
        return [
            each
            for each in self.entries
            if each["kind"] in kinds and (account is None or each["account"] == account)
        ]

    def repeated_client_ids(self) -> list[tuple[str, str]]:
        """Orders that exist twice under one name: what must never happen."""
        names = Counter(
            (each["account"], each["client_order_id"])
            for each in self.of("order_accepted")
            if each.get("client_order_id") and not each["foreign"]
        )
        return [name for name, times in names.items() if times > 1]

    def filled(self, account: str, order_id: str) -> Decimal:
        return sum(
            (
                each["quantity"]
                for each in self.of("fill", account=account)
                if each["order_id"] == order_id
            ),
            Decimal(0),
        )

    def net_position(self, account: str, instrument: str) -> Decimal:
        """Σ of fills, signed: what the account holds because of them."""
        signs = {"buy": 1, "sell": -1}
        return sum(
            (
                signs[each["side"]] * each["quantity"]
                for each in self.of("fill", account=account)
                if each["instrument"] == instrument
            ),
            Decimal(0),
        )
