"""The intake's transactions: decisions, hellos, notes and cut-offs, each written under the lease of
its deployment's shard.

Whatever one of these commits is acknowledged afterwards, never before; what another owner has taken
over in the meantime is left to it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from control_plane.core.ids import DeploymentId, InstrumentId, Rng, Shard
from control_plane.deployments import service as deployments
from control_plane.deployments.service import Beat, Standing
from control_plane.infra import audit, commands, events
from control_plane.infra.bus import Bus, BusUnavailable
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases, epochs_in
from control_plane.market import service as market
from control_plane.signals.models.frames import Refused, Sender
from control_plane.signals.models.hello import Admitted, Place, admit
from control_plane.signals.models.settling import Arrival, Settled, Stored, settle
from control_plane.signals.models.text import MAX_REASON, clean
from control_plane.signals.service import rows
from control_plane.signals.service.rows import Notes
from control_plane.signals.store import intake, tables
from strategy_runtime.wire import messages, names

# How far ahead of our clock a market's may be, in operational time: two machines never quite agree.
AHEAD_MS = 2_000

KEPT = (
    (tables.log_lines, 5_000),
    (tables.metrics, 5_000),
    (tables.dead_letters, 200),
    (tables.repeats, 1_000),
    (tables.inbox, 10_000),
)


@dataclass(frozen=True)
class Greeting:
    """A hello and the channel that it came on."""

    deployment: DeploymentId
    generation: int
    shard: Shard
    epoch: int
    hello: messages.Hello


@dataclass(frozen=True)
class Recorder:
    db: Database
    bus: Bus
    rng: Rng
    leases: Leases

    async def commit(self, arrivals: Sequence[Arrival]) -> list[Settled]:
        """Store what counts, in one transaction for all of them; a verdict on each."""
        return await self.db.write(self._commit, arrivals)

    async def welcome(
        self, greetings: Sequence[Greeting]
    ) -> list[messages.Welcome | Refused | None]:
        """An answer to each hello; none if its shard is another's by now."""
        return await self.db.write(self._welcome, greetings)

    async def note(self, notes: Sequence[Notes]) -> None:
        await self.db.write(self._note, notes)

    async def forget(self, deployments: Collection[DeploymentId]) -> None:
        """What nobody reads any more of these."""
        if deployments:
            await self.db.write(_forget, deployments)

    async def cut_off(
        self, deployment: DeploymentId, generation: int, shard: Shard, reason: str
    ) -> None:
        """First the user, whose connections end with it; then whatever can wait a moment."""
        try:
            await self.bus.client.acl_deluser(names.user(deployment, generation))
        except (RedisError, OSError) as error:
            raise BusUnavailable(f"A user could not be deleted: {error}.") from error
        await self.db.write(self._cut_off, deployment, generation, shard, reason)

    # ---- transactions ----------------------------------------------------------------------------

    def _commit(self, tx: Tx, arrivals: Sequence[Arrival]) -> list[Settled]:
        now = tx.now_ms()
        held = self._held(tx, (arrival.shard for arrival in arrivals), now)
        ours = [arrival for arrival in arrivals if held.get(arrival.shard) == arrival.epoch]
        standings = deployments.standings(tx, {arrival.deployment for arrival in ours})
        triggers = {(a.deployment, a.execution.trigger) for a in ours if a.wrong is None}
        decided, seen = intake.known(tx, triggers, {arrival.key for arrival in ours})
        stored = Stored(decided, seen)
        settled = settle(arrivals, _senders(tx, ours, standings, now), stored)
        fresh = [one for one in settled if one.outcome not in {"known", "left"}]
        committed = [one for one in fresh if one.outcome == "committed"]
        intake.add(tx, tables.inbox, [rows.inbox(one, now) for one in fresh])
        intake.add(tx, tables.executions, [rows.execution(one, now) for one in committed])
        intake.add(
            tx,
            tables.repeats,
            [rows.repeat(one, now) for one in fresh if one.outcome == "repeated"],
        )
        self._keep_signals(tx, committed, standings, now)
        deployments.advance(tx, rows.advances(committed))
        self._end_drained(tx, committed, standings)
        _record_oddities(tx, fresh, standings)
        return settled

    def _keep_signals(
        self,
        tx: Tx,
        committed: Sequence[Settled],
        standings: dict[DeploymentId, Standing],
        now: int,
    ) -> None:
        found = [
            row
            for one in committed
            for row in rows.signals(one, standings[one.arrival.deployment], self.rng, now)
        ]
        intake.add(tx, tables.signals, found)
        for state in ("accepted", "refused"):
            told = [
                (row["id"], row["tenant"], rows.announced(row))
                for row in found
                if row["state"] == state
            ]
            events.record_many(tx, f"signal_{state}", "signal", told)
        for shard in sorted({row["shard"] for row in found}):
            chained = [rows.track_record(row) for row in found if row["shard"] == shard]
            audit.append(tx, f"signals:{shard}", *chained)
        if any(row["state"] == "accepted" for row in found):
            tx.after_commit(lambda: self.bus.hint(names.wake("signals")))

    def _end_drained(
        self,
        tx: Tx,
        committed: Sequence[Settled],
        standings: dict[DeploymentId, Standing],
    ) -> None:
        draining = [one for one in committed if standings[one.arrival.deployment].draining]
        closed = {one.arrival.deployment for one in draining if one.moves and rows.closes(one)}
        deployments.end_drained(tx, self.bus, closed)

    def _welcome(
        self, tx: Tx, greetings: Sequence[Greeting]
    ) -> list[messages.Welcome | Refused | None]:
        held = self._held(tx, (greeting.shard for greeting in greetings), tx.now_ms())
        return [
            self._answer(tx, greeting) if held.get(greeting.shard) == greeting.epoch else None
            for greeting in greetings
        ]

    def _answer(self, tx: Tx, greeting: Greeting) -> messages.Welcome | Refused:
        deployment, generation, hello = greeting.deployment, greeting.generation, greeting.hello
        standing = deployments.standings(tx, {deployment}).get(deployment)
        launched = deployments.launched(tx, deployment, generation)
        if standing is None or launched is None:
            return Refused(f"There is no generation {generation} of {deployment}.")

        now = market.market_now_ms(tx, standing.instrument)
        place = _place(tx, standing, launched, generation, hello.run)
        answer = admit(place, generation, hello.code_sha256, standing.resolution, now)
        welcomed = isinstance(answer, Admitted)
        if not deployments.hear_hello(tx, hello.run, deployment, generation, welcomed=welcomed):
            return Refused("The run's name belongs to another process.")
        if isinstance(answer, Refused):
            return answer
        if answer.takes_over and answer.active_from is not None:
            deployments.make_active(tx, deployment, generation, answer.active_from)
            events.record(
                tx,
                "generation_active",
                "deployment",
                deployment,
                tenant=standing.tenant,
                generation=generation,
                active_from=answer.active_from,
            )
        return rows.welcome(hello.run, answer, standing)

    def _note(self, tx: Tx, notes: Sequence[Notes]) -> None:
        now = tx.now_ms()
        held = self._held(tx, (one.shard for one in notes), now)
        ours = [one for one in notes if held.get(one.shard) == one.epoch]
        deployments.hear_beats(
            tx,
            [Beat(one.deployment, one.generation, now, b) for one in ours for b in one.page.beats],
        )
        for one in ours:
            for run, reason in one.page.byes:
                deployments.hear_bye(tx, run, one.deployment, one.generation, reason)
        for into, noted in rows.notes(ours, now):
            intake.add(tx, into, noted)

    def _cut_off(
        self, tx: Tx, deployment: DeploymentId, generation: int, shard: Shard, reason: str
    ) -> None:
        if not deployments.cut_off(tx, deployment, generation, reason):
            return
        standing = deployments.standings(tx, {deployment}).get(deployment)
        events.record(
            tx,
            "generation_cut_off",
            "deployment",
            deployment,
            tenant=standing.tenant if standing else "",
            generation=generation,
            reason=reason,
        )
        body = {"deployment": deployment, "generation": generation, "reason": reason}
        commands.ask(tx, self.bus, self.rng, "fleet", shard, "cut_off", body)

    def _held(self, tx: Tx, shards: Iterable[Shard], now: int) -> dict[Shard, int]:
        return epochs_in(tx, self.leases.role, self.leases.holder, set(shards), now)


