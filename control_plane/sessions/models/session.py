"""Sessions and what keeps them going: the decisions, without the rows."""

from dataclasses import dataclass, field
from enum import Enum

from control_plane.accounts.models import network_of
from control_plane.core.ids import UserId

# `__Host-`: no other host, not even a subdomain, can set or read it.
REFRESH = "__Host-slipway-refresh"
CSRF = "__Host-slipway-csrf"

IDLE_MS = 30 * 60_000
RENEWABLE_MS = 30 * 86_400_000
ADMIN_MS = 60 * 60_000
LOST_REPLY_MS = 10_000
FRESH_MS = 5 * 60_000
TOUCH_MS = 60_000


@dataclass(frozen=True)
class Device:
    """Who holds a session, as far as it can be seen: what the browser calls itself, and from which
    network.
    """

    agent: str
    address: str

    @property
    def network(self) -> str:
        return network_of(self.address)

    @property
    def mark(self) -> str:
        return f"{self.agent[:200]}|{self.network}"


@dataclass(frozen=True)
class Session:
    id: str
    user_id: UserId
    created_ms: int
    seen_ms: int
    expires_ms: int
    auth_ms: int
    amr: tuple[str, ...]
    agent: str
    address: str
    revoked_ms: int | None = None

    def stands(self, now_ms: int, idle_ms: int) -> bool:
        return (
            self.revoked_ms is None and now_ms < self.expires_ms and now_ms - self.seen_ms < idle_ms
        )

    def is_fresh(self, now_ms: int) -> bool:
        return now_ms - self.auth_ms <= FRESH_MS


@dataclass(frozen=True)
class Renewal:
    """One refresh token: what it was for, and whether it has been used."""

    session: str
    device: str
    used_ms: int | None
    successor: bytes | None = field(repr=False)


class Turn(Enum):
    """What becomes of a session whose refresh token comes in."""

    RENEW = "renew"
    REPEAT = "repeat"  # its answer was lost: the same successor once more
    REVOKE = "revoke"  # somebody else has it
    ENDED = "ended"


def turn(session: Session, renewal: Renewal, device: str, now_ms: int, idle_ms: int) -> Turn:
    if not session.stands(now_ms, idle_ms):
        return Turn.ENDED
    if renewal.used_ms is None:
        return Turn.RENEW
    lost = now_ms - renewal.used_ms <= LOST_REPLY_MS and device == renewal.device
    return Turn.REPEAT if lost and renewal.successor is not None else Turn.REVOKE
