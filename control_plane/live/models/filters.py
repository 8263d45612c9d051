"""Which events a subscription is sent. What is not one's own is never among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from control_plane.live.models.messages import MAX_FRAME, ROOM, Channel, Happened

SUBJECTS: Mapping[Channel, tuple[str, ...]] = {
    "events": (),
    "deployments": ("deployment",),
    "signals": ("signal",),
    "orders": ("intent",),
    "trades": ("trade",),
}
CUT = msgspec.Raw(b'{"is_too_large":true}')


@dataclass(frozen=True)
class Event:
    """One row, as the shared reader holds it for everybody."""

    number: int
    at: str
    kind: str
    subject_kind: str
    subject_id: str
    tenant: str
    body: bytes

    @cached_property
    def deployment(self) -> str | None:
        """Whose container it is about, where that is said."""
        if self.subject_kind == "deployment":
            return self.subject_id
        found = msgspec.json.decode(self.body).get("deployment_id")
        return found if isinstance(found, str) else None

    def message(self, name: str, *, with_tenant: bool) -> Happened:
        body = msgspec.Raw(self.body) if len(self.body) <= MAX_FRAME - ROOM else CUT
        return Happened(
            id=name,
            number=self.number,
            at=self.at,
            kind=self.kind,
            subject_kind=self.subject_kind,
            subject_id=self.subject_id,
            body=body,
            tenant=self.tenant if with_tenant else msgspec.UNSET,
        )


@dataclass(frozen=True)
class Filter:
    tenant: str | None  # none: everybody's, for admins
    kinds: frozenset[str] = field(default_factory=frozenset)
    subject_kinds: frozenset[str] = field(default_factory=frozenset)
    subject: str | None = None
    deployment: str | None = None

    def wants(self, event: Event) -> bool:
        return (
            (self.tenant is None or event.tenant == self.tenant)
            and (not self.kinds or event.kind in self.kinds)
            and (not self.subject_kinds or event.subject_kind in self.subject_kinds)
            and (self.subject is None or event.subject_id == self.subject)
            and (self.deployment is None or event.deployment == self.deployment)
        )
