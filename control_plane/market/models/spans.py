"""A past that is coarse long ago and fine lately, without a gap between its parts. Pure."""

from collections.abc import Sequence

from strategy_runtime.wire.resolutions import DURATION_MS, Resolution, open_of

# So many candles of each, the coarsest and oldest first.
Spans = Sequence[tuple[Resolution, int]]


def starts(spans: Spans, until_ms: int) -> list[int]:
    """Each span begins on a boundary of the coarser one before it, the first on a week's."""
    found: list[int] = []
    end = until_ms
    coarser = [resolution for resolution, _ in spans[:-1]]
    for (resolution, count), above in zip(reversed(spans), [*reversed(coarser), "1w"], strict=True):
        end = open_of(above, end - count * DURATION_MS[resolution])
        found.insert(0, end)
    return found
