"""Users, their accounts, and the rules around passwords and failed attempts."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from control_plane.accounts.errors import WeakPassword
from control_plane.core.ids import AccountId, Tenant, UserId
from control_plane.infra.guessable import is_guessable

FIRST_EMAIL = "admin@localhost"

SHORTEST, LONGEST = 12, 128
FEWEST_DIFFERENT = 5
LETTERS = 3  # fewer of a name are in every sentence
NAME_PARTS = re.compile(r"[^a-z0-9]+")

FREE_FAILURES = 3
LONGEST_WAIT_SECONDS = 900.0
FREE_OF_ACCOUNT = 30  # from everywhere together
FREE_OF_NETWORK = 60  # against all accounts together
# An account or a network (behind a proxy: everybody) is slowed down, never locked out on purpose.
LONGEST_SHARED_SECONDS = 30.0
FORGOTTEN_SECONDS = 3600.0
REMEMBERED = 10_000


@dataclass(frozen=True)
class User:
    id: UserId
    email: str
    role: str
    must_change_password: bool
    is_verified: bool = True

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


def check_password(password: str, email: str, field: str = "new_password") -> None:
    """Length is what counts; what anybody would try first, or anybody who knows the e-mail, does
    not.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(
            f"A password has {SHORTEST} to {LONGEST} characters, this one {len(password)}.",
            field=field,
            remedy="A few words in a row are good and easy to keep.",
        )
    lowered, name = password.lower(), email.lower().partition("@")[0]
    parts = {name, *(part for part in NAME_PARTS.split(email.lower()) if len(part) > LETTERS)}
    has_name = any(part in lowered for part in parts if len(part) >= LETTERS)
    if has_name or len(set(lowered)) < FEWEST_DIFFERENT or is_guessable(lowered):
        raise WeakPassword(
            "This password is too easy to guess: it is on every list that is tried first, or it"
            " has a part of your address in it.",
            field=field,
            remedy="A few words in a row are good, without your name, years and digits in order.",
        )


@dataclass
class Throttle:
    """Counts failures in a row by who failed; from the third on each doubles the wait."""

    free: int = FREE_FAILURES
    longest_seconds: float = LONGEST_WAIT_SECONDS
    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)

    def wait_seconds(self, who: str, now: float) -> float:
        count, last = self._count(who, now)
        if count < self.free:
            return 0.0
        wait: float = min(self.longest_seconds, 2.0 ** min(count - self.free, 20))
        return max(0.0, last + wait - now)

    def failed(self, who: str, now: float) -> None:
        count, _ = self._count(who, now)
        self._failed.pop(who, None)
        self._failed[who] = (count + 1, now)
        while len(self._failed) > REMEMBERED:
            del self._failed[next(iter(self._failed))]  # whoever failed longest ago

    def succeeded(self, who: str) -> None:
        self._failed.pop(who, None)

    def _count(self, who: str, now: float) -> tuple[int, float]:
        count, last = self._failed.get(who, (0, now))
        return (0, now) if now - last > FORGOTTEN_SECONDS else (count, last)


@dataclass
class Guesses:
    """Three counts of wrong passwords: of an account from one network, which delays early and harms
    nobody else; of an account from everywhere; and of a network against all accounts.
    """

    here: Throttle = field(default_factory=Throttle)
    account: Throttle = field(
        default_factory=lambda: Throttle(FREE_OF_ACCOUNT, LONGEST_SHARED_SECONDS)
    )
    network: Throttle = field(
        default_factory=lambda: Throttle(FREE_OF_NETWORK, LONGEST_SHARED_SECONDS)
    )

    def wait_seconds(self, email: str, network: str, now: float) -> float:
        return max(
            self.here.wait_seconds(f"{network} {email}", now),
            self.account.wait_seconds(email, now),
            self.network.wait_seconds(network, now),
        )

    def failed(self, email: str, network: str, now: float) -> None:
        self.here.failed(f"{network} {email}", now)
        self.account.failed(email, now)
        self.network.failed(network, now)

    def succeeded(self, email: str, network: str) -> None:
        """The network's count stays: one right password among many guesses excuses none of them."""
        self.here.succeeded(f"{network} {email}")
        self.account.succeeded(email)


def network_of(address: str) -> str:
    """What one customer of a provider usually has: a /24, or a /64."""
    if ":" in address:
        return ":".join(address.split(":")[:4])
    return ".".join(address.split(".")[:3])
