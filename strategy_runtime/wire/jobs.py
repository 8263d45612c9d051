"""What a job is given and what it says: its task, its progress, its result in chunks.

A result travels compressed, in numbered chunks that are acknowledged once they are stored. The last
frame says how many there are and what all of them hash to; nothing counts before that.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct, field

from strategy_runtime.wire import MAX_FRAME_BYTES, VERSION
from strategy_runtime.wire.messages import BadFrame, Limits

Kind = Literal["check", "backtest", "optimise"]

T = TypeVar("T")

MAX_BOOT_BYTES = 4 * 1024 * 1024


class Task(Struct, frozen=True):
    """What a job runs; its sha256 travels in the launch environment. `terms`, `rules` and `search`
    are what a backtest needs beside candles: money, the instrument's legality, and what to try.
    """

    job: str
    kind: Kind
    code: str
    code_sha256: str
    instrument: str
    resolution: str
    candles_sha256: str
    parameters: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    resolutions: tuple[str, ...] = ()
    lookback: int = 200
    terms: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    v: int = VERSION


# ---- job → trading -------------------------------------------------------------------------------


class JobHello(Struct, frozen=True, tag="hello"):
    """The first process that says this for a job is the job's; no other is heard."""

    run: str
    code_sha256: str
    v: int = VERSION


class JobProgress(Struct, frozen=True, tag="progress"):
    run: str
    done: float  # share of the work, 0 to 1
    said: str = ""


class JobChunk(Struct, frozen=True, tag="chunk"):
    run: str
    n: int
    data: bytes


class JobDone(Struct, frozen=True, tag="done"):
    """Every chunk is acknowledged. `n` follows the last chunk's; `sha256` is of all of them."""

    run: str
    n: int
    size: int
    sha256: str


class JobFailed(Struct, frozen=True, tag="failed"):
    """It cannot be done, for a reason that lies in the author's code or in what was asked."""

    run: str
    n: int
    reason: str


JobUp = JobHello | JobProgress | JobChunk | JobDone | JobFailed

# ---- trading → job -------------------------------------------------------------------------------


class JobWelcome(Struct, frozen=True, tag="welcome"):
    run: str


class JobAck(Struct, frozen=True, tag="ack"):
    """This frame of this run is stored; after the last one the process may end."""

    run: str
    n: int


JobDown = JobWelcome | JobAck

# ---- results, as they are stored -----------------------------------------------------------------


class CheckFinding(Struct, frozen=True):
    rule: str
    message: str
    hint: str = ""
    line: int = 0
    column: int = 0
    severity: Literal["error", "warning"] = "error"


class CheckResult(Struct, frozen=True):
    findings: tuple[CheckFinding, ...]
    candles: int = 0
    signals: int = 0
    milliseconds: float = 0.0  # of one candle, on average
    peak_bytes: int = 0


class Remark(Struct, frozen=True):
    rule: str
    text: str


class BacktestResult(Struct, frozen=True):
    """What every reader of a backtest relies on; the rest of it is for its report."""

    data_sha256: str
    from_ms: int
    to_ms: int
    metrics: dict[str, float | int | None]
    remarks: tuple[Remark, ...] = ()
    skipped: int = 0


class SearchResult(Struct, frozen=True):
    goal: str
    tried: int
    best: dict[str, Any] | None
    is_isolated: bool
    data_sha256: str
    remarks: tuple[str, ...] = ()


RESULTS: Mapping[Kind, type[Struct]] = {
    "check": CheckResult,
    "backtest": BacktestResult,
    "optimise": SearchResult,
}

_encoder = msgspec.json.Encoder()
_task = msgspec.json.Decoder(Task)
_up: msgspec.json.Decoder[JobUp] = msgspec.json.Decoder(JobUp)
_down: msgspec.json.Decoder[JobDown] = msgspec.json.Decoder(JobDown)


def encode(message: Struct) -> bytes:
    frame = _encoder.encode(message)
    if len(frame) > MAX_FRAME_BYTES and not isinstance(message, Task):
        raise BadFrame(f"a frame of {len(frame)} bytes; at most {MAX_FRAME_BYTES}")
    return frame


def decode_task(frame: bytes) -> Task:
    return _decoded(_task, frame, MAX_BOOT_BYTES)


def decode_up(frame: bytes) -> JobUp:
    return _decoded(_up, frame, MAX_FRAME_BYTES)


def decode_down(frame: bytes) -> JobDown:
    return _decoded(_down, frame, MAX_FRAME_BYTES)


def _decoded(decoder: msgspec.json.Decoder[T], frame: bytes, limit: int) -> T:
    if len(frame) > limit:
        raise BadFrame(f"a frame of {len(frame)} bytes; at most {limit}")

    try:
        return decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadFrame(str(error)) from error
