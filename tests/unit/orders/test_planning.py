"""For every subscription exactly one intent or one skip, whatever they bring and whatever the
market does.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.brokers.capacity import Capacity
from control_plane.core.ids import (
    AccountId,
    DeploymentId,
    InstrumentId,
    IntentId,
    Shard,
    SignalId,
    SubscriptionId,
    Tenant,
    TradeId,
)
from control_plane.orders.models.planning import plan, shuffled
from control_plane.orders.models.prices import SAME, Quote, Rate
from control_plane.orders.models.scene import (
    Holding,
    Intended,
    Plan,
    Scene,
    Signal,
    Skipped,
    Subscriber,
)
from control_plane.subscriptions.models import Subscription, leverage_of
from strategy_runtime.rules.money import ZERO
from strategy_runtime.rules.sizing import recompute
from tests.factories import D, future, spot

NOW = 1_000_000
SIGNAL = Signal(
    id=SignalId("sg1"),
    deployment=DeploymentId("dep1"),
    instrument="spot:B-BTC_USDT",
    kind="entry",
    side="LONG",
    trigger_ms=600_000,
    price=D("50000"),
    stop_loss=D("49000"),
    take_profit=D("53000"),
    published_ms=NOW - 200,
    seed=7,
)
EXIT = replace(SIGNAL, kind="exit", stop_loss=None, take_profit=None)


def who(
    number: int = 1, venue: str = "paper", account_state: str = "active", **changes: Any
) -> Subscriber:
    values: dict[str, Any] = {
        "id": SubscriptionId(f"su{number}"),
        "account_id": AccountId(f"ac{number}"),
        "tenant": Tenant("us1"),
        "shard": Shard(1),
        "deployment_id": DeploymentId("dep1"),
        "instrument": InstrumentId("spot:B-BTC_USDT"),
        "created_ms": 0,
        "capital": D("10000"),
        "capital_currency": "USDT",
        "risk": D("0.01"),
    }
    return Subscriber(Subscription(**(values | changes)), venue, account_state)


def scene(**changes: Any) -> Scene:
    values: dict[str, Any] = {
        "signal": SIGNAL,
        "instrument": spot(),
        "quote": Quote(D("50000"), 100),
        "now_ms": NOW,
        "price_stale_ms": 60_000,
        "rate_stale_ms": 60_000,
        "rates": {("USDT", "USDT"): SAME, ("INR", "USDT"): Rate(D("0.0118"), 500, "spot:I")},
        "free": {(AccountId(f"ac{n}"), "USDT"): D("10000") for n in range(1, 40)},
    }
    return Scene(**(values | changes))


def held(**changes: Any) -> Holding:
    values: dict[str, Any] = {
        "side": "LONG",
        "entry_trigger_ms": 300_000,
        "quantity": D("0.1"),
        "trade": TradeId("td1"),
        "entry": IntentId("in1"),
    }
    return Holding(**(values | changes))


def one(found: Plan) -> Intended | Skipped:
    both: list[Intended | Skipped] = [*found.intents, *found.skips]
    assert len(both) == 1
    return both[0]


def reason(seen: Scene, subscriber: Subscriber | None = None) -> str:
    decided = one(plan(seen, [subscriber or who()]))
    assert isinstance(decided, Skipped), decided
    return decided.reason


def test_an_entry_is_sized_at_the_worst_price_that_it_may_pay() -> None:
    decided = one(plan(scene(), [who()]))
    assert isinstance(decided, Intended)
    assert decided.limit_price == D("50150")
    assert (decided.stop_loss, decided.take_profit) == (D("49000"), D("53000"))
    assert decided.quantity == D("0.07416")
    assert decided.expires_ms == SIGNAL.published_ms + 60_000


def test_the_record_and_what_is_shared_recompute_each_quantity() -> None:
    found = plan(scene(), [who(1), who(2, capital=D("12345.67")), who(3, capital_currency="INR")])
    for decided in found.intents:
        assert recompute({**found.shared, **decided.explain}) == decided.quantity


@pytest.mark.parametrize(
    ("changes", "subscriber", "expected"),
    [
        ({"halts": frozenset({"platform"})}, {}, "halted"),
        ({"halts": frozenset({"account:ac1"})}, {}, "halted"),
        ({"halts": frozenset({"deployment:dep1"})}, {}, "halted"),
        ({"instrument": spot(active=False)}, {}, "instrument_inactive"),
        ({"quote": None}, {}, "no_price"),
        ({"quote": Quote(D("50000"), 61_000)}, {}, "price_stale"),
        ({"quote": Quote(D("50151"), 0)}, {}, "price_moved"),
        ({"quote": Quote(D("49000"), 0)}, {}, "stop_passed"),
        ({"now_ms": NOW + 60_000}, {}, "stale"),
        ({"free": {}}, {}, "no_balance"),
        ({"rates": {}}, {}, "rate_stale"),
        ({"holdings": {"su1": held()}}, {}, "already_in_position"),
        ({"holdings": {"su1": held(side="SHORT")}}, {}, "opposite_position"),
        ({"holdings": {"su1": held(entry_trigger_ms=700_000)}}, {}, "superseded"),
        ({}, {"account_state": "suspended"}, "account_suspended"),
        ({}, {"capital": D("2")}, "too_small"),
        ({"losses": {"su1": D("500")}}, {"max_daily_loss": D("0.05")}, "daily_loss"),
        ({"signal": replace(SIGNAL, stop_loss=None)}, {}, "no_stop"),
        (
            {"signal": replace(SIGNAL, side="SHORT", stop_loss=D("51000"), take_profit=None)},
            {},
            "no_short",
        ),
        (
            {"instrument": spot(order_types=("limit",)), "feed": "coindcx"},
            {"venue": "coindcx"},
            "no_stop_orders",
        ),
        ({"lag": "its minutes are late"}, {}, "market_lagging"),
        ({"feed": "simulated"}, {"venue": "coindcx"}, "other_market"),
        ({}, {"symbols_denied": ("BTC",)}, "symbol_denied"),
        ({}, {"symbols_denied": ("spot:B-BTC_USDT",)}, "symbol_denied"),
        ({}, {"symbols_allowed": ("ETH", "fut:B-BTC_USDT")}, "symbol_denied"),
        (
            {"holdings": {"su1": held(side="SHORT", is_leaving=True, entry_trigger_ms=700_000)}},
            {"opposite": "close"},
            "superseded",
        ),
    ],
)
def test_each_guard_refuses_an_entry_with_its_reason(
    changes: dict[str, Any], subscriber: dict[str, Any], expected: str
) -> None:
    assert reason(scene(**changes), who(**subscriber)) == expected


def room_for(each: int, addresses: int = 1) -> dict[str, Any]:
    """So many live entries a minute, through each address; even and odd accounts part."""
    names = tuple(f"a{n}" for n in range(addresses))
    limits = Capacity(each * 4, 4, names, lambda account: names[int(account[2:]) % addresses])
    free = {(AccountId(f"ac{n}"), "USDT"): D("10000") for n in range(1, 40)}
    return {"capacities": {"coindcx": limits}, "feed": "coindcx", "free": free}


def test_what_cannot_leave_in_time_is_skipped_with_its_reason_and_paper_is_not() -> None:
    live = [who(n, venue="coindcx") for n in range(1, 21)]
    paper = [who(n) for n in range(21, 40)]
    seen = scene(**room_for(8), waiting={"a0": 3}, now_ms=SIGNAL.published_ms)
    found = plan(seen, [*live, *paper])

    left = [one.subscriber.venue for one in found.intents]
    assert (left.count("coindcx"), left.count("paper")) == (5, 19)
    assert {(one.reason, one.detail["ahead"], one.detail["in_time"]) for one in found.skips} == {
        ("no_capacity", "8", "8")
    }


def test_each_address_has_room_of_its_own_and_age_takes_of_it() -> None:
    live = [who(n, venue="coindcx") for n in range(1, 21)]
    fresh = plan(scene(**room_for(4, 2), now_ms=SIGNAL.published_ms), live)
    old = plan(scene(**room_for(4, 2), now_ms=SIGNAL.published_ms + 30_000), live)

    assert (len(fresh.intents), len(old.intents)) == (8, 4)


def test_an_exit_needs_no_room() -> None:
    holdings = {SubscriptionId("su1"): held()}
    seen = scene(signal=EXIT, holdings=holdings, **room_for(0))
    assert isinstance(one(plan(seen, [who(venue="coindcx")])), Intended)


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(1, 3), st.integers(0, 20), st.integers(0, 60))
def test_no_address_is_given_more_than_it_lets_out_in_time(
    each: int, addresses: int, waiting: int, age: int
) -> None:
    live = [who(n, venue="coindcx") for n in range(1, 39)]
    seen = scene(
        **room_for(each, addresses),
        waiting={"a0": waiting},
        now_ms=SIGNAL.published_ms + age * 1000,
    )
    found = plan(seen, live)

    address_of = seen.capacities["coindcx"].address_of
    for name in seen.capacities["coindcx"].addresses:
        mine = [i for i in found.intents if address_of(i.subscriber.terms.account_id) == name]
        behind = [w for w in live if address_of(w.terms.account_id) == name]
        before = waiting if name == "a0" else 0
        in_time = seen.capacities["coindcx"].in_time((60 - age) * 1000)
        assert len(mine) == min(len(behind), max(0, in_time - before))


def test_a_stale_rate_refuses() -> None:
    rates = {("INR", "USDT"): Rate(D("0.0118"), 60_001, "x"), ("USDT", "USDT"): SAME}
    assert reason(scene(rates=rates), who(capital_currency="INR")) == "rate_stale"


def test_a_futures_position_has_one_owner() -> None:
    owners = {(AccountId("ac1"), "fut:B-BTC_USDT:USDT"): SubscriptionId("su9")}
    seen = scene(instrument=future(), owners=owners)
    assert reason(seen, who(margin_currency="USDT", leverage=D("2"))) == "exposure_owned"


@pytest.mark.parametrize(
    "changes",
    [
        {"halts": frozenset({"platform"})},
        {"quote": None},
        {"now_ms": NOW + 10_000_000},
        {"instrument": spot(active=False)},
    ],
)
def test_no_guard_keeps_an_exit_back(changes: dict[str, Any]) -> None:
    seen = scene(signal=EXIT, holdings={SubscriptionId("su1"): held()}, **changes)
    decided = one(plan(seen, [who(state="paused", account_state="suspended")]))
    assert isinstance(decided, Intended)
    assert (decided.leg, decided.side, decided.expires_ms) == ("exit", "sell", None)


def test_a_list_that_names_the_instrument_or_its_base_lets_it_in() -> None:
    for named in ("BTC", "spot:B-BTC_USDT"):
        decided = one(plan(scene(), [who(symbols_allowed=("ETH", named))]))
        assert isinstance(decided, Intended)


@pytest.mark.parametrize("changes", [{}, {"halts": frozenset({"platform"})}, {"quote": None}])
def test_an_opposite_entry_closes_where_its_trader_wants_that_and_nothing_holds_it_back(
    changes: dict[str, Any],
) -> None:
    holdings = {SubscriptionId("su1"): held(side="SHORT", quantity=D("0.3"))}
    seen = scene(instrument=future(), holdings=holdings, **changes)
    decided = one(plan(seen, [who(margin_currency="USDT", opposite="close")]))

    assert isinstance(decided, Intended)
    assert (decided.leg, decided.side, decided.quantity) == ("exit", "buy", D("0.3"))
    assert (decided.trade, decided.expires_ms) == ("td1", None)


@pytest.mark.parametrize("ceiling", [None, D("2"), D("50")])
@pytest.mark.parametrize("own", [D("1"), D("3"), D("100")])
def test_an_order_is_levered_by_the_least_that_the_terms_show(
    ceiling: Decimal | None, own: Decimal
) -> None:
    subscriber = who(margin_currency="USDT", leverage=own, risk=D("0.5"))
    shown = leverage_of(subscriber.terms, future(), ceiling).effective
    near = replace(SIGNAL, stop_loss=D("49900"))
    decided = one(
        plan(scene(signal=near, instrument=future(), leverage_ceiling=ceiling), [subscriber])
    )

    assert isinstance(decided, Intended)
    assert decided.leverage == shown == min(own, ceiling or own, D("20"))


@pytest.mark.parametrize(
    ("holding", "expected"),
    [
        (held(side="SHORT"), "no_position"),
        (held(entry_trigger_ms=600_000), "superseded"),
        (held(entry_trigger_ms=700_000), "superseded"),
        (held(is_leaving=True), "already_leaving"),
    ],
)
def test_an_exit_closes_only_what_an_earlier_trigger_opened(
    holding: Holding, expected: str
) -> None:
    seen = scene(signal=EXIT, holdings={SubscriptionId("su1"): holding})
    assert reason(seen) == expected


def test_a_reversal_waits_until_the_position_is_flat() -> None:
    leaving = held(side="SHORT", is_leaving=True, margin=D("100"))
    seen = scene(instrument=future(), holdings={SubscriptionId("su1"): leaving})
    decided = one(plan(seen, [who(margin_currency="USDT", leverage=D("2"))]))
    assert isinstance(decided, Intended)
    assert decided.waits_for == "td1"


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    members = [who(n) for n in range(1, 40)]
    first = [m.terms.id for m in shuffled(7, members)]
    assert first == [m.terms.id for m in shuffled(7, members[::-1])]
    assert first != [m.terms.id for m in shuffled(8, members)]


subscribers = st.lists(
    st.builds(
        who,
        st.integers(1, 39),
        capital=st.sampled_from([D("1"), D("100"), D("10000"), D("1000000")]),
        capital_currency=st.sampled_from(["USDT", "INR", "EUR"]),
        max_age_seconds=st.sampled_from([0, 1, 60]),
        max_notional=st.sampled_from([None, D("50"), D("5000")]),
        account_state=st.sampled_from(["active", "active", "suspended"]),
        state=st.sampled_from(["active", "paused"]),
        opposite=st.sampled_from(["skip", "close"]),
        symbols_denied=st.sampled_from([(), (), ("BTC",)]),
    ),
    unique_by=lambda each: each.terms.id,
    max_size=20,
)


@settings(deadline=None)
@given(
    subscribers,
    st.sampled_from([SIGNAL, EXIT]),
    st.sampled_from([D("49000"), D("50000"), D("51000")]),
    st.sets(st.integers(1, 39)),
)
def test_everybody_gets_exactly_one_intent_or_one_skip(
    members: list[Subscriber], signal: Signal, price: Decimal, holders: set[int]
) -> None:
    holdings = {SubscriptionId(f"su{n}"): held() for n in holders}
    found = plan(scene(signal=signal, quote=Quote(price, 0), holdings=holdings), members)
    both: list[Intended | Skipped] = [*found.intents, *found.skips]
    named = [decided.subscriber.terms.id for decided in both]
    assert sorted(named) == sorted(m.terms.id for m in members)
    assert all(skip.reason for skip in found.skips)
    assert all(intended.quantity > ZERO for intended in found.intents)
    for intended in found.intents:
        notional = intended.subscriber.terms.max_notional
        if intended.leg == "entry" and notional is not None and intended.limit_price is not None:
            assert intended.quantity * intended.limit_price <= notional
