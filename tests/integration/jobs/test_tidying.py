"""What is kept of jobs that have ended, and what goes."""

from typing import Any

import pytest

from control_plane.backtests import store as backtests
from control_plane.backtests.worker import Tidier
from control_plane.core.ids import random_id
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.jobs import service, store
from control_plane.jobs.errors import NoSuchJob
from control_plane.jobs.service.queueing import FRESH
from control_plane.settings import JobSettings

LIMITS = JobSettings(kept_days=10, results_kept_days=100)
# Kind, state, days since its end, whether its container was cleared; and whether it is kept.
JOBS = [
    ("check", "done", 11, True, False),
    ("check", "done", 9, True, True),
    ("check", "failed", 11, True, False),
    ("backtest", "failed", 11, True, False),
    ("backtest", "cancelled", 11, True, False),
    ("backtest", "cancelled", 11, False, True),  # its container stands still
    ("backtest", "done", 99, True, True),
    ("backtest", "done", 101, True, False),
    ("optimise", "done", 99, True, True),
    ("optimise", "done", 101, True, False),
    ("backtest", "running", None, False, True),
    ("backtest", "queued", None, False, True),
]


def put(tx: Tx, kind: str, state: str, days: int | None, is_cleared: bool) -> str:
    job = random_id("jb", SystemRng())
    ended = None if days is None else tx.now_ms() - days * 86_400_000
    made: dict[str, Any] = {"id": job, "tenant": "me", "shard": 3, "kind": kind, "subject": "s"}
    limits = {"memory_mb": 128, "cpus": 1.0, "seconds": 9}
    rest = {"key": "", "state": state, "reason": "", "task": "{}", "candles": "{}"}
    times = {"code_sha256": "c", "created_ms": 1, "ended_ms": ended}
    store.add(tx, {**FRESH, **made, **limits, **rest, **times, "is_cleared": is_cleared})
    if kind != "check":
        named = dict.fromkeys(("name", "strategy_id", "version_id", "code_sha256"), "x")
        texts = dict.fromkeys(("parameters", "terms", "search", "rules"), "{}")
        of = {"id": f"bt{job}", "tenant": "me", "job_id": job, "kind": kind}
        where = {"instrument": "i", "resolution": "5m", "since_ms": 1, "until_ms": 2}
        backtests.add(tx, {**of, **named, **texts, **where, "created_ms": 1})
    if state == "done":
        body = {"sha256": "b", "size": 1, "headline": "{}", "body": b"b", "created_ms": 1}
        store.add_result(tx, {"job_id": job, **body})
    return job


@pytest.mark.parametrize("is_ours", [True, False])
async def test_what_has_ended_goes_after_a_while_with_its_result(
    database: Database, is_ours: bool
) -> None:
    clock = RealClock()
    leases = Leases("trading", "me:1", "here", database, clock, Failpoints(clock))
    if is_ours:
        await leases.once()
    made = [(await database.write(put, *one[:4]), one[4]) for one in JOBS]

    gone = await Tidier(database, clock, leases, LIMITS).once()

    assert gone == (sum(not kept for _, kept in made) if is_ours else 0)
    for (job, kept), (kind, state, *_) in zip(made, JOBS, strict=True):
        stays = kept or not is_ours
        if stays:
            assert (await database.read(service.find, job)).state == state
        else:
            with pytest.raises(NoSuchJob):
                await database.read(service.find, job)
        assert (await database.read(store.result, job) is not None) == (stays and state == "done")
        row = await database.read(backtests.find, f"bt{job}")
        assert (row is not None) == (stays and kind != "check")
