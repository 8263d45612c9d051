"""What any venue behind the broker port must do: one suite, over paper and every venue to come."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from control_plane.brokers.coindcx.views import market_name
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.brokers.errors import OrderRefused
from control_plane.brokers.models import Broker, OrderRequest
from control_plane.brokers.paper import service as play_money
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.core.clock import ms
from control_plane.core.ids import AccountId, ClientOrderId
from control_plane.infra.db import Database
from control_plane.settings import PaperSettings
from strategy_runtime.rules.instruments import Instrument
from tests.coindcx_sim import build
from tests.coindcx_sim.broker import broker_over
from tests.coindcx_sim.switches import Switches
from tests.factories import D, future, spot, tick
from tests.fakes.clock import FakeClock

ACCOUNT = AccountId("ac1")


@dataclass
class Venue:
    """A venue under test, and a hand on its market."""

    broker: Broker
    clock: FakeClock
    move: Callable[[Instrument, str], Awaitable[object]]
    restart: Callable[[], Broker]

    def request(self, identity: str, **changes: Any) -> OrderRequest:
        values: dict[str, Any] = {
            "account": ACCOUNT,
            "instrument": spot(),
            "client_order_id": ClientOrderId(identity),
            "side": "buy",
            "kind": "limit",
            "quantity": D("0.01"),
            "price": D("50100"),
            "signed_ms": ms(self.clock.now()),
        }
        return OrderRequest(**(values | changes))

    def entry(self, identity: str, **changes: Any) -> OrderRequest:
        futures = {"instrument": future(), "margin_currency": "USDT", "leverage": D("5")}
        return self.request(identity, **(futures | changes))


@pytest.fixture(params=["paper", "coindcx"])
async def venue(request: pytest.FixtureRequest, memory: Database, clock: FakeClock) -> Venue:
    if request.param == "coindcx":
        return await simulated_coindcx(clock)
    return await paper(memory, clock)


async def simulated_coindcx(clock: FakeClock) -> Venue:
    """The real adapter over the simulated exchange, whose orders are matched at once."""
    exchange = build.exchange(Switches(match_delay_ms=0, limits_on=False), ms(clock.now()))
    exchange.world.open_account("key", "secret", {"USDT": D("10000")}, {"USDT": D("10000")})
    keys = {ACCOUNT: Credentials("key", "secret")}

    async def move(instrument: Instrument, price: str) -> None:
        name = instrument.pair if instrument.is_futures else market_name(instrument)
        exchange.move(name, D(price), ms(clock.now()))

    def restart() -> Broker:
        return broker_over(exchange, clock, keys)

    await move(spot(), "50000")
    await move(future(), "50000")
    return Venue(restart(), clock, move, restart)


async def paper(memory: Database, clock: FakeClock) -> Venue:
    broker = PaperBroker(memory, clock, PaperSettings())
    await memory.write(play_money.deposit, ACCOUNT, "USDT", D("10000"))
    ticks = iter(range(1, 10_000))

    async def move(instrument: Instrument, price: str) -> None:
        await broker.on_tick(instrument, tick(price, next(ticks)))

    def restart() -> Broker:
        return PaperBroker(memory, clock, PaperSettings())

    await move(spot(), "50000")
    await move(future(), "50000")
    return Venue(broker, clock, move, restart)


async def refusal(call: Awaitable[object]) -> str:
    with pytest.raises(OrderRefused) as refused:
        await call
    return refused.value.reason


async def free(venue: Venue, currency: str) -> Decimal:
    balances = (await venue.broker.balances([ACCOUNT]))[ACCOUNT]
    return next((b.free for b in balances if b.currency == currency), D("0"))


async def test_a_marketable_limit_is_accepted_and_fills(venue: Venue) -> None:
    request = venue.request("o1")
    accepted = await venue.broker.place(request)
    found = await venue.broker.find(request, accepted.exchange_order_id)
    assert found is not None
    assert (found.state, found.filled) == ("filled", D("0.01"))


async def test_an_order_is_found_by_our_id_alone(venue: Venue) -> None:
    accepted = await venue.broker.place(venue.request("o1"))
    found = await venue.broker.find(venue.request("o1"), None)
    assert found is not None
    assert found.exchange_order_id == accepted.exchange_order_id


async def test_an_order_that_never_arrived_is_absent(venue: Venue) -> None:
    assert await venue.broker.find(venue.request("never"), None) is None


async def test_a_client_id_is_taken_once(venue: Venue) -> None:
    await venue.broker.place(venue.request("o1"))
    assert await refusal(venue.broker.place(venue.request("o1"))) == "duplicate_client_id"
    assert len(await venue.broker.fills_since({ACCOUNT: ""})) == 1


async def test_a_request_signed_too_long_ago_is_refused(venue: Venue) -> None:
    request = venue.request("o1")
    await venue.clock.advance(11)
    assert await refusal(venue.broker.place(request)) == "stale_timestamp"
    assert await venue.broker.find(request, None) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": D("0.00001")}, "min_notional"),
        ({"quantity": D("0.012345678")}, "quantity_step"),
        ({"price": D("50000.001")}, "tick_size"),
        ({"quantity": D("100")}, "insufficient_funds"),
    ],
)
async def test_an_illegal_order_is_refused_with_its_reason(
    venue: Venue, change: dict[str, Any], reason: str
) -> None:
    assert await refusal(venue.broker.place(venue.request("o1", **change))) == reason
    assert await venue.broker.find(venue.request("o1"), None) is None


async def test_nobody_sells_what_they_do_not_have(venue: Venue) -> None:
    reason = await refusal(venue.broker.place(venue.request("o1", side="sell")))
    assert reason in ("no_short", "insufficient_funds")


async def test_a_resting_order_can_be_cancelled_once(venue: Venue) -> None:
    request = venue.request("o1", price=D("40000"))
    accepted = await venue.broker.place(request)
    assert len(await venue.broker.open_orders(ACCOUNT, spot())) == 1
    await venue.broker.cancel(request, accepted.exchange_order_id)
    found = await venue.broker.find(request, None)
    assert found is not None
    assert found.state == "cancelled"
    assert await refusal(venue.broker.cancel(request, accepted.exchange_order_id)) == "already_done"


async def test_a_locked_balance_is_not_free(venue: Venue) -> None:
    await venue.broker.place(venue.request("o1", price=D("40000")))
    assert await free(venue, "USDT") == D("10000") - D("400") - D("0.8")


async def test_fills_come_once_after_each_cursor(venue: Venue) -> None:
    await venue.broker.place(venue.request("o1"))
    first = await venue.broker.fills_since({ACCOUNT: ""})
    await venue.broker.place(venue.request("o2"))
    second = await venue.broker.fills_since({ACCOUNT: first[-1].cursor})
    assert [f.client_order_id for f in second] == ["o2"]
    assert first[0].fee_currency == "USDT"
    assert first[0].fee > 0


# CoinDCX lists no stop at market on spot.
@pytest.mark.parametrize("venue", ["paper"], indirect=True)
async def test_a_spot_stop_rests_at_the_venue_and_sells(venue: Venue) -> None:
    await venue.broker.place(venue.request("in"))
    stop = venue.request(
        "sl", side="sell", kind="stop_market", price=None, trigger_price=D("49000")
    )
    await venue.broker.place(stop)
    assert (await venue.broker.open_orders(ACCOUNT, spot()))[0].state == "untriggered"
    await venue.move(spot(), "48990")
    found = await venue.broker.find(stop, None)
    assert found is not None
    assert found.state == "filled"
    assert await free(venue, "BTC") == 0


async def test_a_futures_entry_carries_its_stop(venue: Venue) -> None:
    await venue.broker.place(venue.entry("in", stop_loss=D("49000"), take_profit=D("53000")))
    position = (await venue.broker.positions([ACCOUNT]))[0]
    assert (position.quantity, position.stop_loss) == (D("0.01"), D("49000"))
    assert position.take_profit == D("53000")


async def test_a_position_can_be_protected_afterwards_and_again(venue: Venue) -> None:
    await venue.broker.place(venue.entry("in"))
    for stop in (D("48000"), D("49000")):
        await venue.broker.protect(ACCOUNT, future(), "USDT", stop, None)
    position = (await venue.broker.positions([ACCOUNT]))[0]
    assert position.stop_loss == D("49000")


async def test_a_positions_stop_ends_it(venue: Venue) -> None:
    await venue.broker.place(venue.entry("in", stop_loss=D("49000")))
    await venue.move(future(), "48990")
    assert not await venue.broker.positions([ACCOUNT])
    last = (await venue.broker.fills_since({ACCOUNT: ""}))[-1]
    assert (last.stage, last.side, last.quantity) == ("stop", "sell", D("0.01"))


async def test_an_exit_closes_the_position_and_a_second_is_refused(venue: Venue) -> None:
    await venue.broker.place(venue.entry("in"))
    leaving = venue.entry("out", side="sell", kind="market", price=None, closes=True)
    await venue.broker.place(leaving)
    assert not await venue.broker.positions([ACCOUNT])
    again = replace(leaving, client_order_id=ClientOrderId("out2"))
    assert await refusal(venue.broker.place(again)) == "no_position"


async def test_protecting_nothing_is_refused(venue: Venue) -> None:
    call = venue.broker.protect(ACCOUNT, future(), "USDT", D("49000"), None)
    assert await refusal(call) == "no_position"


async def test_leverage_must_match_the_open_position(venue: Venue) -> None:
    await venue.broker.place(venue.entry("in"))
    assert await refusal(venue.broker.place(venue.entry("more", leverage=D("3")))) == "leverage"


async def test_the_venue_remembers_through_a_restart_of_ours(venue: Venue) -> None:
    request = venue.request("o1", price=D("40000"))
    await venue.broker.place(request)
    found = await venue.restart().find(request, None)
    assert found is not None
    assert found.state == "open"
