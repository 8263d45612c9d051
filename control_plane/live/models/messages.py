"""What is said over `/api/v1/live`: JSON in text frames of at most 64 KB, told apart by `type`.

Whoever reads must leave alone what it does not know: a later version may say more.
"""

from typing import Any, Literal

import msgspec

PROTOCOL = "slipway.live.v1"
MAX_FRAME = 64 * 1024
ROOM = 2 * 1024  # of a frame, for what surrounds a body

Channel = Literal[
    "events", "deployments", "signals", "orders", "trades", "logs", "vitals", "status"
]
Source = Literal["all", "author", "output"]


class Subscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="subscribe"):
    """Send me this, from now on or from after a place that I name."""

    id: str  # chosen by the client; every message of the subscription carries it
    channel: Channel
    after: int | None = None  # an event's number; for vitals a minute in ms
    cursor: str | None = None  # of logs
    kinds: tuple[str, ...] = ()
    subject_kinds: tuple[str, ...] = ()
    subject_id: str | None = None
    deployment_id: str | None = None
    source: Source = "all"
    grep: str | None = None
    everybody: bool = False  # admins: also what is not theirs


class Unsubscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="unsubscribe"):
    id: str


class Ping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ping"):
    n: int = 0


Asked = Subscribe | Unsubscribe | Ping


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The first message: how far the events are, and how often a heartbeat comes."""

    number: int
    heartbeat_seconds: float
    subscriptions: int  # how many there may be


class Subscribed(msgspec.Struct, frozen=True, tag="subscribed"):
    id: str
    after: int | str  # what comes first is what came after this


class Unsubscribed(msgspec.Struct, frozen=True, tag="unsubscribed"):
    id: str


class Happened(msgspec.Struct, frozen=True, tag="event"):
    """One event. `number` is where to go on after it."""

    id: str
    number: int
    at: str
    kind: str
    subject_kind: str
    subject_id: str
    body: msgspec.Raw
    tenant: str | msgspec.UnsetType = msgspec.UNSET  # told to whoever looks at everybody's


class CaughtUp(msgspec.Struct, frozen=True, tag="caught_up"):
    """Everything up to here was sent; what follows is new."""

    id: str
    number: int


class Missed(msgspec.Struct, frozen=True, tag="missed"):
    """There is something that cannot be sent any more."""

    id: str
    after: int
    until: int
    what: str
    remedy: str


class Line(msgspec.Struct, frozen=True):
    at: str
    source: str
    level: str
    generation: int
    text: str


class Lines(msgspec.Struct, frozen=True, tag="lines"):
    """`cursor` is where to go on after them."""

    id: str
    cursor: str
    lines: list[Line]


class Point(msgspec.Struct, frozen=True, tag="vital"):
    """What a deployment used in one minute; `number` is that minute in ms."""

    id: str
    number: int
    at: str
    generation: int
    cpus: float | None
    memory_bytes: int
    lag_ms: int
    loop_lag_ms: int
    waiting: int


class Part(msgspec.Struct, frozen=True, tag="status"):
    """A part of the picture that changed; without a value where it is too large for a frame, and
    GET /status.json has it.
    """

    id: str
    part: str
    value: Any = None
    is_too_large: bool = False


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """We are here. Whatever was asked for and has a number up to this one was sent."""

    number: int


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    n: int


class RefusedAsking(msgspec.Struct, frozen=True, tag="refused"):
    """Nothing came of one message; the connection goes on."""

    id: str | None
    what: str
    field: str | None
    remedy: str | None


class Place(msgspec.Struct, frozen=True):
    """How far a subscription got, and how many events wait behind."""

    after: int | str
    behind: int


class Ending(msgspec.Struct, frozen=True, tag="ended"):
    """The last message before the connection closes with this code."""

    code: int
    what: str
    remedy: str
    subscriptions: dict[str, Place]


class Kept(msgspec.Struct, frozen=True):
    """A subscription's name, where nothing else of a message can be read."""

    id: str | None = None


_asked: msgspec.json.Decoder[Asked] = msgspec.json.Decoder(Asked)
_named = msgspec.json.Decoder(Kept)
_encoder = msgspec.json.Encoder()


def read(frame: str | bytes) -> Asked:
    """Raises msgspec's errors, whose sentence says where."""
    return _asked.decode(frame)


def name_in(frame: str | bytes) -> str | None:
    try:
        return _named.decode(frame).id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def text(message: msgspec.Struct) -> str:
    return _encoder.encode(message).decode()
