"""A backtest on the platform, or a search for parameters: its settings, which never change, and the
job that carries it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from control_plane.core.ids import BacktestId, JobId, StrategyId, Tenant, VersionId

Kind = Literal["backtest", "optimise"]
MAX_NAME = 100
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Ask:
    """What somebody wants to know. What is left out is the version's own."""

    strategy: str  # its name, its id, or a version's id
    name: str | None = None
    instrument: str | None = None
    resolution: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    days: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] | None = None  # a search instead of one backtest
    seconds: int | None = None


@dataclass(frozen=True)
class Backtest:
    id: BacktestId
    tenant: Tenant
    job_id: JobId
    kind: Kind
    name: str
    strategy_id: StrategyId
    version_id: VersionId
    code_sha256: str
    instrument: str
    resolution: str
    since_ms: int
    until_ms: int
    parameters: Mapping[str, Any]
    terms: Mapping[str, Any]
    search: Mapping[str, Any]
    created_ms: int
    state: str
    reason: str
    progress: float
    said: str
    candles_sha256: str | None
    ended_ms: int | None
    headline: Mapping[str, Any] | None  # of its result


def span(
    since_ms: int | None, until_ms: int | None, days: int | None, now_ms: int, usual_days: int
) -> tuple[int, int]:
    """The range that was meant: up to now unless said otherwise."""
    until = now_ms if until_ms is None else until_ms
    if since_ms is not None:
        return since_ms, until
    return until - (days or usual_days) * DAY_MS, until
