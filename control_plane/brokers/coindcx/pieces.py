"""A large order may come back as several, linked by one group id: read as the one that was asked
for. Pure.

It is called by the id of its oldest piece, whichever pieces are seen.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from control_plane.brokers.coindcx.models import FuturesOrder
from strategy_runtime.rules.money import MONEY, ZERO

WAITING = ("initial", "untriggered", "open")


def as_one(listed: Iterable[FuturesOrder]) -> list[FuturesOrder]:
    """In the order of the list; what was not split is as it was."""
    rows = list(listed)
    whole = {group[0].id: _joined(group) for group in groups(rows)}
    pieces = {each.id for group in groups(rows) for each in group[1:]}
    return [whole.get(each.id, each) for each in rows if each.id not in pieces]


def groups(listed: Sequence[FuturesOrder]) -> list[list[FuturesOrder]]:
    """Orders in several pieces, the oldest piece first."""
    found: defaultdict[tuple[str, ...], list[FuturesOrder]] = defaultdict(list)
    for each in listed:
        if each.group_id:
            place = (each.group_id, each.pair, each.side, each.margin_currency, each.stage)
            found[place].append(each)
    several = [group for group in found.values() if len(group) > 1]
    return [sorted(group, key=lambda each: (each.created_ms, each.id)) for group in several]


def _joined(group: Sequence[FuturesOrder]) -> FuturesOrder:
    quantity, remaining = _sum(group, "quantity"), _sum(group, "remaining")
    cancelled = _sum(group, "cancelled")
    filled = quantity - remaining - cancelled
    values = [MONEY.multiply(_filled(each), each.average_price) for each in group]
    return replace(
        group[0],
        status=_status(group, filled, quantity),
        quantity=quantity,
        remaining=remaining,
        cancelled=cancelled,
        average_price=MONEY.divide(sum(values, ZERO), filled) if filled else ZERO,
        fee=_sum(group, "fee"),
        updated_ms=max(each.updated_ms for each in group),
    )


def _status(group: Sequence[FuturesOrder], filled: Decimal, quantity: Decimal) -> str:
    said = {each.status for each in group}
    if len(said) == 1:
        return said.pop()
    if said & {*WAITING, "partially_filled"}:
        if filled:
            return "partially_filled"
        return next(status for status in ("open", *WAITING) if status in said)
    if filled == quantity:
        return "filled"
    return "partially_cancelled" if filled else "cancelled"


def _filled(order: FuturesOrder) -> Decimal:
    return order.quantity - order.remaining - order.cancelled


def _sum(group: Sequence[FuturesOrder], name: str) -> Decimal:
    return sum((getattr(each, name) for each in group), ZERO)
