"""Jobs, the chunks of results on their way, and results, which never change."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Row, Text, delete, func, insert, or_, select
from sqlalchemy import update as sql_update
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Tx, insert_missing, table
from control_plane.infra.paging import Asked, Found, page


class JobRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "job"
    __table_args__ = (
        Index("ix_job_state", "state"),
        Index("ix_job_is_cleared", "is_cleared", "shard"),
        Index("ix_job_subject", "subject", "created_ms"),
        Index("ix_job_key", "key"),
    )

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    shard: int
    kind: str  # check | backtest | optimise
    subject: str  # what it is for: a version, a backtest
    key: str = ""  # jobs of the same key have the same result
    state: str = "queued"  # queued → running → done | failed | cancelled
    reason: str = ""
    fault: str = ""  # strategy | platform, of a failure
    attempt: int = 0  # launches so far
    retry_ms: int = Field(default=0, sa_type=BigInteger)
    task: str = Field(default="{}", sa_type=Text)  # what to do; gone once it is over
    candles: str = Field(sa_type=Text)  # which candles it asked for
    code_sha256: str
    candles_sha256: str | None = None  # the file that it was given
    boot: str | None = Field(default=None, sa_type=Text)  # to be set again when Redis is lost
    boot_sha256: str = ""
    password_sha256: str = ""  # of its Redis user
    container: str | None = None
    launcher: str = ""
    run: str | None = None  # the process that is heard
    memory_mb: int
    cpus: float
    seconds: int
    progress: float = 0.0
    said: str = ""
    is_cleared: bool = False  # nothing of it is left but its rows
    log_tail: str = Field(default="", sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)
    started_ms: int | None = Field(default=None, sa_type=BigInteger)
    ended_ms: int | None = Field(default=None, sa_type=BigInteger)


class JobChunkRow(SQLModel, table=True):
    """A piece of a result that is not whole yet."""

    __tablename__: ClassVar[str] = "job_chunk"

    job_id: str = Field(primary_key=True)
    n: int = Field(primary_key=True)
    data: bytes = Field(sa_type=LargeBinary)


class JobResultRow(SQLModel, table=True):
    """What a job handed in, compressed as it came. Written once."""

    __tablename__: ClassVar[str] = "job_result"

    job_id: str = Field(primary_key=True)
    sha256: str
    size: int
    headline: str = Field(sa_type=Text)  # what lists show of it, JSON
    body: bytes = Field(sa_type=LargeBinary)
    created_ms: int = Field(sa_type=BigInteger)


jobs = table(JobRow)
chunks = table(JobChunkRow)
results = table(JobResultRow)

OPEN = ("queued", "running")
# A list needs neither the code nor the launch payload.
SHOWN = [column for column in jobs.c if column.name not in ("task", "boot")]


def add(tx: Tx, values: Mapping[str, Any]) -> None:
    tx.run(insert(jobs), values)


def find(tx: Tx, job: str) -> Row[Any] | None:
    return tx.first(select(*SHOWN).where(jobs.c.id == job))


def find_whole(tx: Tx, job: str) -> Row[Any] | None:
    return tx.first(select(jobs).where(jobs.c.id == job))


def of_subjects(tx: Tx, subjects: Collection[str]) -> Sequence[Row[Any]]:
    """The newest job of each comes last."""
    query = select(*SHOWN).where(jobs.c.subject.in_(sorted(subjects)))
    return tx.all(query.order_by(jobs.c.created_ms, jobs.c.id))


def page_of(tx: Tx, tenant: str | None, asked: Asked) -> Found:
    query = select(*SHOWN)
    if tenant is not None:
        query = query.where(jobs.c.tenant == tenant)
    return page(tx, query, (jobs.c.created_ms, jobs.c.id), asked)


def count_open(tx: Tx, tenant: str) -> int:
    query = select(func.count()).where(jobs.c.tenant == tenant, jobs.c.state.in_(OPEN))
    return int(tx.scalar(query))


def done_like(tx: Tx, key: str) -> Row[Any] | None:
    """A result that another job of this key would have again."""
    return tx.first(
        select(results)
        .join(jobs, jobs.c.id == results.c.job_id)
        .where(jobs.c.key == key, jobs.c.state == "done")
        .limit(1)
    )


def unsettled(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    """Those that wait, run, or have left something behind."""
    return tx.all(
        select(*SHOWN)
        .where(jobs.c.shard.in_(sorted(shards)), ~jobs.c.is_cleared)
        .order_by(jobs.c.created_ms, jobs.c.id)
    )


def running(tx: Tx) -> Sequence[Row[Any]]:
    query = select(jobs.c.id, jobs.c.tenant, jobs.c.kind, jobs.c.shard, jobs.c.run)
    return tx.all(query.where(jobs.c.state == "running"))


def attempts(tx: Tx, job_ids: Collection[str]) -> Sequence[Row[Any]]:
    return tx.all(
        select(jobs.c.id, jobs.c.attempt).where(
            jobs.c.state == "running", jobs.c.id.in_(sorted(job_ids))
        )
    )


def boots(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    """What users and boot keys of running jobs are made from."""
    return tx.all(
        select(jobs.c.id, jobs.c.boot, jobs.c.password_sha256, jobs.c.candles_sha256).where(
            jobs.c.state == "running",
            jobs.c.boot.is_not(None),
            jobs.c.shard.in_(sorted(shards)),
        )
    )


def ids_of(tx: Tx, shards: Collection[int]) -> frozenset[str]:
    query = select(jobs.c.id).where(jobs.c.shard.in_(sorted(shards)))
    return frozenset(str(row.id) for row in tx.all(query))


def served(tx: Tx) -> dict[str, int]:
    """When the last job of each owner was started."""
    query = select(jobs.c.tenant, func.max(jobs.c.started_ms).label("at")).group_by(jobs.c.tenant)
    return {row.tenant: int(row.at) for row in tx.all(query) if row.at is not None}


def files_in_use(tx: Tx) -> frozenset[str]:
    query = select(jobs.c.candles_sha256).where(
        jobs.c.state.in_(OPEN), jobs.c.candles_sha256.is_not(None)
    )
    return frozenset(str(row.candles_sha256) for row in tx.all(query))


def move(tx: Tx, job: str, before: Collection[str], of_attempt: int | None, **values: Any) -> bool:
    """One state to the next; false if somebody else was first, or another attempt counts by now."""
    moved = sql_update(jobs).where(jobs.c.id == job, jobs.c.state.in_(sorted(before)))
    if of_attempt is not None:
        moved = moved.where(jobs.c.attempt == of_attempt)
    return bool(tx.run(moved.values(**values)))


def bind_run(tx: Tx, job: str, run: str) -> bool:
    """The first process that speaks is the job's; whether this is the one."""
    tx.run(
        sql_update(jobs)
        .where(jobs.c.id == job, jobs.c.state == "running", jobs.c.run.is_(None))
        .values(run=run)
    )
    query = select(jobs.c.id).where(jobs.c.id == job, jobs.c.state == "running", jobs.c.run == run)
    return tx.first(query) is not None


