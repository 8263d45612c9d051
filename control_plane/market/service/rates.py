"""What things cost at the last close, now or at a moment of the market's past: for whoever plans
ahead or looks back. What trades takes ticks, and their age.
"""

from decimal import ROUND_DOWN, Context, Decimal

from control_plane.infra.db import Tx
from control_plane.market import store

_DOWN = Context(prec=50, rounding=ROUND_DOWN)
ONE = Decimal(1)


def close_of(tx: Tx, identity: str, until_ms: int | None = None) -> Decimal | None:
    """The last minute's close that was known then; none before the first."""
    found = store.latest_candles(tx, identity, "1m", 1, until_ms=until_ms)
    return Decimal(repr(found[0].close)) if found and found[0].close > 0 else None


def rate_of(tx: Tx, source: str, target: str, until_ms: int | None = None) -> Decimal | None:
    """One unit of `source` in `target`, by a pair of theirs or as an exchange converts."""
    if source == target:
        return ONE
    for identity in store.spot_of(tx, source, target):
        price = close_of(tx, identity, until_ms)
        if price is not None:
            return price
    for identity in store.spot_of(tx, target, source):
        price = close_of(tx, identity, until_ms)
        if price is not None:
            return _DOWN.divide(ONE, price)
    if (found := store.find_rate(tx, source, target)) is not None:
        return found[0]
    if (found := store.find_rate(tx, target, source)) is not None:
        return _DOWN.divide(ONE, found[0])
    return None
