"""Ask for a backtest, look at it, compare it, take its report along."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from control_plane.backtests import store
from control_plane.backtests.errors import BadBacktest
from control_plane.backtests.models import MAX_NAME, Ask, Backtest, Kind, span
from control_plane.backtests.service import looking
from control_plane.core.ids import (
    BacktestId,
    Rng,
    Tenant,
    random_id,
)
from control_plane.infra.bus import Bus
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import record
from control_plane.infra.paging import Asked, Found
from control_plane.jobs import service as jobs
from control_plane.jobs.models.job import CandlesWish, Order
from control_plane.market import service as market
from control_plane.settings import JobSettings
from control_plane.strategies import service as strategies
from control_plane.strategies.models.outline import resolve
from strategy_runtime.wire.resolutions import DURATION_MS, RESOLUTIONS, open_of

USUAL_DAYS = 30
FINEST = "1m"


@dataclass(frozen=True)
class Backtests:
    db: Database
    bus: Bus
    rng: Rng
    limits: JobSettings

    async def ask(self, tenant: Tenant, ask: Ask) -> Backtest:
        identity = BacktestId(random_id("bt", self.rng))
        return await self.db.write(self.ask_in, tenant, identity, ask)

    async def get(self, tenant: Tenant, backtest: str) -> Backtest:
        return await self.db.read(looking.find, tenant, backtest)

    async def compare(self, tenant: Tenant, ids: Sequence[str]) -> list[Backtest]:
        """These, in the order in which they were asked for."""
        return await self.db.read(looking.compared, tenant, ids)

    async def cancel(self, tenant: Tenant, backtest: str) -> Backtest:
        return await self.db.write(self._cancel, tenant, backtest)

    async def result(self, tenant: Tenant, backtest: str) -> dict[str, Any]:
        """All of it, as its job handed it in."""
        return await self.db.read(looking.result, tenant, backtest)

    async def report(self, tenant: Tenant, backtest: str) -> str:
        """One HTML file that needs nothing else. A search's has its best point's backtest."""
        found = await self.get(tenant, backtest)
        result = await self.result(tenant, backtest)
        return looking.page(looking.reported(found, result))

    async def list(self, tenant: Tenant, asked: Asked) -> Found:
        return await self.db.read(looking.listed, tenant, asked)

    def ask_in(self, tx: Tx, tenant: Tenant, identity: BacktestId, ask: Ask) -> Backtest:
        version = strategies.deployable(tx, tenant, ask.strategy)
        outline = version.outline
        wanted = ask.instrument or outline.instrument
        if not wanted:
            raise BadBacktest("The strategy names no instrument.", field="instrument")
        instrument = market.resolve(tx, wanted)
        resolution = ask.resolution or outline.resolution
        if resolution not in RESOLUTIONS:
            raise BadBacktest(
                f"{resolution[:20]!r} is no resolution.",
                field="resolution",
                remedy=f"Use one of {', '.join(RESOLUTIONS)}.",
            )
        since_ms, until_ms = self._range(tx, instrument, resolution, ask)
        further = tuple(r for r in outline.resolutions if r != resolution)
        finest = (FINEST,) if FINEST not in (resolution, *further) else ()
        kind: Kind = "backtest" if ask.search is None else "optimise"
        parameters = dict(resolve(outline, version.manifest, ask.parameters))
        rules = msgspec.to_builtins(market.instrument(tx, instrument))
        job = jobs.add(
            tx,
            self.bus,
            self.rng,
            Order(
                kind=kind,
                tenant=tenant,
                subject=identity,
                code=version.code,
                code_sha256=version.code_sha256,
                instrument=instrument,
                resolution=resolution,
                resolutions=further,
                lookback=outline.lookback,
                candles=CandlesWish(
                    "stored", instrument, (resolution, *further, *finest), since_ms, until_ms
                ),
                memory_mb=self.limits.memory_mb,
                cpus=self.limits.cpus if kind == "backtest" else self.limits.search_cpus,
                seconds=self._seconds(kind, ask.seconds),
                parameters=parameters,
                manifest=dict(version.manifest),
                terms=dict(ask.terms),
                rules=rules,
                search=dict(ask.search or {}),
            ),
            self.limits,
        )
        strategy = strategies.names(tx, tenant)[version.strategy_id]
        store.add(
            tx,
            {
                "id": identity,
                "tenant": tenant,
                "job_id": job,
                "kind": kind,
                "name": _named(ask.name, f"{strategy} {instrument} {resolution}"),
                "strategy_id": version.strategy_id,
                "version_id": version.id,
                "code_sha256": version.code_sha256,
                "instrument": instrument,
                "resolution": resolution,
                "since_ms": since_ms,
                "until_ms": until_ms,
                "parameters": canonical_json(parameters),
                "terms": canonical_json(dict(ask.terms)),
                "search": canonical_json(dict(ask.search or {})),
                "rules": canonical_json(rules),
                "created_ms": tx.now_ms(),
            },
        )
        record(tx, "backtest_asked", "backtest", identity, tenant=tenant, of=kind)
        return looking.find(tx, tenant, identity)

    def _cancel(self, tx: Tx, tenant: Tenant, backtest: str) -> Backtest:
        found = looking.find(tx, tenant, backtest)
        jobs.cancel(tx, self.bus, tenant, found.job_id)
        return looking.find(tx, tenant, backtest)

    def _range(self, tx: Tx, instrument: str, resolution: str, ask: Ask) -> tuple[int, int]:
        now = market.market_now_ms(tx, instrument)
        since, until = span(ask.since_ms, ask.until_ms, ask.days, now, USUAL_DAYS)
        until = open_of(resolution, min(until, now))
        if since >= until:
            raise BadBacktest("The range ends before it begins.", field="since")
        candles = (until - since) // DURATION_MS[resolution]
        if candles > self.limits.most_candles:
            raise BadBacktest(
                f"That is up to {candles:,} candles; at most {self.limits.most_candles:,}.",
                field="since",
                remedy="Ask for a shorter range, or a longer resolution.",
            )
        return open_of(resolution, since), until

    def _seconds(self, kind: str, given: int | None) -> int:
        most = self.limits.backtest_seconds if kind == "backtest" else self.limits.optimise_seconds
        if given is not None and not 1 <= given <= most:
            raise BadBacktest(f"It may take 1 to {most} seconds.", field="seconds")
        return given or most


def _named(given: str | None, usual: str) -> str:
    name = (given if given is not None else usual[:MAX_NAME]).strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadBacktest(f"A name has 1 to {MAX_NAME} printable characters.", field="name")
    return name
