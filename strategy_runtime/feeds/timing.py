"""How long things may take. Tests hurry with one scale; what protects the bus is never scaled."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from strategy_runtime.wire import HEARTBEAT_SECONDS


class Timing(Struct, frozen=True):
    """Seconds."""

    heartbeat: float
    hello_first: float
    hello_most: float
    resend_first: float
    resend_most: float
    reconnect_first: float
    reconnect_most: float
    drain: float
    bye: float
    boot: float
    gap_first: float
    gap_tries: int


def timing(scale: float) -> Timing:
    return Timing(
        heartbeat=HEARTBEAT_SECONDS * scale,
        hello_first=0.5 * scale,
        hello_most=5.0 * scale,
        resend_first=1.0 * scale,
        resend_most=30.0 * scale,
        reconnect_first=0.1 * scale,
        reconnect_most=5.0 * scale,
        drain=5.0 * scale,
        bye=1.0 * scale,
        boot=30.0 * scale,
        gap_first=0.1 * scale,
        gap_tries=5,
    )


class Machine(Struct, frozen=True):
    """What only `main` may take from the machine: time and chance."""

    now_ms: Callable[[], int]
    now_us: Callable[[], int]  # for durations
    chance: Callable[[], float]  # 0 up to 1
    sleep: Callable[[float], Awaitable[None]]


def backoff(first: float, most: float, attempt: int, chance: float) -> float:
    """Doubling from `first` up to `most`, spread over its upper half."""
    whole = min(most, first * 2.0 ** min(attempt, 30))
    return whole * (0.5 + 0.5 * chance)
