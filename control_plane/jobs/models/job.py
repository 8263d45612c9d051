"""A job: what it is to do, how it stands, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from control_plane.core.ids import JobId, Tenant
from strategy_runtime.wire.jobs import Kind

State = Literal["queued", "running", "done", "failed", "cancelled"]
Fault = Literal["", "strategy", "platform"]
"""Who is to blame for a failure: the author's code, or what runs it."""

OVER: tuple[State, ...] = ("done", "failed", "cancelled")


class CandlesWish(Struct, frozen=True, omit_defaults=True):
    """Which candles a job runs on. Stored ones are a range; made ones are the same for ever."""

    source: Literal["stored", "made"]
    instrument: str
    resolutions: tuple[str, ...]  # its own first
    since_ms: int = 0
    until_ms: int = 0
    count: int = 0  # of made ones, in the first resolution


@dataclass(frozen=True)
class Order:
    """What somebody wants to have done."""

    kind: Kind
    tenant: Tenant
    subject: str  # what it is for: a version, a backtest
    code: str
    code_sha256: str
    instrument: str
    resolution: str
    candles: CandlesWish
    memory_mb: int
    cpus: float
    seconds: int
    resolutions: tuple[str, ...] = ()
    lookback: int = 200
    parameters: Mapping[str, Any] | None = None
    manifest: Mapping[str, Any] | None = None
    terms: Mapping[str, Any] | None = None
    rules: Mapping[str, Any] | None = None
    search: Mapping[str, Any] | None = None
    key: str = ""  # jobs of the same key have the same result


@dataclass(frozen=True)
class Job:
    """A job as its owner sees it."""

    id: JobId
    tenant: Tenant
    kind: Kind
    subject: str
    state: State
    reason: str
    fault: Fault
    progress: float
    said: str
    attempt: int
    code_sha256: str
    candles_sha256: str | None
    memory_mb: int
    cpus: float
    seconds: int
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    log_tail: str
