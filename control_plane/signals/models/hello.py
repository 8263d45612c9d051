"""Hello and welcome: which generation decides, and from which trigger on."""

from dataclasses import dataclass
from typing import Literal

from control_plane.signals.models.frames import Refused
from strategy_runtime.wire import resolutions


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
    is_relieved: bool  # no process of an active generation before it is there any more
    has_warmed: bool  # this run said hello before: it has started, and asks for its turn


@dataclass(frozen=True)
class Admitted:
    active_from: str | None  # none: it warms up beside the generation that it will replace
    takes_over: bool  # from no generation, or from an older one
    phase: Literal["running", "paused"]


def admit(
    place: Place, generation: int, code_sha256: str, resolution: str, market_now_ms: int
) -> Admitted | Refused:
    """Answer a hello: the newest generation takes over, the active one continues, every other
    waits in vain. Where an older one still decides, the newer first shows that it starts.
    """
    if place.generation_state not in {"launching", "live"}:
        return Refused(f"Generation {generation} has ended.")
    if code_sha256 != place.code_sha256:
        return Refused(f"Generation {generation} runs other code than was launched.")
    if generation not in {place.generation, place.active_generation} or (
        generation < place.active_generation
    ):
        return Refused(f"Generation {generation} was replaced by {place.generation}.")

    phase: Literal["running", "paused"] = "running" if place.desired == "running" else "paused"
    if generation == place.active_generation and place.active_from is not None:
        return Admitted(place.active_from, False, phase)
    if not (place.is_relieved or place.has_warmed):
        return Admitted(None, False, phase)
    return Admitted(_begin(place.last_trigger, resolution, market_now_ms), True, phase)


def _begin(last_trigger: str | None, resolution: str, market_now_ms: int) -> str:
    """Where a generation begins: after the last decision, or with the candle that forms now."""
    if last_trigger is not None:
        return next_trigger(resolution, last_trigger)
    return resolutions.candle_trigger(resolution, resolutions.open_of(resolution, market_now_ms))


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
