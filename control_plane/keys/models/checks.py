"""What came of testing a key at its exchange."""

from dataclasses import dataclass
from typing import Literal

from control_plane.core.ids import AccountId, Tenant

# unchecked: not asked yet · unreachable: no answer, which proves nothing · taken: the same user of
# the exchange trades through another account here already
CheckState = Literal["unchecked", "good", "refused", "taken", "unreachable"]

REASON = "key check: "  # what begins the reason of an account that a check suspended


@dataclass(frozen=True)
class Held:
    wallet: str
    currency: str
    free: str
    locked: str


@dataclass(frozen=True)
class KeyCheck:
    account: AccountId
    tenant: Tenant
    fingerprint: str  # of the key that was tested
    state: CheckState
    reason: str | None = None
    user: str | None = None  # a hash of the exchange's name for its user
    skew_ms: int | None = None  # the exchange's clock less ours
    egress: str = ""  # the address that the exchange sees
    held: tuple[Held, ...] = ()
    checked_ms: int | None = None


def suspends(check: KeyCheck) -> bool:
    return check.state in ("refused", "taken")
