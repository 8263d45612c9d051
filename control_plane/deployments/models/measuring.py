"""What a deployment used, minute by minute, and what limits would have done."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from control_plane.deployments.models.status import LEAST_CPUS, LEAST_MEMORY_MB

MINUTE_MS = 60_000
KEPT_MS = 24 * 60 * MINUTE_MS
ENOUGH_POINTS = 30  # half an hour: less says little

MEMORY_ROOM = 1.5  # beyond the peak
CPU_ROOM = 2.0  # beyond what all but one minute in twenty needed
MEMORY_STEP_MB = 32
CPU_STEP = 0.05
WORTH_SAYING = 0.2  # a change of less is noise
MB = 1024 * 1024


@dataclass(frozen=True)
class Vital:
    """One minute of one deployment."""

    minute_ms: int
    generation: int
    cpus: float | None
    memory_bytes: int
    lag_ms: int
    loop_lag_ms: int
    waiting: int


@dataclass(frozen=True)
class Hint:
    """The limits that what was measured asks for, in numbers and in a sentence."""

    memory_mb: int
    cpus: float
    sentence: str


def cpus_between(
    before: tuple[str, int, float] | None, now: tuple[str, int, float]
) -> float | None:
    """Processors used on average between two points (run, moment, seconds used so far)."""
    if before is None or before[0] != now[0] or now[1] <= before[1]:
        return None
    return max(0.0, (now[2] - before[2]) * 1000 / (now[1] - before[1]))


def hint(
    points: Sequence[Vital], *, memory_mb: int, cpus: float, peak_bytes: int | None = None
) -> Hint | None:
    """What would be the right size. Nothing before enough was seen."""
    used = sorted(point.cpus for point in points if point.cpus is not None)
    if len(points) < ENOUGH_POINTS or not used:
        return None
    peak = max([point.memory_bytes for point in points] + [peak_bytes or 0])
    right_memory = max(LEAST_MEMORY_MB, _up(peak * MEMORY_ROOM / MB, MEMORY_STEP_MB))
    busy = used[ceil(len(used) * 0.95) - 1]
    right_cpus = max(LEAST_CPUS, round(_up(busy * CPU_ROOM / CPU_STEP, 1) * CPU_STEP, 2))
    measured = f"at most {peak / MB:.0f} MB and mostly up to {busy:.2f} CPUs were used"
    if _is_near(right_memory, memory_mb) and _is_near(right_cpus, cpus):
        return Hint(memory_mb, cpus, f"Its limits fit: {measured}.")
    return Hint(
        int(right_memory),
        right_cpus,
        f"{int(right_memory)} MB and {right_cpus:g} CPUs would do: {measured},"
        f" of {memory_mb} MB and {cpus:g} CPUs.",
    )


def _up(value: float, step: int) -> int:
    return ceil(value / step) * step


def _is_near(right: float, present: float) -> bool:
    return abs(right - present) <= present * WORTH_SAYING
