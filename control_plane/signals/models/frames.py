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

import msgspec

from control_plane.core.ids import DeploymentId, InstrumentId, Shard, Tenant
from control_plane.signals.models.stored import Kind
from control_plane.signals.models.text import LARGEST, MAX_NAME, clean
from strategy_runtime.wire import MAX_STATE_BYTES, messages, resolutions

KINDS: Mapping[str, Kind] = MappingProxyType(
    {"LONG": "entry", "SHORT": "entry", "EXIT_LONG": "exit", "EXIT_SHORT": "exit"}
)
MAX_POSITION_BYTES = 4 * 1024
HIGHEST_PRICE = Decimal(10) ** 15
LOWEST_PRICE = Decimal(10) ** -15
MAX_DIGITS = 40

_RUN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TRIGGER = re.compile(r"([0-9a-z]{1,8}):(0|[1-9][0-9]{0,15})")


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
    latest_ms: int  # a candle that closes later lies in the future


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


def unsound(execution: messages.Execution) -> str | None:
    """What forbids even looking it up: a number that no column holds, a name that is none."""
    if not run_is_named(execution.run) or not 0 <= execution.n <= LARGEST:
        return "Its run or its number is none."
    numbers = (execution.took_us, execution.published_ms, execution.decided_ms)
    if not all(0 <= number <= LARGEST for number in numbers):
        return "A time is out of bounds."
    if _TRIGGER.fullmatch(execution.trigger) is None:
        return f"{clean(execution.trigger, MAX_NAME)!r} is no trigger."
    if len(msgspec.json.encode(execution.position)) > MAX_POSITION_BYTES:
        return f"The position takes more than {MAX_POSITION_BYTES} bytes."
    if any(wrong_with(signal) for signal in execution.position.pending):
        return "The position waits for a signal with a price that is none."
    return _bad_state(execution.state)


def is_numbered(execution: messages.Execution) -> bool:
    """Whether an acknowledgement can name it."""
    return run_is_named(execution.run) and 0 <= execution.n <= LARGEST


def judge(execution: messages.Execution, sender: Sender) -> Decided | Refused:
    """Whether this sound decision counts. What is refused is acknowledged all the same: sending it
    again would not make it better.
    """
    reason = _not_its_trigger(execution.trigger, sender)
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
        if value is not None and not is_price(value):
            return f"The {name} {_short(value)} is no price."

    if KINDS[signal.action] == "exit":
        return None
    return _wrong_side(signal)


def run_is_named(run: str) -> bool:
    return _RUN.fullmatch(run) is not None


def body_hash(execution: messages.Execution) -> str:
    """Of what was decided, not of when or by which process: two runs that agree hash alike."""
    decided = (execution.outcome, execution.signals, execution.position)
    state = execution.state
    return sha256(
        msgspec.json.encode(decided)
        + (b"" if isinstance(state, msgspec.UnsetType) else bytes(state))
    ).hexdigest()


# ---- one frame ---------------------------------------------------------------------------------


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
        return f"{trigger!r} is no trigger of this deployment."

    opened = int(found[2])
    if resolutions.open_of(sender.resolution, opened) != opened:
        return f"{trigger!r} is not aligned to {sender.resolution}."
    happens = opened if found[1] == "tick" else resolutions.close_of(sender.resolution, opened)
    if happens > sender.latest_ms:
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


def is_price(value: Decimal) -> bool:
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