def is_heard(tx: Tx, job: str, run: str) -> bool:
    query = select(jobs.c.id).where(jobs.c.id == job, jobs.c.state == "running", jobs.c.run == run)
    return tx.first(query) is not None


def keep_chunk(tx: Tx, job: str, n: int, data: bytes) -> None:
    tx.run(insert_missing(tx, chunks), {"job_id": job, "n": n, "data": data})


def pieces(tx: Tx, job: str) -> list[bytes]:
    query = select(chunks.c.data).where(chunks.c.job_id == job).order_by(chunks.c.n)
    return [bytes(row.data) for row in tx.all(query)]


def forget_chunks(tx: Tx, job: str) -> None:
    tx.run(delete(chunks).where(chunks.c.job_id == job))


def add_result(tx: Tx, values: Mapping[str, Any]) -> None:
    tx.run(insert(results), values)


def headlines(tx: Tx, job_ids: Collection[str]) -> dict[str, str]:
    query = select(results.c.job_id, results.c.headline).where(
        results.c.job_id.in_(sorted(job_ids))
    )
    return {row.job_id: row.headline for row in tx.all(query)}


def result(tx: Tx, job: str) -> Row[Any] | None:
    return tx.first(select(results).where(results.c.job_id == job))


def ended_before(tx: Tx, before_ms: int, results_before_ms: int, limit: int) -> list[str]:
    """Jobs of which nothing runs any more: those with a result that people keep stay longer."""
    is_kept = (jobs.c.kind != "check") & (jobs.c.state == "done")
    query = select(jobs.c.id).where(
        jobs.c.is_cleared,
        or_(
            ~is_kept & (jobs.c.ended_ms < before_ms),
            is_kept & (jobs.c.ended_ms < results_before_ms),
        ),
    )
    return [str(row.id) for row in tx.all(query.order_by(jobs.c.ended_ms).limit(limit))]


def remove(tx: Tx, job_ids: Collection[str]) -> None:
    for of in (chunks.c.job_id, results.c.job_id, jobs.c.id):
        tx.run(delete(of.table).where(of.in_(sorted(job_ids))))
