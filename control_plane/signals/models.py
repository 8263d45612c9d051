"""What a container may say, and what it is answered: decisions without IO.

A frame comes from hostile code. Its channel names its sender; of the rest nothing is believed that
is not checked here against the deployment's own row.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Literal

import msgspec

from control_plane.core.ids import DeploymentId, InstrumentId, Shard, SignalId, Tenant
from strategy_runtime.wire import MAX_STATE_BYTES, messages, resolutions

Kind = Literal["entry", "exit"]

KINDS: Mapping[str, Kind] = MappingProxyType(
    {"LONG": "entry", "SHORT": "entry", "EXIT_LONG": "exit", "EXIT_SHORT": "exit"}
)
FUTURE_MS = 2_000  # how far a candle's close may lie ahead of the market's clock
MAX_POSITION_BYTES = 4 * 1024
MAX_REASON = 500
MAX_ERROR = 4_000
MAX_LINE = 1_000
MAX_NAME = 64
MAX_SHOWN = 2_048
LARGEST = 2**53
HIGHEST_PRICE = Decimal(10) ** 15
LOWEST_PRICE = Decimal(10) ** -15
MAX_DIGITS = 40

_RUN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TRIGGER = re.compile(r"([0-9a-z]{1,8}):(0|[1-9][0-9]{0,15})")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Sender:
    """A generation's deployment as its row stands: what its frames are judged against."""

    deployment: DeploymentId
    generation: int
    tenant: Tenant
    shard: Shard
    instrument: InstrumentId
    resolution: str
    ticks: bool
    active_generation: int
    active_from: str | None
    last_trigger: str | None
    market_now_ms: int


@dataclass(frozen=True)
class Refused:
    """Why a frame or a signal counts for nothing, in words for its author."""

    reason: str


@dataclass(frozen=True)
class Decided:
    """An execution that counts, its signals each with the reason for which it is refused, if
    any.
    """

    trigger_open_ms: int
    signals: tuple[tuple[messages.Signal, str | None], ...]
    spoilt: str | None = None  # why its signals as a whole cannot be stored


def judge(execution: messages.Execution, sender: Sender) -> Decided | Refused:
    """Whether this decision counts. What is refused is acknowledged all the same: sending it again
    would not make it better.
    """
    reason = _out_of_bounds(execution) or _not_its_trigger(execution.trigger, sender)
    if reason is not None:
        return Refused(reason)

    opened = resolutions.trigger_open(execution.trigger)
    reason = _not_its_turn(opened, sender)
    if reason is not None:
        return Refused(reason)

    spoilt = _spoilt(execution)
    if spoilt is not None:
        return Decided(opened, (), spoilt)
    return Decided(opened, tuple((s, wrong_with(s)) for s in execution.signals))


def wrong_with(signal: messages.Signal) -> str | None:
    """What is wrong with it, in words for its author; nothing if it may be acted on."""
    named = {"price": signal.price, "stop loss": signal.stop_loss, "target": signal.take_profit}
    if KINDS[signal.action] == "exit":
        named = {"price": signal.price}  # a stop on an exit means nothing and hinders nothing
    for name, value in named.items():
        if value is not None and not _is_price(value):
            return f"The {name} {_short(value)} is no price."

    if KINDS[signal.action] == "exit":
        return None
    return _wrong_side(signal)


def run_is_named(run: str) -> bool:
    return _RUN.fullmatch(run) is not None


def order_of(trigger: str) -> tuple[int, int]:
    """Triggers of one deployment in the order in which they happen: a candle closes after its
    ticks.
    """
    return resolutions.trigger_open(trigger), 0 if trigger.startswith("tick:") else 1


def next_trigger(resolution: str, last_trigger: str) -> str:
    """The first candle without a decision, if `last_trigger` is the last with one."""
    opened, is_candle = order_of(last_trigger)
    after = resolutions.close_of(resolution, opened) if is_candle else opened
    return resolutions.candle_trigger(resolution, after)


def body_hash(execution: messages.Execution) -> str:
    """Of what was decided, not of when or by which process: two runs that agree hash alike."""
    decided = (execution.outcome, execution.signals, execution.position)
    state = execution.state
    return sha256(
        msgspec.json.encode(decided)
        + (b"" if isinstance(state, msgspec.UnsetType) else bytes(state))
    ).hexdigest()


def clean(text: str, at_most: int) -> str:
    """Fit for a table and a terminal: control characters escaped, the rest cut."""
    cut = text if len(text) <= at_most else text[: at_most - 1] + "…"
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", cut)


def shown(frame: bytes) -> str:
    """The beginning of a frame that nobody could read."""
    return clean(frame[:MAX_SHOWN].decode("utf-8", "backslashreplace"), MAX_SHOWN)


def bounded(number: int) -> int:
    """Into what a column holds."""
    return max(-LARGEST, min(LARGEST, number))


# ---- hello and welcome ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a deployment stands when one of its generations says hello."""

    generation: int  # launched last
    active_generation: int
    active_from: str | None
    last_trigger: str | None
    desired: str
    generation_state: str
    code_sha256: str


@dataclass(frozen=True)
class Admitted:
    active_from: str
    takes_over: bool  # from no generation, or from an older one
    phase: Literal["running", "paused"]


