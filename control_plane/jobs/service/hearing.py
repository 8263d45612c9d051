"""What the trading role records of what a job says, under the lease of its shard.

Whatever one of these commits is acknowledged afterwards, never before. A process is believed about
its own job alone, and only the first one that spoke for the attempt that counts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from control_plane.core.ids import JobId, Shard, VersionId
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases, epochs_in
from control_plane.jobs import store
from control_plane.jobs.models.results import Verified, too_large
from control_plane.jobs.models.text import shown
from control_plane.jobs.service.ending import RUNNING, over
from control_plane.strategies import service as strategies
from control_plane.strategies.models.findings import MAX_FINDINGS, Finding
from strategy_runtime import wire
from strategy_runtime.wire import jobs as said

Outcome = Literal["heard", "deaf", "left"]
"""Heard; not from the job's process, or too late; or not ours to decide any more."""

PIECES = wire.MAX_RESULT_BYTES // (wire.MAX_CHUNK_BYTES // 2)
MAX_SAID = 120
MAX_REASON = 500


@dataclass(frozen=True)
class Line:
    """A job whose channel somebody must hear."""

    job: JobId
    shard: Shard
    kind: said.Kind


@dataclass(frozen=True)
class Register:
    db: Database
    bus: Bus
    leases: Leases

    async def lines(self) -> list[Line]:
        return await self.db.read(_lines, self.leases.owned())

    async def hello(self, line: Line, epoch: int, run: str) -> Outcome:
        return await self.db.write(self._held, line, epoch, store.bind_run, run)

    async def progress(self, line: Line, epoch: int, told: said.JobProgress) -> None:
        await self.db.write(self._held, line, epoch, _progress, told)

    async def chunk(self, line: Line, epoch: int, told: said.JobChunk) -> Outcome:
        return await self.db.write(self._held, line, epoch, self._chunk, told)

    async def pieces(self, line: Line) -> list[bytes]:
        return await self.db.read(store.pieces, line.job)

    async def done(self, line: Line, epoch: int, run: str, result: Verified) -> Outcome:
        return await self.db.write(self._held, line, epoch, self._done, run, line.kind, result)

    async def failed(self, line: Line, epoch: int, run: str | None, reason: str) -> Outcome:
        """Because of the code, or of what was asked. No run: whoever spoke, it is cut off."""
        return await self.db.write(self._held, line, epoch, self._failed, run, reason)

    def _held(self, tx: Tx, line: Line, epoch: int, work: Any, *args: Any) -> Outcome:
        held = epochs_in(tx, self.leases.role, self.leases.holder, {line.shard}, tx.now_ms())
        if held.get(line.shard) != epoch:
            return "left"
        return "heard" if work(tx, line.job, *args) else "deaf"

    def _chunk(self, tx: Tx, job: JobId, told: said.JobChunk) -> bool:
        if not store.is_heard(tx, job, told.run):
            return False
        if not 0 <= told.n < PIECES or len(told.data) > wire.MAX_CHUNK_BYTES:
            return self._failed(tx, job, told.run, too_large())
        store.keep_chunk(tx, job, told.n, told.data)
        return True

    def _done(self, tx: Tx, job: JobId, run: str, kind: said.Kind, result: Verified) -> bool:
        if not store.is_heard(tx, job, run):
            return False
        now = tx.now_ms()
        ended = over(tx, self.bus, job, None, "done", "", before=RUNNING, progress=1.0, said="")
        if not ended:
            return False
        store.add_result(
            tx,
            {
                "job_id": job,
                "sha256": result.sha256,
                "size": len(result.body),
                "headline": msgspec.json.encode(result.headline).decode(),
                "body": result.body,
                "created_ms": now,
            },
        )
        if kind == "check":
            row = store.find(tx, job)
            assert row is not None
            conclude_check(tx, VersionId(row.subject), result.headline)
        return True

    def _failed(self, tx: Tx, job: JobId, run: str | None, reason: str) -> bool:
        if run is not None and not store.is_heard(tx, job, run):
            return False
        text = shown(reason, MAX_REASON)
        return over(tx, self.bus, job, None, "failed", text, fault="strategy", before=RUNNING)


def conclude_check(tx: Tx, version: VersionId, headline: dict[str, Any]) -> None:
    """What a check's result means for the version that it is of."""
    found = msgspec.convert(headline, said.CheckResult)
    findings = [
        Finding(
            shown(one.rule, 40),
            shown(one.message, 600),
            shown(one.hint, 300),
            max(0, one.line),
            max(0, one.column),
            one.severity,
        )
        for one in found.findings[:MAX_FINDINGS]
    ]
    figures = {name: headline[name] for name in ("candles", "signals", "milliseconds")}
    figures["peak_mb"] = round(found.peak_bytes / 1024**2, 1)
    strategies.conclude_trial(tx, version, findings, figures)


def _lines(tx: Tx, shards: Collection[Shard]) -> list[Line]:
    return [
        Line(JobId(row.id), Shard(row.shard), row.kind)
        for row in store.running(tx)
        if row.shard in shards
    ]


def _progress(tx: Tx, job: JobId, told: said.JobProgress) -> bool:
    if not store.is_heard(tx, job, told.run) or not 0 <= told.done <= 1:
        return False
    text = shown(told.said, MAX_SAID)
    return store.move(tx, job, ("running",), None, progress=told.done, said=text)
