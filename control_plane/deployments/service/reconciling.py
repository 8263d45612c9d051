"""What the fleet reads and records, each a function inside one transaction.

A generation's row is written before its container is made and closed before the container is
removed, so that a crash in between leaves something to find. Closing twice changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from control_plane.containers.models import Handle
from control_plane.core.ids import DeploymentId, Rng, Shard, shard_of
from control_plane.deployments.models.endings import (
    Aftermath,
    Ending,
    Record,
    aftermath,
    last_lines,
)
from control_plane.deployments.models.health import Failing
from control_plane.deployments.models.memory import MB, peak
from control_plane.deployments.models.wishes import (
    ALIVE,
    GIVEN_UP,
    Generation,
    Policy,
    Pulse,
    Wish,
)
from control_plane.deployments.store import fleet as store
from control_plane.infra import commands
from control_plane.infra.bus import Bus
from control_plane.infra.db import Tx
from control_plane.infra.events import record
from strategy_runtime.wire import messages, names

LINES_TOLD = 5  # of its output, in the event of its end; all of them stand in the generation


@dataclass(frozen=True)
class Ship:
    """A wish, and what judging its health needs beside it."""

    wish: Wish
    shard: Shard
    instrument: str
    resolution: str
    last_open_ms: int
    memory_mb: int
    failing: Failing


def ships(tx: Tx, shards: Collection[Shard]) -> list[Ship]:
    pulses: dict[tuple[str, int], Pulse] = {}
    for run in store.runs_of(tx, shards):
        pulses[run.deployment_id, run.generation] = Pulse(
            run.hello_ms,
            run.welcomed_ms,
            run.beat_ms,
            run.phase,
            run.waiting,
            run.rss_bytes,
            run.loop_lag_ms,
            run.dropped,
        )
    generations: dict[str, dict[int, Generation]] = {}
    for row in store.generations_of(tx, shards):
        generations.setdefault(row.deployment_id, {})[row.generation] = Generation(
            row.generation,
            row.state,
            row.revision,
            row.launched_ms,
            row.started_ms,
            pulses.get((row.deployment_id, row.generation)),
            row.reason,
            None if row.container is None else Handle(row.container),
        )
    return [_ship(row, generations.get(row.id, {})) for row in store.of_shards(tx, shards)]


def alive_of(tx: Tx, deployments: Collection[str]) -> frozenset[tuple[str, int]]:
    """The generations of these that are launching or live, whoever owns their shards."""
    return frozenset((row.deployment_id, row.generation) for row in store.alive(tx, deployments))


def record_live(
    tx: Tx, deployment: DeploymentId, generation: int, handle: Handle, launcher: str
) -> bool:
    """It runs. False if the generation was closed meanwhile."""
    now = tx.now_ms()
    opened = store.change_generation(
        tx, deployment, generation, ("launching",), state="live", container=handle, started_ms=now
    )
    if opened:
        store.change(tx, deployment, launcher=launcher)
        kind = "generation_started"
        record(
            tx,
            kind,
            "deployment",
            deployment,
            tenant=_tenant(tx, deployment),
            generation=generation,
        )
    return opened


def record_end(
    tx: Tx,
    bus: Bus,
    deployment: DeploymentId,
    generation: int,
    end: Ending,
    *,
    policy: Policy,
    rng: Rng,
    log_tail: str = "",
    peak_memory_bytes: int | None = None,
) -> None:
    """Close a generation and say what follows for its deployment."""
    now = tx.now_ms()
    before = store.find_generation(tx, deployment, generation)
    row = store.find(tx, deployment)
    if before is None or row is None:
        return
    is_current = row.generation == generation
    is_wanted = row.desired in ("running", "paused")
    crashed = end.crashed and is_current and is_wanted
    heard = store.last_heard_memory(tx, deployment, generation)
    most = peak(
        (peak_memory_bytes, heard, memory_mb(tx, deployment, generation) * MB * end.is_full)
    )
    crashes_ms = store.crashes(tx, deployment, now - policy.ms(policy.crash_window))
    closed = store.change_generation(
        tx,
        deployment,
        generation,
        ALIVE,
        state="ended",
        reason=end.reason,
        exit_code=end.exit_code,
        crashed=crashed,
        log_tail=log_tail,
        peak_memory_bytes=most,
        ended_ms=now,
    )
    if not closed:  # cut off, or closed before: only what it printed is news
        if log_tail:
            states = ("ended", "cut_off")
            store.change_generation(tx, deployment, generation, states, log_tail=log_tail)
        return

    body = {
        "generation": generation,
        "reason": end.reason,
        "crashed": crashed,
        "exit_code": end.exit_code,
        "peak_memory_bytes": most,
        "last_lines": last_lines(log_tail, LINES_TOLD),
    }
    record(tx, "generation_ended", "deployment", deployment, tenant=row.tenant, **body)
    tx.after_commit(lambda: bus.hint(names.wake("generations")))
    if is_current and is_wanted:
        lived_ms = now - (before.started_ms or now)
        past = Record(row.failures, row.counted_from_ms, crashes_ms)
        after = aftermath(end, past, lived_ms=lived_ms, now_ms=now, policy=policy, rng=rng)
        _follow(tx, row, after, is_restart=end.crashed)
        if after.observed in GIVEN_UP:
            _give_up(tx, bus, rng, row, after.reason)


def _give_up(tx: Tx, bus: Bus, rng: Rng, row: Row[Any], reason: str) -> None:
    """Nobody manages its positions any more: what its owner wanted for that case is asked for."""
    if row.on_crash == "keep" or row.shadow_of is not None:
        return
    body = {"deployment": row.id, "reason": reason}
    commands.ask(tx, bus, rng, "trading", shard_of(row.id), row.on_crash, body)
    record(tx, "positions_given_up", "deployment", row.id, tenant=row.tenant, asked=row.on_crash)


def observe(tx: Tx, deployment: DeploymentId, observed: str, reason: str) -> None:
    """What a person is told; an event if it differs."""
    row = store.find(tx, deployment)
    if row is None or (row.observed, row.reason) == (observed, reason):
        return
    store.change(tx, deployment, observed=observed, reason=reason, observed_ms=tx.now_ms())
    if row.observed != observed:
        body = {"observed": observed, "was": row.observed, "reason": reason}
        record(tx, "deployment_observed", "deployment", deployment, tenant=row.tenant, **body)


def record_cut_off(
    tx: Tx, bus: Bus, rng: Rng, deployment: DeploymentId, generation: int, reason: str
) -> Handle | None:
    """It misbehaved: it is not launched again until a person asks. Its container, if known."""
    store.change_generation(
        tx, deployment, generation, ALIVE, state="cut_off", reason=reason, ended_ms=tx.now_ms()
    )
    row = store.find(tx, deployment)
    if row is not None and row.generation == generation:
        if row.observed not in GIVEN_UP:
            _give_up(tx, bus, rng, row, reason)
        observe(tx, deployment, "failed", reason)
    found = store.find_generation(tx, deployment, generation)
    return Handle(found.container) if found is not None and found.container else None


def memory_mb(tx: Tx, deployment: DeploymentId, generation: int) -> int:
    """The limit that this generation was launched with."""
    row = store.find_generation(tx, deployment, generation)
    return 0 if row is None else messages.decode_boot(row.boot.encode()).limits.memory_mb


def _ship(row: Row[Any], generations: dict[int, Generation]) -> Ship:
    wish = Wish(
        DeploymentId(row.id),
        row.desired,
        row.observed,
        row.reason,
        row.revision,
        row.generation,
        row.active_generation,
        row.retry_ms,
        generations,
        draining=row.draining,
    )
    return Ship(
        wish,
        Shard(row.shard),
        row.instrument,
        row.resolution,
        row.last_trigger_open_ms,
        row.memory_mb,
        Failing(row.failing, row.failure or ""),
    )


def _follow(tx: Tx, row: Row[Any], after: Aftermath, *, is_restart: bool) -> None:
    store.change(
        tx,
        row.id,
        failures=after.failures,
        retry_ms=after.retry_ms,
        restarts=row.restarts + is_restart,
    )
    observe(tx, DeploymentId(row.id), after.observed, after.reason)


def _tenant(tx: Tx, deployment: DeploymentId) -> str:
    row = store.find(tx, deployment)
    return "" if row is None else str(row.tenant)