def _forget(tx: Tx, deployments: Collection[DeploymentId]) -> None:
    for deployment in deployments:
        for of, keep in KEPT:
            intake.forget(tx, of, deployment, keep)


def _senders(
    tx: Tx, arrivals: Sequence[Arrival], standings: dict[DeploymentId, Standing], now: int
) -> dict[tuple[DeploymentId, int], Sender]:
    latest: dict[InstrumentId, int] = {}
    senders: dict[tuple[DeploymentId, int], Sender] = {}
    for deployment, generation in {(a.deployment, a.generation) for a in arrivals}:
        standing = standings.get(deployment)
        if standing is None:
            continue
        if standing.instrument not in latest:
            # What the market's clock may read at most.
            time = market.market_time(tx, standing.instrument)
            latest[standing.instrument] = time.at(now + AHEAD_MS)
        senders[deployment, generation] = _sender(standing, generation, latest[standing.instrument])
    return senders


def _sender(standing: Standing, generation: int, latest_ms: int) -> Sender:
    return Sender(
        standing.deployment,
        generation,
        standing.tenant,
        standing.shard,
        standing.instrument,
        standing.resolution,
        standing.ticks,
        standing.active_generation,
        standing.active_from,
        standing.last_trigger,
        latest_ms,
    )


def _place(
    tx: Tx, standing: Standing, launched: tuple[str, str], generation: int, run: str
) -> Place:
    state, code_sha256 = launched
    return Place(
        standing.generation,
        standing.active_generation,
        standing.active_from,
        standing.last_trigger,
        standing.desired,
        state,
        code_sha256,
        is_relieved=not deployments.is_alive(tx, standing.deployment, standing.active_generation),
        has_warmed=deployments.said_hello(tx, standing.deployment, generation, run),
    )


def _record_oddities(
    tx: Tx, fresh: Sequence[Settled], standings: dict[DeploymentId, Standing]
) -> None:
    """What its author should hear of: failures, and repeats that decided otherwise."""
    odd: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for one in fresh:
        execution, standing = one.arrival.execution, standings[one.arrival.deployment]
        kind, told = "", ""
        if one.outcome == "committed" and execution.outcome == "failed":
            kind, told = "execution_failed", clean(execution.error or "", MAX_REASON)
        elif one.outcome == "committed" and one.reason:
            kind, told = "signals_spoilt", one.reason
        elif one.outcome == "repeated" and not one.same:
            kind, told = "execution_differs", "A repeat decided otherwise; the first one counts."
        if kind:
            body = {"trigger": execution.trigger, "reason": told}
            odd.setdefault(kind, []).append((standing.deployment, standing.tenant, body))
    for kind, told_of in odd.items():
        events.record_many(tx, kind, "deployment", told_of)
