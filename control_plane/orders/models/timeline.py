"""When each step of a signal happened: from its candle to the last stop that stands."""

from dataclasses import dataclass
from typing import Any

from strategy_runtime.wire.resolutions import DURATION_MS


@dataclass(frozen=True, slots=True)
class Moments:
    """Of all intents of one signal; none where it has not happened."""

    first_sent_ms: int | None = None
    last_sent_ms: int | None = None
    first_acknowledged_ms: int | None = None
    last_acknowledged_ms: int | None = None
    last_protected_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Milliseconds since 1970; the candle's by the market's clock, all others by ours."""

    signal: str
    candle_closed_ms: int | None
    published_ms: int
    decided_ms: int
    accepted_ms: int
    planned_ms: int
    planning_took_us: int
    intents: int
    skips: int
    first_sent_ms: int | None
    last_sent_ms: int | None
    first_acknowledged_ms: int | None
    last_acknowledged_ms: int | None
    last_protected_ms: int | None


def timeline(signal: Any, plan: Any, moments: Moments) -> Timeline:
    resolution = signal.trigger.partition(":")[0]
    length = DURATION_MS.get(resolution)
    return Timeline(
        signal=signal.id,
        candle_closed_ms=None if length is None else signal.trigger_open_ms + length,
        published_ms=signal.published_ms,
        decided_ms=signal.decided_ms,
        accepted_ms=signal.accepted_ms,
        planned_ms=plan.planned_ms,
        planning_took_us=plan.took_us,
        intents=plan.intents,
        skips=plan.skips,
        first_sent_ms=moments.first_sent_ms,
        last_sent_ms=moments.last_sent_ms,
        first_acknowledged_ms=moments.first_acknowledged_ms,
        last_acknowledged_ms=moments.last_acknowledged_ms,
        last_protected_ms=moments.last_protected_ms,
    )
