"""What people see of backtests: settings from their rows, the rest from their jobs."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.backtests import store
from control_plane.backtests.errors import BadBacktest, NoResult, NoSuchBacktest
from control_plane.backtests.models import Backtest
from control_plane.core.ids import BacktestId, JobId, StrategyId, Tenant, VersionId
from control_plane.infra.db import Tx
from control_plane.infra.paging import Asked, Found
from control_plane.jobs import service as jobs
from control_plane.jobs.models.job import Job

MOST_COMPARED = 20
PAGE = "report.html"
PLACE = "/*RESULT*/null"


def find(tx: Tx, tenant: Tenant, backtest: str) -> Backtest:
    row = store.find(tx, backtest)
    if row is None or row.tenant != tenant:
        raise NoSuchBacktest(f"There is no backtest {backtest[:100]!r}.")
    return _told(tx, [row])[0]


def listed(tx: Tx, tenant: Tenant, asked: Asked) -> Found:
    found = store.page_of(tx, tenant, asked)
    return Found(_told(tx, found.rows), found.next_cursor)


def compared(tx: Tx, tenant: Tenant, ids: Sequence[str]) -> list[Backtest]:
    if not 1 <= len(ids) <= MOST_COMPARED:
        raise BadBacktest(f"Name 1 to {MOST_COMPARED} backtests.", field="id")
    rows = {row.id: row for row in store.some(tx, tenant, ids)}
    for missing in (one for one in ids if one not in rows):
        raise NoSuchBacktest(f"There is no backtest {missing[:100]!r}.")
    return _told(tx, [rows[one] for one in dict.fromkeys(ids)])


def result(tx: Tx, tenant: Tenant, backtest: str) -> dict[str, Any]:
    found = find(tx, tenant, backtest)
    plain = jobs.result(tx, found.job_id)
    if plain is None:
        raise NoResult(f"It has no result: it is {found.state}{_why(found.reason)}.")
    decoded: dict[str, Any] = msgspec.json.decode(plain)
    return decoded


def _why(reason: str) -> str:
    return f" ({reason.rstrip('.')})" if reason else ""


def _told(tx: Tx, rows: Sequence[Row[Any]]) -> list[Backtest]:
    """With how their jobs stand."""
    standing = jobs.newest_of(tx, {row.id for row in rows})
    headlines = jobs.headlines(tx, {row.job_id for row in rows})
    return [_backtest(row, standing[row.id], headlines.get(row.job_id)) for row in rows]


def _backtest(row: Row[Any], job: Job, headline: dict[str, Any] | None) -> Backtest:
    return Backtest(
        id=BacktestId(row.id),
        tenant=Tenant(row.tenant),
        job_id=JobId(row.job_id),
        kind=row.kind,
        name=row.name,
        strategy_id=StrategyId(row.strategy_id),
        version_id=VersionId(row.version_id),
        code_sha256=row.code_sha256,
        instrument=row.instrument,
        resolution=row.resolution,
        since_ms=row.since_ms,
        until_ms=row.until_ms,
        parameters=msgspec.json.decode(row.parameters),
        terms=msgspec.json.decode(row.terms),
        search=msgspec.json.decode(row.search),
        created_ms=row.created_ms,
        state=job.state,
        reason=job.reason,
        progress=job.progress,
        said=job.said,
        candles_sha256=job.candles_sha256,
        ended_ms=job.ended_ms,
        headline=headline,
    )


def reported(found: Backtest, result: dict[str, Any]) -> dict[str, Any]:
    """What the page of a report is filled with."""
    if found.kind == "backtest":
        return {**result, "name": found.name}
    whole = result.get("whole")
    if not isinstance(whole, dict):
        raise NoResult(
            f"Nothing to draw: {' '.join(result['remarks'][:1])}",
            remedy="Search over more candles, or with fewer --least-trades.",
        )
    search = {key: value for key, value in result.items() if key not in ("trials", "whole")}
    return {**whole, "name": found.name, "search": search}


def page(result: dict[str, Any]) -> str:
    """The author's own report page, read as a file: what runs strategies is not imported here."""
    page = files("strategy_runtime").joinpath("backtest", PAGE).read_text(encoding="utf-8")
    # `</` in what the sandbox handed in must not end the script.
    return page.replace(PLACE, msgspec.json.encode(result).decode().replace("</", "<\\/"))
