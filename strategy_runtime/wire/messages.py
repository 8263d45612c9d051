"""Every message, as a frozen struct, in JSON.

A field that a reader does not know is ignored; a new meaning is a new version. Numbers that a
strategy computed cross as JSON numbers and are read as exact decimals where they become money.
"""

from decimal import Decimal
from typing import Literal, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from strategy_runtime.wire import MAX_FRAME_BYTES, VERSION

# ---- market → containers -------------------------------------------------------------------------


class Candle(Struct, frozen=True, gc=False):
    """A closed candle. `seq` is open time ÷ resolution: a step above one is a gap."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    seq: int
    published_ms: int = 0  # operational time, for ages and lags
    gap_filled: bool = False  # fetched afterwards because the feed was silent


class Tick(Struct, frozen=True, gc=False):
    """The latest price, conflated: `quantity` is all that traded since the tick before. `at_ms` is
    market time, `published_ms` operational time.
    """

    at_ms: int
    price: Decimal
    quantity: Decimal
    published_ms: int = 0


# ---- the launch payload --------------------------------------------------------------------------


class Limits(Struct, frozen=True):
    memory_mb: int = 512
    cpus: float = 0.5
    pids: int = 64


class Boot(Struct, frozen=True):
    """What a process of this generation runs; its sha256 travels in the launch environment."""

    deployment: str
    generation: int
    code: str
    code_sha256: str
    instrument: str
    resolution: str
    parameters: dict[str, msgspec.Raw] = field(default_factory=dict)
    manifest: dict[str, msgspec.Raw] = field(default_factory=dict)
    resolutions: tuple[str, ...] = ()
    ticks: bool = False
    lookback: int = 200
    limits: Limits = Limits()
    v: int = VERSION


# ---- container → trading -------------------------------------------------------------------------

Side = Literal["LONG", "SHORT"]
Action = Literal["LONG", "SHORT", "EXIT_LONG", "EXIT_SHORT"]
Outcome = Literal["signal", "none", "failed", "skipped"]
Phase = Literal["warming", "running", "paused", "lagging", "draining"]


class Signal(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a strategy thinks. Prices are hints for protection; it does not choose quantities."""

    action: Action
    price: Decimal  # the close that it was decided on
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    reason: str = ""


class Position(Struct, frozen=True, omit_defaults=True, gc=False):
    """The strategy's own virtual position. `side` None is flat; the next open fills `pending`.

    `exit_due` is the side of the last entry that no exit signal has answered yet. A stop or a
    target may have ended the virtual position meanwhile, but not for certain in every account: one
    exit still goes out when it is asked for. The last `late` of those pending were decided on a
    tick: not the candle that was open then fills them, the next one does.
    """

    side: Side | None = None
    entry_price: float = 0.0
    entry_ms: int = 0
    stop_loss: float | None = None
    take_profit: float | None = None
    pending: tuple[Signal, ...] = ()
    exit_due: Side | None = None
    late: int = 0

    @property
    def is_flat(self) -> bool:
        return self.side is None

    @property
    def is_long(self) -> bool:
        return self.side == "LONG"

    @property
    def is_short(self) -> bool:
        return self.side == "SHORT"


class Hello(Struct, frozen=True, tag="hello"):
    """A process asks to be let in. It decides nothing before the welcome that names its run."""

    run: str
    started_ms: int
    code_sha256: str
    v: int = VERSION


class Heartbeat(Struct, frozen=True, tag="heartbeat"):
    run: str
    at_ms: int
    phase: Phase
    last_trigger: str | None  # decided last
    lag_ms: int  # published → decided, of the last trigger
    loop_lag_ms: int
    rss_bytes: int
    cpu_seconds: float
    waiting: int  # frames without an acknowledgement
    dropped: int = 0  # notes dropped because the queue was full


class Execution(Struct, frozen=True, tag="execution"):
    """One trigger, one frame: the decision, its signals (exit, then entry), the state after."""

    run: str
    n: int
    trigger: str
    outcome: Outcome
    took_us: int
    published_ms: int
    decided_ms: int
    position: Position
    signals: tuple[Signal, ...] = ()
    state: Raw | UnsetType = UNSET
    error: str | None = None


class LogLine(Struct, frozen=True):
    at_ms: int
    level: Literal["debug", "info", "warning", "error"]
    text: str


class Metric(Struct, frozen=True):
    at_ms: int
    name: str
    value: float


class Notes(Struct, frozen=True, tag="notes"):
    """The author's log lines and metrics. Dropped, oldest first, when there are too many."""

    run: str
    lines: tuple[LogLine, ...] = ()
    metrics: tuple[Metric, ...] = ()


class Bye(Struct, frozen=True, tag="bye"):
    """The process ends on purpose; whatever it decided was acknowledged, or stands in `waiting`."""

    run: str
    reason: str
    waiting: int = 0


Up = Hello | Heartbeat | Execution | Notes | Bye

# ---- trading → container -------------------------------------------------------------------------


class Welcome(Struct, frozen=True, tag="welcome"):
    """The answer to hello: triggers up to `last_trigger` are committed, decide from `active_from`.

    `active_from` None: this generation is not active yet; it warms up and waits for another
    welcome.
    """

    run: str
    active_from: str | None
    last_trigger: str | None = None
    state: Raw | UnsetType = UNSET
    position: Position = Position()
    phase: Literal["running", "paused"] = "running"


class Ack(Struct, frozen=True, tag="ack"):
    """These frames of this run are committed: they need not be sent again."""

    run: str
    n: tuple[int, ...]


class Control(Struct, frozen=True, tag="control"):
    do: Literal["pause", "resume", "drain", "stop"]


Down = Welcome | Ack | Control

# ---- bytes ---------------------------------------------------------------------------------------

T = TypeVar("T")

_encoder = msgspec.json.Encoder(decimal_format="number")
_candle = msgspec.json.Decoder(Candle)
_tick = msgspec.json.Decoder(Tick)
_boot = msgspec.json.Decoder(Boot)
_up: msgspec.json.Decoder[Up] = msgspec.json.Decoder(Up)
_down: msgspec.json.Decoder[Down] = msgspec.json.Decoder(Down)


class BadFrame(ValueError):
    """Bytes that are no message of ours: too long, not JSON, or not of the shape."""


def encode(message: Struct) -> bytes:
    frame = _encoder.encode(message)
    if len(frame) > MAX_FRAME_BYTES and not isinstance(message, Boot):
        raise BadFrame(f"a frame of {len(frame)} bytes; at most {MAX_FRAME_BYTES}")
    return frame


def decode_candle(frame: bytes) -> Candle:
    return _decode(_candle, frame)


def decode_tick(frame: bytes) -> Tick:
    return _decode(_tick, frame)


def decode_boot(frame: bytes) -> Boot:
    return _decode(_boot, frame, limit=4 * 1024 * 1024)


def decode_up(frame: bytes) -> Up:
    return _decode(_up, frame)


def decode_down(frame: bytes) -> Down:
    return _decode(_down, frame)


def _decode(decoder: msgspec.json.Decoder[T], frame: bytes, limit: int = MAX_FRAME_BYTES) -> T:
    if len(frame) > limit:
        raise BadFrame(f"a frame of {len(frame)} bytes; at most {limit}")

    try:
        return decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadFrame(str(error)) from error
