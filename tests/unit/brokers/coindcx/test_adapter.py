"""The adapter over the simulated exchange, under both settings of every switch: whatever the venue
turns out to do, what the broker claims is what the ledger says.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from control_plane.brokers.coindcx.adapter import CoinDcxBroker, lane_of
from control_plane.brokers.coindcx.limits import Lane, Rates
from control_plane.brokers.coindcx.venue import VenueSettings, venue_settings
from control_plane.brokers.errors import (
    Ambiguous,
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    VenueUnreachable,
)
from control_plane.brokers.models import OrderRequest, VenueOrder
from control_plane.core.clock import ms
from control_plane.core.ids import AccountId, ClientOrderId
from control_plane.settings import CoinDcxSettings
from tests.coindcx_sim.broker import UNHURRIED, broker_over
from tests.coindcx_sim.desk import Desk, perpetual
from tests.coindcx_sim.switches import Switches, every_setting
from tests.factories import D, future, spot

ME = AccountId("ac1")
BTC = "B-BTC_USDT"
SETTINGS = [pytest.param(switches, id=name) for name, switches in every_setting()]


@dataclass
class Table:
    """A desk, and the broker at it."""

    switches: Switches = field(default_factory=Switches)
    settings: VenueSettings = UNHURRIED

    def __post_init__(self) -> None:
        self.desk = Desk(replace(self.switches, limits_on=False))
        self.broker = self.made()

    def made(self) -> CoinDcxBroker:
        keys = {ME: self.desk.key}
        return broker_over(self.desk.exchange, self.desk.clock, keys, self.settings)

    def request(self, name: str, **changes: Any) -> OrderRequest:
        values: dict[str, Any] = {
            "account": ME,
            "instrument": spot(),
            "client_order_id": ClientOrderId(name),
            "side": "buy",
            "kind": "limit",
            "quantity": D("0.01"),
            "price": D("70000"),
            "signed_ms": ms(self.desk.clock.now()),
        }
        return OrderRequest(**(values | changes))

    def entry(self, name: str, **changes: Any) -> OrderRequest:
        values: dict[str, Any] = {
            "instrument": future(),
            "margin_currency": "USDT",
            "leverage": D("5"),
            "price": D("79800"),
        }
        return self.request(name, **(values | changes))

    def leaving(self, name: str) -> OrderRequest:
        return self.entry(name, side="sell", kind="market", price=None, closes=True)

    async def sent(self, order: OrderRequest) -> VenueOrder:
        """As the state machine does it: place, and look it up where that is in doubt."""
        known: str | None = None
        with suppress(OutcomeUnknown):
            known = (await self.broker.place(order)).exchange_order_id
        await self.desk.wait(0.1)
        return await self.found(order, known)

    async def found(self, order: OrderRequest, known: str | None = None) -> VenueOrder:
        found = await self.broker.find(order, known)
        assert found is not None
        return found

    async def while_time_passes(self, call: Awaitable[object], seconds: float = 9) -> BaseException:
        async def caught() -> BaseException:
            try:
                await call
            except (OutcomeUnknown, VenueUnreachable, NotSent) as error:
                return error
            raise AssertionError("it came to an answer")

        async with asyncio.TaskGroup() as group:
            task = group.create_task(caught())
            await self.desk.clock.advance(seconds)
        return task.result()


async def refusal(call: Awaitable[object]) -> str:
    with pytest.raises(OrderRefused) as refused:
        await call
    return refused.value.reason


@pytest.mark.parametrize("switches", SETTINGS)
async def test_a_resting_order_is_found_and_cancelled(switches: Switches) -> None:
    table = Table(switches)
    order = table.request("a")
    found = await table.sent(order)
    assert (found.state, found.filled, found.price) == ("open", D("0"), D("70000"))
    (listed,) = await table.broker.open_orders(ME, spot())
    assert listed.exchange_order_id == found.exchange_order_id
    await table.broker.cancel(order, found.exchange_order_id)
    again = await table.found(order)
    assert (again.state, again.filled) == ("cancelled", D("0"))
    assert await refusal(table.broker.cancel(order, found.exchange_order_id)) == "already_done"


@pytest.mark.parametrize("switches", SETTINGS)
async def test_what_a_partially_cancelled_order_filled_is_exact(switches: Switches) -> None:
    table = Table(switches)
    table.desk.fault("partial_fill", 0.4, path="/create")
    order = table.request("a", price=D("80000"))
    found = await table.sent(order)
    assert (found.state, found.filled) == ("partial", D("0.004"))
    await table.broker.cancel(order, found.exchange_order_id)
    again = await table.found(order)
    assert (again.state, again.filled) == ("cancelled", D("0.004"))


@pytest.mark.parametrize("switches", SETTINGS)
async def test_fills_sum_to_what_the_ledger_says(switches: Switches) -> None:
    table = Table(switches)
    for n in range(3):
        await table.sent(table.request(f"a{n}", price=D("80000")))
    await table.sent(table.request("b", side="sell", price=D("79000"), quantity=D("0.02")))
    if switches.inline_stops != "refused":
        await table.sent(table.entry("c", stop_loss=D("79000")))
    fills = await table.broker.fills_since({ME: ""})
    ledger = table.desk.exchange.world.ledger
    signed = {"spot:B-BTC_USDT": D("0"), "fut:B-BTC_USDT": D("0")}
    for fill in fills:
        signed[fill.instrument] += fill.quantity if fill.side == "buy" else -fill.quantity
    assert signed["spot:B-BTC_USDT"] == ledger.net_position("key-0", "spot:B-BTC_USDT")
    assert signed["fut:B-BTC_USDT"] == ledger.net_position("key-0", "fut:B-BTC_USDT:USDT")
    named = {fill.client_order_id for fill in fills if fill.instrument.startswith("spot")}
    assert named == (
        {"a0", "a1", "a2", "b"} if switches.echo and switches.nulls == "null" else named
    )
    rest = await table.broker.fills_since({ME: fills[-1].cursor})
    assert all(fill.instrument.startswith("fut") for fill in rest)


@pytest.mark.parametrize("switches", SETTINGS)
async def test_an_order_that_never_arrived_is_absent(switches: Switches) -> None:
    table = Table(switches)
    assert await table.broker.find(table.request("never"), None) is None
    assert await table.broker.find(table.entry("never"), None) is None


@pytest.mark.parametrize("switches", SETTINGS)
async def test_a_repeat_is_known_as_one(switches: Switches) -> None:
    table = Table(switches)
    await table.sent(table.request("a"))
    assert await refusal(table.broker.place(table.request("a"))) == "duplicate_client_id"
    assert not table.desk.exchange.world.ledger.repeated_client_ids()


@pytest.mark.parametrize("switches", SETTINGS)
async def test_a_stale_request_is_refused_by_the_venue(switches: Switches) -> None:
    table = Table(switches)
    order = table.request("a")
    await table.desk.wait(11)
    assert await refusal(table.broker.place(order)) in ("stale_timestamp", "forbidden")
    assert not table.desk.exchange.world.ledger.of("order_accepted")


@pytest.mark.parametrize("switches", SETTINGS)
async def test_funds_that_are_missing_are_named(switches: Switches) -> None:
    table = Table(switches)
    order = table.request("a", quantity=D("10"))
    assert await refusal(table.broker.place(order)) == "insufficient_funds"


@pytest.mark.parametrize("switches", SETTINGS)
@pytest.mark.parametrize("book", ["USDT", "INR"])
async def test_a_position_is_entered_protected_and_left(switches: Switches, book: str) -> None:
    table = Table(switches)
    broker = table.broker
    order = table.entry("in", margin_currency=book)
    await table.sent(order)
    for stop in ("78000", "79000", "79000"):
        await broker.protect(ME, future(), book, D(stop), D("82000"))
    (held,) = await broker.positions([ME])
    assert (held.quantity, held.stop_loss, held.take_profit, held.margin_currency) == (
        D("0.01"), D("79000"), D("82000"), book,
    )  # fmt: skip
    leaving = replace(table.leaving("out"), margin_currency=book)
    out = await table.sent(leaving)
    assert (out.stage, out.state, out.filled) == ("exit", "filled", D("0.01"))
    assert not await broker.positions([ME])
    assert not await broker.open_orders(ME, future())
    stages = [fill.stage for fill in await broker.fills_since({ME: ""})]
    assert stages == ["default", "exit"]
    assert await refusal(broker.place(replace(leaving, client_order_id=ClientOrderId("o2")))) == (
        "no_position"
    )


@pytest.mark.parametrize("switches", SETTINGS)
async def test_an_inline_stop_is_there_dropped_or_refused_and_never_assumed(
    switches: Switches,
) -> None:
    refuses = switches.inline_stops == "refused"
    table = Table(switches, replace(UNHURRIED, inline_stops=not refuses))
    await table.sent(table.entry("in", stop_loss=D("79000")))
    (held,) = await table.broker.positions([ME])
    assert held.stop_loss == (D("79000") if switches.inline_stops == "kept" else None)


async def test_a_venue_that_refuses_inline_stops_takes_the_entry_without() -> None:
    table = Table(Switches(inline_stops="refused"))
    assert await refusal(table.broker.place(table.entry("in", stop_loss=D("79000")))) == "inactive"
    without = Table(Switches(inline_stops="refused"), replace(UNHURRIED, inline_stops=False))
    await without.sent(without.entry("in", stop_loss=D("79000")))
    assert len(await without.broker.positions([ME])) == 1


@pytest.mark.parametrize("switches", SETTINGS)
@pytest.mark.parametrize(
    "fault", ["accept_then_reset", "bad_json", "accept_then_500", "empty_list"]
)
async def test_what_is_in_doubt_is_found_without_its_answer(switches: Switches, fault: str) -> None:
    table = Table(switches)
    for order in (table.request("a"), table.entry("b")):
        table.desk.fault(fault, path="/create")
        with pytest.raises(OutcomeUnknown):
            await table.broker.place(order)
        await table.desk.wait(0.1)
        assert (await table.found(order)).quantity == D("0.01")
    assert len(table.desk.exchange.world.ledger.of("order_accepted")) == 2


async def test_no_answer_is_in_doubt_and_nothing_is_sent_twice() -> None:
    table = Table()
    table.desk.fault("lose_reply", path="/create")
    error = await table.while_time_passes(table.broker.place(table.request("a")))
    assert isinstance(error, OutcomeUnknown)
    assert len(table.desk.exchange.world.ledger.of("order_accepted")) == 1


async def test_two_orders_that_look_alike_are_for_a_person() -> None:
    table = Table()
    first = table.entry("a")
    await table.broker.place(first)
    await table.broker.place(table.entry("b"))
    with pytest.raises(Ambiguous, match="2 orders"):
        await table.broker.find(first, None)


async def test_a_stop_tells_two_like_orders_apart() -> None:
    table = Table()
    first = table.entry("a", stop_loss=D("79000"))
    placed = await table.broker.place(first)
    await table.broker.place(table.entry("b", stop_loss=D("79000.1")))
    assert (await table.found(first)).exchange_order_id == placed.exchange_order_id


async def test_a_list_that_lacks_an_order_is_not_believed_against_its_fill() -> None:
    table = Table()
    order = table.entry("a")
    await table.sent(order)
    for _ in range(2):
        table.desk.fault("empty_list", path="/futures/orders")
    with pytest.raises(VenueUnreachable, match="does not list"):
        await table.broker.find(order, None)
    assert (await table.found(order)).state == "filled"


async def test_a_stop_of_long_ago_that_fires_is_no_sign_of_a_lost_order() -> None:
    table = Table()
    await table.sent(table.entry("in", stop_loss=D("79000")))
    await table.desk.wait(100)
    lost = table.entry("lost", side="sell", price=D("79700"))
    table.desk.move(BTC, "78990")
    assert await table.broker.find(lost, None) is None


async def test_an_order_of_before_is_not_taken_for_ours() -> None:
    table = Table()
    await table.sent(table.entry("a"))
    await table.desk.wait(10)
    assert await table.broker.find(table.entry("b"), None) is None


async def test_leverage_is_set_once_and_the_order_may_be_sent_again() -> None:
    table = Table()
    table.desk.account.leverages[BTC, "USDT"] = D("3")
    with pytest.raises(NotSent, match="Leverage 5"):
        await table.broker.place(table.entry("a"))
    await table.sent(table.entry("a"))
    await table.broker.place(table.leaving("out"))
    table.desk.account.leverages[BTC, "USDT"] = D("3")
    assert await refusal(table.broker.place(table.entry("b"))) == "leverage"


async def test_a_stop_that_the_price_has_passed_is_refused_as_that() -> None:
    table = Table()
    await table.sent(table.entry("in"))
    call = table.broker.protect(ME, future(), "USDT", D("79900"), None)
    assert await refusal(call) == "trigger_passed"


async def test_a_stop_that_the_venue_drops_is_not_believed() -> None:
    table = Table()
    await table.sent(table.entry("in"))
    table.desk.fault("drop_sl_silently", path="/create_tpsl")
    with pytest.raises(OutcomeUnknown):
        await table.broker.protect(ME, future(), "USDT", D("79000"), None)


async def test_an_exit_that_is_not_listed_yet_is_in_doubt_and_then_found() -> None:
    table = Table()
    await table.sent(table.entry("in"))
    leaving = table.leaving("out")
    table.desk.fault("empty_list", path="/futures/orders")
    with pytest.raises(OutcomeUnknown, match="does not list"):
        await table.broker.place(leaving)
    assert (await table.found(leaving)).stage == "exit"


async def test_a_stop_that_fired_says_so() -> None:
    table = Table()
    await table.sent(table.entry("in", stop_loss=D("79000"), take_profit=D("81000")))
    table.desk.move(BTC, "81001")
    assert (await table.broker.fills_since({ME: ""}))[-1].stage == "target"
    await table.sent(table.entry("again", stop_loss=D("79000"), price=D("81100")))
    table.desk.strike("liquidate")
    assert (await table.broker.fills_since({ME: ""}))[-1].stage == "liquidation"


async def test_a_position_is_never_left_out_of_an_answer() -> None:
    table = Table()
    table.desk.fault("accept_then_500", path="/positions")
    with pytest.raises(VenueUnreachable):
        await table.broker.positions([ME])
    table.desk.fault("503_window", 5)
    with pytest.raises(VenueUnreachable):
        await table.broker.balances([ME])


async def test_an_account_without_a_key_is_refused_before_anything_leaves() -> None:
    table = Table()
    order = replace(table.request("a"), account=AccountId("stranger"))
    assert await refusal(table.broker.place(order)) == "forbidden"
    with pytest.raises(VenueUnreachable):
        await table.broker.positions([AccountId("stranger")])
    assert table.desk.exchange.requests == 0


async def test_one_silent_account_holds_up_no_other() -> None:
    table = Table()
    await table.sent(table.request("a", price=D("80000")))
    found = await table.broker.fills_since({ME: "", AccountId("stranger"): ""})
    assert {each.account for each in found} == {ME}


async def test_balances_are_of_both_wallets() -> None:
    table = Table()
    found = (await table.broker.balances([ME]))[ME]
    assert {(each.wallet, each.currency) for each in found} >= {
        ("spot", "INR"), ("spot", "USDT"), ("futures", "USDT"), ("futures", "INR"),
    }  # fmt: skip
    table.desk.account.wallets.clear()
    found = (await table.broker.balances([ME]))[ME]
    assert {each.wallet for each in found} == {"spot"}


@pytest.mark.parametrize("switches", SETTINGS)
async def test_what_crossed_positions_stand_on_is_not_free(switches: Switches) -> None:
    table = Table(switches)
    order = perpetual(quantity="1", margin_type="crossed")
    await table.desk.place_futures(order)
    await table.desk.wait(0.1)
    table.desk.move("B-BTC_USDT", "79000")
    wallet = table.desk.account.wallets["USDT"]
    held = table.desk.account.positions["B-BTC_USDT", "USDT"]
    found = (await table.broker.balances([ME]))[ME]
    (usdt,) = [each for each in found if (each.wallet, each.currency) == ("futures", "USDT")]
    lost = held.quantity * (held.average - D("79000"))
    assert lost > 0
    assert usdt.free == wallet.free - held.user_margin - lost
    assert (usdt.locked, wallet.locked) == (held.user_margin, D("0"))


async def test_a_venue_that_counts_what_is_locked_as_balance_can_be_told_of() -> None:
    counting = replace(UNHURRIED, balance_includes_locked=True)
    for switches, settings in (
        (Switches(), UNHURRIED),
        (Switches(balance_includes_locked=True), counting),
    ):
        table = Table(switches, settings)
        await table.sent(table.request("a"))
        found = (await table.broker.balances([ME]))[ME]
        (usdt,) = [each for each in found if (each.wallet, each.currency) == ("spot", "USDT")]
        assert (usdt.free, usdt.locked) == (D("99298.6"), D("701.4"))


async def test_a_fill_in_a_market_that_is_gone_holds_up_nothing() -> None:
    table = Table()
    await table.sent(table.request("a", price=D("80000")))
    row = dict(table.desk.account.trades[0])
    table.desk.account.trades[:0] = [
        row | {"id": 1, "symbol": "OLDUSDT", "order_id": "1"},
        row | {"id": 2, "symbol": "XYZ", "order_id": "2"},
    ]
    found = await table.broker.fills_since({ME: ""})
    assert [each.instrument for each in found] == ["spot:B-OLD_USDT", "spot:B-BTC_USDT"]


async def test_a_traders_old_history_is_not_read() -> None:
    table = Table()
    old = table.request("a", price=D("80000"))
    await table.sent(old)
    table.desk.account.trades[0]["timestamp"] -= 8 * 86_400_000
    assert not await table.broker.fills_since({ME: ""})


async def test_a_spot_stop_is_not_sent_until_an_operator_has_proved_its_form() -> None:
    stop = {"side": "sell", "kind": "stop_limit", "trigger_price": D("79000"), "price": D("78900")}
    table = Table()
    assert await refusal(table.broker.place(table.request("s", **stop))) == "order_type"
    assert table.desk.exchange.requests == 0
    proved = Table(settings=replace(UNHURRIED, spot_stop_orders=True))
    await proved.sent(proved.request("s", **stop))
    proved.desk.move("BTCUSDT", "78999")
    assert (await proved.found(proved.request("s", **stop))).state == "filled"


async def test_no_entry_leaves_that_could_not_be_protected_in_time() -> None:
    table = Table(settings=replace(UNHURRIED, rates=Rates(per_second=2), protect_calls=21))
    with pytest.raises(NotSent, match="protect"):
        await table.broker.place(table.entry("a"))
    assert table.desk.exchange.requests == 0


async def test_a_429_slows_down_the_key_and_its_address() -> None:
    table = Table(settings=replace(UNHURRIED, rates=Rates()))
    table.desk.fault("429", path="/create")
    with pytest.raises(OutcomeUnknown):
        await table.broker.place(table.request("a"))
    (way,) = table.broker.lanes.ways.values()
    usage = list(way.gate.limiter.usage(0))
    assert {each.name: each.factor for each in usage} == {"key key-0": 0.5, "address direct": 0.5}


def test_exits_go_before_stops_and_stops_before_entries() -> None:
    table = Table()
    assert lane_of(table.leaving("a")) is Lane.EXIT
    assert lane_of(table.request("a", side="sell")) is Lane.EXIT
    assert lane_of(table.request("a", side="sell", kind="stop_limit")) is Lane.STOP
    assert lane_of(table.entry("a", side="sell")) is Lane.ENTRY
    assert lane_of(table.request("a")) is Lane.ENTRY


def test_the_settings_begin_where_nothing_is_taken_for_proved() -> None:
    assert venue_settings(CoinDcxSettings()) == VenueSettings()


def test_the_profile_promises_no_more_than_is_proved() -> None:
    profile = Table(settings=VenueSettings()).broker.profile
    assert (profile.window_seconds, profile.timestamp_enforced) == (60, False)
    assert profile.client_ids == {"spot"}
