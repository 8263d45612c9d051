"""From what was settled to the rows that say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Table

from control_plane.core.ids import DeploymentId, Rng, Shard, signal_id
from control_plane.deployments.service import Advance, Standing
from control_plane.signals.models.frames import KINDS, is_price
from control_plane.signals.models.hello import Admitted
from control_plane.signals.models.notes import Page
from control_plane.signals.models.settling import Settled
from control_plane.signals.models.text import MAX_ERROR, MAX_REASON, clean, shown
from control_plane.signals.store import tables
from strategy_runtime.rules.money import ZERO
from strategy_runtime.wire import messages

SEEDS = 2**53
DRAINED = "It is being drained: it takes no new position."
MUTED = "A shadow decides beside another; nobody acts on it."


@dataclass(frozen=True)
class Notes:
    """What one channel's notebook held."""

    deployment: DeploymentId
    generation: int
    shard: Shard
    epoch: int
    page: Page


def welcome(run: str, admitted: Admitted, standing: Standing) -> messages.Welcome:
    state = standing.state
    return messages.Welcome(
        run=run,
        active_from=admitted.active_from,
        last_trigger=standing.last_trigger,
        state=msgspec.UNSET if state is None else msgspec.Raw(state.encode()),
        position=msgspec.json.decode(standing.position, type=messages.Position),
        phase=admitted.phase,
    )


def inbox(one: Settled, now: int) -> dict[str, Any]:
    deployment, generation, run, n = one.arrival.key
    return {
        "deployment_id": deployment,
        "generation": generation,
        "run": run,
        "n": n,
        "outcome": one.outcome,
        "seen_ms": now,
    }


def execution(one: Settled, now: int) -> dict[str, Any]:
    arrival, execution = one.arrival, one.arrival.execution
    assert one.decided is not None
    return {
        "deployment_id": arrival.deployment,
        "trigger": execution.trigger,
        "trigger_open_ms": one.decided.trigger_open_ms,
        "generation": arrival.generation,
        "run": execution.run,
        "n": execution.n,
        "outcome": execution.outcome,
        "body_sha256": one.body_sha256,
        "took_us": execution.took_us,
        "published_ms": execution.published_ms,
        "decided_ms": execution.decided_ms,
        "committed_ms": now,
        "error": None if execution.error is None else clean(execution.error, MAX_ERROR),
        "shard": arrival.shard,
        "epoch": arrival.epoch,
    }


def repeat(one: Settled, now: int) -> dict[str, Any]:
    deployment, generation, run, n = one.arrival.key
    return {
        "deployment_id": deployment,
        "generation": generation,
        "run": run,
        "n": n,
        "trigger": one.arrival.execution.trigger,
        "same": one.same,
        "body": shown(one.arrival.frame),
        "seen_ms": now,
    }


def signals(one: Settled, standing: Standing, rng: Rng, now: int) -> list[dict[str, Any]]:
    arrival, execution = one.arrival, one.arrival.execution
    assert one.decided is not None
    return [
        {
            "id": signal_id(
                arrival.deployment, standing.instrument, execution.trigger, KINDS[signal.action]
            ),
            "deployment_id": arrival.deployment,
            "tenant": standing.tenant,
            "shard": arrival.shard,
            "instrument": standing.instrument,
            "trigger": execution.trigger,
            "trigger_open_ms": one.decided.trigger_open_ms,
            "generation": arrival.generation,
            "kind": KINDS[signal.action],
            "action": signal.action,
            **_prices(signal, refused=refusal is not None),
            "reason": clean(signal.reason, MAX_REASON),
            **_standing_of(signal, refusal, standing),
            "seed": rng.below(SEEDS),
            "published_ms": execution.published_ms,
            "decided_ms": execution.decided_ms,
            "accepted_ms": now,
        }
        for signal, refusal in one.decided.signals
    ]


def _standing_of(
    signal: messages.Signal, refusal: str | None, standing: Standing
) -> dict[str, Any]:
    """Whether anybody acts on it."""
    if refusal is None and standing.shadow_of is not None:
        return {"state": "muted", "refusal": MUTED}
    if refusal is None and standing.draining and KINDS[signal.action] == "entry":
        refusal = DRAINED
    return {"state": "accepted" if refusal is None else "refused", "refusal": refusal}


def closes(one: Settled) -> bool:
    """Whether after this decision nothing of its own is open: it left, or it holds nothing."""
    assert one.decided is not None
    kinds = {KINDS[signal.action] for signal, refusal in one.decided.signals if refusal is None}
    position = one.arrival.execution.position
    return "exit" in kinds or (position.is_flat and not position.pending)


def _prices(signal: messages.Signal, *, refused: bool) -> dict[str, Any]:
    """What is no price cannot stand in its column: its refusal names it."""
    named = {
        "price": signal.price,
        "stop_loss": signal.stop_loss,
        "take_profit": signal.take_profit,
    }
    if KINDS[signal.action] == "exit":
        named.update(stop_loss=None, take_profit=None)
    if refused:
        named = {name: _storable(value) for name, value in named.items()}
        named["price"] = named["price"] or ZERO
    return named


def _storable(value: Decimal | None) -> Decimal | None:
    return value if value is not None and is_price(value) else None


def announced(row: dict[str, Any]) -> dict[str, Any]:
    wanted = ("deployment_id", "action", "instrument", "trigger", "price", "refusal")
    return {name: row[name] for name in wanted if row[name] is not None}


def track_record(row: dict[str, Any]) -> dict[str, Any]:
    """What a signal said, chained before anything is done about it."""
    wanted = ("id", "deployment_id", "tenant", "generation", "trigger", "kind", "action", "price")
    prices = ("stop_loss", "take_profit", "state", "refusal", "decided_ms", "accepted_ms")
    return {name: row[name] for name in (*wanted, *prices)}


def advances(committed: Sequence[Settled]) -> list[Advance]:
    found = []
    for one in committed:
        if not one.moves or one.decided is None:
            continue
        execution = one.arrival.execution
        state = execution.state
        found.append(
            Advance(
                one.arrival.deployment,
                execution.trigger,
                one.decided.trigger_open_ms,
                None if isinstance(state, msgspec.UnsetType) else bytes(state).decode(),
                msgspec.json.encode(execution.position).decode(),
                clean(execution.error or "", MAX_REASON) if execution.outcome == "failed" else None,
            )
        )
    return found


def notes(pages: Sequence[Notes], now: int) -> list[tuple[Table, list[dict[str, Any]]]]:
    lines: list[dict[str, Any]] = []
    metrics: list[dict[str, Any]] = []
    letters: list[dict[str, Any]] = []
    for one in pages:
        of = {"deployment_id": one.deployment, "generation": one.generation}
        lines += [
            {**of, "at_ms": line.at_ms, "level": line.level, "text": line.text}
            for line in one.page.lines
        ]
        metrics += [
            {**of, "at_ms": metric.at_ms, "name": metric.name, "value": metric.value}
            for metric in one.page.metrics
        ]
        letters += [
            {**of, "reason": letter.reason, "frame": letter.frame, "seen_ms": now}
            for letter in one.page.letters
        ]
    return [(tables.log_lines, lines), (tables.metrics, metrics), (tables.dead_letters, letters)]
