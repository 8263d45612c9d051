"""Our rules against the venue's: two authors of one rulebook, held against each other."""

import asyncio
import os
from decimal import Decimal
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.brokers.coindcx import futures, parse_public, spot
from control_plane.brokers.coindcx.catalogue import futures_instrument, spot_instrument
from control_plane.brokers.coindcx.document import read_json
from control_plane.brokers.coindcx.outcomes import Accepted, Reason, Refused
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.brokers.coindcx.views import FUTURES_TYPES, SPOT_TYPES
from strategy_runtime.rules.legality import Draft, check
from tests.coindcx_sim.answers import encoded
from tests.coindcx_sim.desk import Desk
from tests.coindcx_sim.markets import futures_catalogue, spot_catalogue
from tests.coindcx_sim.switches import Switches

EXAMPLES = int(os.environ.get("SLIPWAY_FUZZ", "5000")) // 25
SETTINGS = VenueSettings(spot_stop_orders=True)
SPOT = spot_catalogue()
FUTURES = futures_catalogue()
# What depends on the account and not on the order.
OF_THE_ACCOUNT = (Reason.NO_FUNDS, Reason.POSITION_LIMIT)
SIDES = st.sampled_from(["buy", "sell"])
SHARES = st.sampled_from(
    ["0.2", "0.9", "0.955", "0.97", "0.9995", "1", "1.0005", "1.03", "1.05", "6"]
)
SIZES = st.sampled_from(
    ["0.0000001", "0.00001", "0.0013", "0.01", "0.02", "1", "7", "10.5", "100", "3000"]
)


def near(price: Decimal, share: str, tick: Decimal, *, off: bool) -> Decimal:
    steps = (price * Decimal(share) / tick).to_integral_value()
    return max(tick, steps * tick) + (tick / 10 if off else 0)


def agree(ours: str | None, theirs: object) -> None:
    """What we let through is taken; what we refuse would have been refused."""
    if ours is None:
        taken = isinstance(theirs, Accepted)
        assert taken or (isinstance(theirs, Refused) and theirs.reason in OF_THE_ACCOUNT), theirs
    else:
        assert isinstance(theirs, Refused), ours


@given(
    st.sampled_from(sorted(SPOT)),
    SIDES,
    st.sampled_from(["limit", "market"]),
    SIZES,
    SHARES,
    st.booleans(),
)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_spot_agrees(
    name: str,
    side: Literal["buy", "sell"],
    kind: Literal["limit", "market"],
    size: str,
    share: str,
    off: bool,
) -> None:
    desk = Desk(Switches(limits_on=False))
    line = desk.exchange.world.tape.line(name)
    (market,), _ = parse_public.markets([_document(SPOT[name].row())])
    price = None if kind == "market" else near(line.last, share, line.tick, off=off)
    draft = Draft(kind, side, Decimal(size), price, reference=line.ask)
    illegal = check(draft, spot_instrument(market, SETTINGS))
    if illegal is not None and illegal.reason == "min_notional":
        return  # ours is a little above theirs, on purpose
    order = spot.NewOrder(name, side, SPOT_TYPES[kind], Decimal(size), "a", price)
    agree(illegal.reason if illegal else None, asyncio.run(desk.outcome(desk.creating(order))))


@given(
    st.sampled_from(sorted(FUTURES)),
    SIDES,
    st.sampled_from(["limit", "market", "stop_limit", "stop_market"]),
    SIZES,
    SHARES,
    SHARES,
    st.booleans(),
)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_futures_agree(
    pair: str,
    side: Literal["buy", "sell"],
    kind: Literal["limit", "market", "stop_limit", "stop_market"],
    size: str,
    share: str,
    trigger_share: str,
    off: bool,
) -> None:
    desk = Desk(Switches(limits_on=False))
    line = desk.exchange.world.tape.line(pair)
    rules = futures_instrument(parse_public.instrument(_document(FUTURES[pair].row("USDT"))))
    price = near(line.last, share, line.tick, off=off) if kind in ("limit", "stop_limit") else None
    stop = near(line.last, trigger_share, line.tick, off=False) if kind.startswith("stop") else None
    draft = Draft(kind, side, Decimal(size), price, stop, Decimal(5), line.last)
    illegal = check(draft, rules)
    if illegal is not None and illegal.reason == "min_notional" and kind == "stop_market":
        return  # ours takes the lesser of its two values, on purpose
    order = futures.NewFuturesOrder(
        pair, side, FUTURES_TYPES[kind], Decimal(size), Decimal(5), "USDT", price, stop
    )
    call = futures.create(order, signed_ms=desk.now(), skew_ms=0)
    agree(illegal.reason if illegal else None, asyncio.run(desk.outcome(call)))


def _document(row: object) -> object:
    return read_json(encoded(row), 1_000_000)
