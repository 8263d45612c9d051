"""Users, their accounts, and the rules around passwords and failed attempts."""

from dataclasses import dataclass, field
from typing import NamedTuple

from control_plane.accounts.errors import WeakPassword
from control_plane.core.ids import AccountId, Tenant, UserId

FIRST_EMAIL = "admin@localhost"

SHORTEST, LONGEST = 12, 128
FEWEST_DIFFERENT = 5

FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 900.0
REMEMBERED = 10_000


@dataclass(frozen=True)
class User:
    id: UserId
    email: str
    role: str
    must_change_password: bool

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.id)


@dataclass(frozen=True)
class Account:
    id: AccountId
    tenant: Tenant
    shard: int
    name: str
    venue: str
    state: str
    reason: str | None
    home_currency: str
    created_ms: int


class Place(NamedTuple):
    """Where an account trades, and whether it may: what a fan-out asks about thousands."""

    venue: str
    state: str


@dataclass(frozen=True)
class FirstUser:
    """Made at the first start; the password is shown once and good for one thing."""

    email: str
    one_time_password: str = field(repr=False)


def check_password(password: str, email: str) -> None:
    """Length is what counts; what anybody would try first does not."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(
            f"A password has {SHORTEST} to {LONGEST} characters, this one {len(password)}.",
            field="new_password",
            remedy="A few words in a row are good and easy to keep.",
        )
    lowered = password.lower()
    if len(set(lowered)) < FEWEST_DIFFERENT or email.partition("@")[0].lower() in lowered:
        raise WeakPassword(
            "This password is too easy to guess.",
            field="new_password",
            remedy="Choose one with more different characters, without your name.",
        )


@dataclass
class Throttle:
    """Counts failures in a row by who failed; from the fifth on each doubles the wait."""

    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)

    def wait_seconds(self, who: str, now: float) -> float:
        count, last = self._failed.get(who, (0, 0.0))
        if count < FREE_FAILURES:
            return 0.0
        wait: float = min(LONGEST_WAIT_SECONDS, 2.0 ** (count - FREE_FAILURES))
        return max(0.0, last + wait - now)

    def failed(self, who: str, now: float) -> None:
        count, _ = self._failed.pop(who, (0, 0.0))
        self._failed[who] = (count + 1, now)
        while len(self._failed) > REMEMBERED:
            del self._failed[next(iter(self._failed))]  # whoever failed longest ago

    def succeeded(self, who: str) -> None:
        self._failed.pop(who, None)
