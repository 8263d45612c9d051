"""The feed of recorded candles, as fast as the engine takes them."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import close_of

BASE = ""


def replay(
    course: Course, candles: Iterable[Candle], further: Mapping[str, Iterable[Candle]] | None = None
) -> Iterator[Decision]:
    """Every decision that is due on these candles, in order.

    A base candle is decided after the further ones that closed at or before its close.
    """
    for resolution, candle in in_order(course.resolution, candles, further or {}):
        if resolution != BASE:
            course.learn(resolution, candle)
            continue
        decision = course.take(candle)
        if decision is not None:
            yield decision


def in_order(
    base: str, candles: Iterable[Candle], further: Mapping[str, Iterable[Candle]]
) -> Iterator[tuple[str, Candle]]:
    """All of them as they are seen, by resolution; the base's is empty."""

    def timed(
        name: str, rank: int, some: Iterable[Candle]
    ) -> Iterator[tuple[int, int, str, Candle]]:
        for candle in some:
            yield close_of(name or base, candle.open_ms), rank, name, candle

    streams = [timed(name, rank, some) for rank, (name, some) in enumerate(further.items())]
    ranked = [*streams, timed(BASE, len(streams), candles)]
    for _, _, name, candle in merge(*ranked, key=lambda item: item[:2]):
        yield name, candle
