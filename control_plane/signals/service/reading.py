"""What other slices ask: signals to plan, and what deployments decided."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from control_plane.core.ids import DeploymentId, Shard, SignalId, Tenant
from control_plane.infra.db import Tx
from control_plane.signals.errors import NoSuchSignal
from control_plane.signals.models.stored import StoredSignal
from control_plane.signals.store import lists
from control_plane.signals.store import signals as signal_rows

MOST = 500


# ---- for orders ----------------------------------------------------------------------------------


def accepted(tx: Tx, shards: Collection[Shard], limit: int = 100) -> list[StoredSignal]:
    """Signals that nobody has planned yet, of deployments in these shards: oldest first, of one
    trigger the exit first.
    """
    return signal_rows.accepted(tx, shards, limit)


def mark_planned(tx: Tx, identity: SignalId) -> bool:
    """In the transaction that writes the intents; false if it was planned or refused before."""
    return signal_rows.close_signal(tx, identity, "planned", None)


def mark_refused(tx: Tx, identity: SignalId, reason: str) -> bool:
    return signal_rows.close_signal(tx, identity, "refused", reason)


# ---- for whoever looks on ------------------------------------------------------------------------


@dataclass(frozen=True)
class DeadLetter:
    number: int
    generation: int
    seen_ms: int
    reason: str
    frame: str


@dataclass(frozen=True)
class Counts:
    """Of one deployment's executions."""

    outcomes: Mapping[str, int]
    newest_ms: int

    @property
    def executions(self) -> int:
        return sum(self.outcomes.values())


def signal(tx: Tx, identity: SignalId) -> StoredSignal:
    found = signal_rows.signal(tx, identity)
    if found is None:
        raise NoSuchSignal(
            f"There is no signal {identity!r}.", remedy="GET /api/v1/signals lists yours."
        )
    return found


def signals(tx: Tx, tenant: Tenant | None = None, limit: int = 50) -> list[StoredSignal]:
    """Newest first."""
    return signal_rows.newest_signals(tx, tenant, min(limit, MOST))


def last_of(tx: Tx, deployment: DeploymentId, limit: int) -> list[StoredSignal]:
    """The last ones that counted, oldest first; of one trigger the exit first."""
    return signal_rows.last_of(tx, deployment, min(limit, MOST))


def signal_counts(tx: Tx, tenant: Tenant | None = None) -> dict[str, int]:
    """By state."""
    return lists.signal_counts(tx, tenant)


def execution_counts(
    tx: Tx, deployments: Collection[DeploymentId] | None = None
) -> dict[DeploymentId, Counts]:
    outcomes: dict[DeploymentId, dict[str, int]] = {}
    newest: dict[DeploymentId, int] = {}
    for row in lists.execution_counts(tx, deployments):
        identity = DeploymentId(row.deployment_id)
        outcomes.setdefault(identity, {})[row.outcome] = row.number
        newest[identity] = max(newest.get(identity, 0), row.newest_ms)
    return {identity: Counts(found, newest[identity]) for identity, found in outcomes.items()}


def dead_letters(tx: Tx, deployment: DeploymentId, *, limit: int = 50) -> list[DeadLetter]:
    """Frames that counted for nothing, newest first."""
    rows = lists.newest_letters(tx, deployment, min(limit, MOST))
    return [DeadLetter(r.id, r.generation, r.seen_ms, r.reason, r.frame) for r in rows]
