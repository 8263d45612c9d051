"""An order that comes back in pieces is the order that was asked for."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control_plane.brokers.coindcx.models import FuturesOrder
from control_plane.brokers.coindcx.pieces import as_one, groups
from tests.factories import D

ZERO = D("0")
ORDER = FuturesOrder(
    id="b",
    pair="B-BTC_USDT",
    side="buy",
    order_type="limit_order",
    status="open",
    quantity=D("1"),
    remaining=D("1"),
    cancelled=ZERO,
    price=D("50000"),
    stop_price=ZERO,
    average_price=ZERO,
    fee=ZERO,
    leverage=D("3"),
    margin_currency="USDT",
    margin_type="isolated",
    take_profit=None,
    stop_loss=D("49000"),
    stage="default",
    group_id="",
    created_ms=1_000,
    updated_ms=1_000,
)

tenths = st.integers(0, 10)


@st.composite
def piece(draw: st.DrawFn, number: int) -> FuturesOrder:
    quantity = Decimal(draw(st.integers(1, 50)))
    filled = quantity * draw(tenths) / 10
    is_over = draw(st.booleans())
    rest = quantity - filled
    ended = "filled" if not rest else "partially_cancelled" if filled else "cancelled"
    live = "filled" if not rest else "partially_filled" if filled else "open"
    return replace(
        ORDER,
        id=f"p{number}",
        group_id="g",
        created_ms=draw(st.integers(1_000, 1_003)),
        quantity=quantity,
        remaining=ZERO if is_over else rest,
        cancelled=rest if is_over else ZERO,
        status=ended if is_over else live,
        average_price=Decimal(draw(st.integers(49_000, 51_000))) if filled else ZERO,
        fee=filled / 100,
    )


pieces = st.integers(2, 5).flatmap(lambda n: st.tuples(*(piece(number) for number in range(n))))


def done(order: FuturesOrder) -> Decimal:
    return order.quantity - order.remaining - order.cancelled


@given(pieces, st.randoms())
def test_nothing_is_lost_or_made_by_joining_in_whatever_order_they_are_listed(
    parts: tuple[FuturesOrder, ...], rng: st.DataObject
) -> None:
    other = replace(ORDER, id="other")
    listed = [*parts, other]
    rng.shuffle(listed)  # type: ignore[attr-defined] # Hypothesis' own random
    found = {each.id: each for each in as_one(listed)}

    (name,) = found.keys() - {"other"}
    whole = found[name]
    assert found["other"] == other
    assert name == min(parts, key=lambda each: (each.created_ms, each.id)).id
    for field in ("quantity", "remaining", "cancelled", "fee"):
        assert getattr(whole, field) == sum(getattr(each, field) for each in parts)
    value = sum(done(each) * each.average_price for each in parts)
    assert abs(done(whole) * whole.average_price - value) < D("1e-30")
    is_live = any(each.status in ("open", "partially_filled") for each in parts)
    assert (whole.status in ("open", "partially_filled")) == is_live
    assert (whole.status == "filled") == (done(whole) == whole.quantity)
    assert [len(group) for group in groups(listed)] == [len(parts)]


def test_what_belongs_to_others_is_not_joined() -> None:
    one = replace(ORDER, id="a", group_id="g")
    changes: tuple[dict[str, Any], ...] = (
        {"group_id": ""},
        {"group_id": "h"},
        {"side": "sell"},
        {"pair": "B-ETH_USDT"},
    )
    for change in changes:
        assert len(as_one([one, replace(one, id="z", **change)])) == 2
