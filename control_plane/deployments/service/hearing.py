"""What the trading role reads of deployments, and records of what it hears from them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from control_plane.core.ids import DeploymentId, InstrumentId, Shard, Tenant
from control_plane.deployments.store import hearing as store
from control_plane.infra.bus import Bus
from control_plane.infra.db import Tx
from control_plane.infra.events import record
from control_plane.market import service as market
from strategy_runtime.wire import messages, names

RUNS_KEPT = 50


@dataclass(frozen=True)
class Launch:
    """A generation that may speak."""

    deployment: DeploymentId
    generation: int
    shard: Shard
    desired: str


@dataclass(frozen=True)
class Standing:
    """A deployment as its decisions have left it."""

    deployment: DeploymentId
    tenant: Tenant
    shard: Shard
    instrument: InstrumentId
    resolution: str
    ticks: bool
    desired: str
    generation: int  # launched last
    active_generation: int
    active_from: str | None
    last_trigger: str | None
    state: str | None
    position: str
    draining: bool
    shadow_of: DeploymentId | None
    max_leverage: Decimal | None = None


@dataclass(frozen=True)
class Advance:
    """What a committed decision leaves behind. No state means that it is as it was."""

    deployment: DeploymentId
    trigger: str
    trigger_open_ms: int
    state: str | None
    position: str
    failure: str | None = None  # what the decision failed with, if it did


@dataclass(frozen=True)
class Beat:
    deployment: DeploymentId
    generation: int
    heard_ms: int  # by our clock: what a process says of its own is not believed
    said: messages.Heartbeat


def launches(tx: Tx, shards: Collection[Shard]) -> list[Launch]:
    """The generations that are launching or live, whose channels somebody must hear."""
    return [
        Launch(DeploymentId(row.deployment_id), row.generation, Shard(row.shard), row.desired)
        for row in store.generations_alive(tx, shards)
    ]


def standings(tx: Tx, ids: Collection[DeploymentId]) -> dict[DeploymentId, Standing]:
    return {
        DeploymentId(row.id): Standing(
            DeploymentId(row.id),
            Tenant(row.tenant),
            Shard(row.shard),
            InstrumentId(row.instrument),
            row.resolution,
            row.ticks,
            row.desired,
            row.generation,
            row.active_generation,
            row.active_from,
            row.last_trigger,
            row.state,
            row.position,
            row.draining,
            None if row.shadow_of is None else DeploymentId(row.shadow_of),
            row.max_leverage,
        )
        for row in store.standing(tx, ids)
    }


def launched(tx: Tx, deployment: DeploymentId, generation: int) -> tuple[str, str] | None:
    """A generation's state and the hash of the code that it was launched with."""
    row = store.launched(tx, deployment, generation)
    if row is None:
        return None
    return row.state, messages.decode_boot(row.boot.encode()).code_sha256


def is_alive(tx: Tx, deployment: DeploymentId, generation: int) -> bool:
    """Whether it may still speak: it is launching or live."""
    row = store.launched(tx, deployment, generation)
    return row is not None and row.state in store.ALIVE


def said_hello(tx: Tx, deployment: DeploymentId, generation: int, run: str) -> bool:
    return store.said_hello(tx, deployment, generation, run)


def make_active(tx: Tx, deployment: DeploymentId, generation: int, active_from: str) -> None:
    """From this trigger on the generation's decisions count, and no other's."""
    store.make_active(tx, deployment, generation, active_from)


def advance(tx: Tx, steps: Sequence[Advance]) -> None:
    store.advance(
        tx,
        [
            {
                "of": step.deployment,
                "trigger": step.trigger,
                "open_ms": step.trigger_open_ms,
                "state_after": step.state,
                "position_after": step.position,
                "failed": int(step.failure is not None),
                "failed_with": step.failure,
            }
            for step in steps
        ],
    )


def end_drained(tx: Tx, bus: Bus, ids: Collection[DeploymentId]) -> None:
    """Their positions are closed: those that were being drained stop."""
    for row in store.drained(tx, ids) if ids else ():
        market.unwant(tx, DeploymentId(row.id), bus=bus)
        record(tx, "deployment_drained", "deployment", row.id, tenant=row.tenant)
        tx.after_commit(lambda: bus.hint(names.wake("fleet")))


def cut_off(tx: Tx, deployment: DeploymentId, generation: int, reason: str) -> bool:
    """Its user is gone and must not be made again; the fleet stops what still runs."""
    return store.end_generation(tx, deployment, generation, "cut_off", reason)


def hear_hello(
    tx: Tx, run: str, deployment: DeploymentId, generation: int, *, welcomed: bool
) -> bool:
    """Write down that a process is there; false if the run's name is somebody else's."""
    if not store.keep_run(tx, run, deployment, generation, welcomed):
        return False
    store.forget_runs(tx, deployment, RUNS_KEPT)
    return True


def hear_beats(tx: Tx, beats: Sequence[Beat]) -> None:
    store.beat(
        tx,
        [
            {
                "of": beat.said.run,
                "of_deployment": beat.deployment,
                "of_generation": beat.generation,
                "new_beat_ms": beat.heard_ms,
                "new_phase": beat.said.phase,
                "new_last_trigger": beat.said.last_trigger,
                "new_lag_ms": beat.said.lag_ms,
                "new_loop_lag_ms": beat.said.loop_lag_ms,
                "new_rss_bytes": beat.said.rss_bytes,
                "new_cpu_seconds": beat.said.cpu_seconds,
                "new_waiting": beat.said.waiting,
                "new_dropped": beat.said.dropped,
            }
            for beat in beats
        ],
    )


def hear_bye(tx: Tx, run: str, deployment: DeploymentId, generation: int, reason: str) -> None:
    """Also of a process that never said hello: its strategy did not load, and this says why."""
    if store.keep_run(tx, run, deployment, generation, False):
        store.end_run(tx, run, deployment, generation, reason)
