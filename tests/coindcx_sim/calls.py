"""A request that has passed the gate: whose it is, what it asks, and which fault hits it."""

from dataclasses import dataclass
from typing import Any

from tests.coindcx_sim.accounts import Account
from tests.coindcx_sim.answers import invalid
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.spot_rules import number


@dataclass
class SimCall:
    account: Account
    fields: dict[str, Any]
    query: dict[str, str]
    fault: Fault | None = None

    @property
    def value(self) -> float:
        return self.fault.value if self.fault else 0.0

    def struck(self, name: str) -> bool:
        return self.fault is not None and self.fault.name == name

    def text(self, key: str) -> str:
        value = self.fields.get(key)
        if not isinstance(value, str) or not value:
            raise invalid()
        return value

    def count(self, key: str, default: int) -> int:
        """A whole number, which some routes take as text."""
        value = self.fields.get(key, self.query.get(key))
        if value is None:
            return default
        found = number(value)
        if found is None or found < 0 or found != int(found):
            raise invalid()
        return int(found)