def admit(
    place: Place, generation: int, code_sha256: str, resolution: str, market_now_ms: int
) -> Admitted | Refused:
    """Answer a hello: the newest generation takes over, the active one continues, every other
    waits in vain.
    """
    if place.generation_state not in {"launching", "live"}:
        return Refused(f"Generation {generation} has ended.")
    if code_sha256 != place.code_sha256:
        return Refused(f"Generation {generation} runs other code than was launched.")
    if generation not in {place.generation, place.active_generation} or (
        generation < place.active_generation
    ):
        return Refused(f"Generation {generation} was replaced by {place.generation}.")

    takes_over = generation != place.active_generation or place.active_from is None
    active_from = place.active_from
    if takes_over or active_from is None:
        active_from = _begin(place.last_trigger, resolution, market_now_ms)
    paused = place.desired != "running"
    return Admitted(active_from, takes_over, "paused" if paused else "running")


def _begin(last_trigger: str | None, resolution: str, market_now_ms: int) -> str:
    """Where a generation begins: after the last decision, or with the candle that forms now."""
    if last_trigger is not None:
        return next_trigger(resolution, last_trigger)
    return resolutions.candle_trigger(resolution, resolutions.open_of(resolution, market_now_ms))


# ---- one frame ---------------------------------------------------------------------------------


def _out_of_bounds(execution: messages.Execution) -> str | None:
    if not run_is_named(execution.run):
        return "The run has no proper name."
    numbers = (execution.n, execution.took_us, execution.published_ms, execution.decided_ms)
    if not all(0 <= number <= LARGEST for number in numbers):
        return "A number or a time is out of bounds."
    if len(msgspec.json.encode(execution.position)) > MAX_POSITION_BYTES:
        return f"The position takes more than {MAX_POSITION_BYTES} bytes."
    return _bad_state(execution.state)


def _bad_state(state: msgspec.Raw | msgspec.UnsetType) -> str | None:
    if isinstance(state, msgspec.UnsetType):
        return None
    if len(bytes(state)) > MAX_STATE_BYTES:
        return f"The state takes {len(bytes(state))} bytes; at most {MAX_STATE_BYTES}."
    try:
        decoded = msgspec.json.decode(state)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return "The state is no JSON."
    return None if isinstance(decoded, dict) else "The state is no JSON object."


def _not_its_trigger(trigger: str, sender: Sender) -> str | None:
    found = _TRIGGER.fullmatch(trigger)
    known = {sender.resolution, "tick"} if sender.ticks else {sender.resolution}
    if found is None or found[1] not in known:
        return f"{clean(trigger, MAX_NAME)!r} is no trigger of this deployment."

    opened = int(found[2])
    if resolutions.open_of(sender.resolution, opened) != opened:
        return f"{trigger!r} is not aligned to {sender.resolution}."
    happens = opened if found[1] == "tick" else resolutions.close_of(sender.resolution, opened)
    if happens > sender.market_now_ms + FUTURE_MS:
        return f"{trigger!r} lies in the future."
    return None


def _not_its_turn(opened: int, sender: Sender) -> str | None:
    """An older generation may still answer for what lies before the hand-over, and nothing more."""
    if sender.active_from is None or sender.generation > sender.active_generation:
        return f"Generation {sender.generation} is not active."

    begins = resolutions.trigger_open(sender.active_from)
    if sender.generation == sender.active_generation and opened < begins:
        return f"Generation {sender.generation} decides from {sender.active_from} on."
    if sender.generation < sender.active_generation and opened >= begins:
        return f"From {sender.active_from} on generation {sender.active_generation} decides."
    return None


def _spoilt(execution: messages.Execution) -> str | None:
    kinds = [KINDS[signal.action] for signal in execution.signals]
    if kinds not in ([], ["entry"], ["exit"], ["exit", "entry"]):
        return "A trigger takes one exit, one entry, or an exit and then an entry."
    if bool(kinds) != (execution.outcome == "signal"):
        return f"An outcome of {execution.outcome!r} with {len(kinds)} signals."
    return None


def _is_price(value: Decimal) -> bool:
    return (
        value.is_finite()
        and LOWEST_PRICE <= value <= HIGHEST_PRICE
        and len(value.as_tuple().digits) <= MAX_DIGITS
    )


def _wrong_side(signal: messages.Signal) -> str | None:
    sign = 1 if signal.action == "LONG" else -1
    if signal.stop_loss is not None and (signal.price - signal.stop_loss) * sign <= 0:
        return (
            f"The stop loss {_short(signal.stop_loss)} of a {signal.action} lies on the wrong "
            f"side of its price {_short(signal.price)}."
        )
    if signal.take_profit is not None and (signal.take_profit - signal.price) * sign <= 0:
        return (
            f"The target {_short(signal.take_profit)} of a {signal.action} lies on the wrong "
            f"side of its price {_short(signal.price)}."
        )
    return None


def _short(value: Decimal) -> str:
    return clean(str(value), MAX_NAME)


@dataclass(frozen=True)
class StoredSignal:
    """A signal as it was committed."""

    id: SignalId
    deployment: DeploymentId
    tenant: Tenant
    shard: Shard
    instrument: InstrumentId
    trigger: str
    trigger_open_ms: int
    generation: int
    kind: Kind
    action: messages.Action
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    reason: str
    state: str
    refusal: str | None
    seed: int
    published_ms: int
    decided_ms: int
    accepted_ms: int
    planned_ms: int | None
