"""Keys tested at the simulated exchange: what a test finds out, and what follows from it."""

from dataclasses import dataclass

import pytest

from control_plane.brokers.coindcx.adapter import CoinDcxBroker
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.egress import DIRECT
from control_plane.brokers.coindcx.gate import Gate
from control_plane.brokers.coindcx.lanes import Lanes, Way
from control_plane.brokers.coindcx.limits import Limiter
from control_plane.brokers.coindcx.skew import Skew
from control_plane.core.ids import AccountId, Rng
from control_plane.infra import commands
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.keys.service import Opener
from control_plane.keys.worker import KeyChecks
from tests.coindcx_sim.broker import UNHURRIED
from tests.coindcx_sim.build import RICH, WALLETS, exchange
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.inprocess import SimNet
from tests.coindcx_sim.switches import Switches
from tests.fakes.clock import FakeClock
from tests.fakes.site import INSTALLATION, World, make_world
from tests.unit.api.people import Person, signed_in


@dataclass
class Port:
    """A whole API, the trading role's tests of keys, and the exchange that they ask."""

    world: World
    venue: Exchange
    checks: KeyChecks
    leases: Leases

    async def live(self, somebody: Person, name: str, key: str, secret: str) -> AccountId:
        made = await somebody.ask("POST", "/accounts/live", json={"name": name})
        account = AccountId(made.json()["id"])
        body = {"api_key": key, "api_secret": secret}
        answer = await somebody.ask("PUT", f"/accounts/{account}/key", json=body)
        assert answer.status_code == 200, answer.text
        return account

    async def work(self) -> None:
        """What the trading role is asked by now."""
        await self.leases.once()
        desk = commands.Desk(
            "trading",
            self.checks.db,
            self.world.services.keys.bus,
            self.checks.clock,
            self.leases,
            {"test_key": self.checks.asked},
        )
        await desk.once()


@pytest.fixture
async def port(memory: Database, clock: FakeClock, rng: Rng) -> Port:
    world = await make_world(memory, clock, rng)
    venue = exchange(Switches(skew_ms=2_000), int(clock.now().timestamp() * 1000))
    for name in ("one", "two"):
        venue.world.open_account(f"key-of-{name}", f"secret-of-{name}", dict(RICH), dict(WALLETS))
    skew = Skew(clock)
    way = Way(
        Client(SimNet(venue, clock), skew=skew), Gate(Limiter(UNHURRIED.rates), clock, "direct")
    )
    opener = Opener(memory, INSTALLATION, world.services.keys.folder)
    lanes = Lanes(opener, {DIRECT.name: way}, (DIRECT,), clock, UNHURRIED)
    leases = Leases("trading", "me", "here", memory, clock, Failpoints(clock), 1e4)
    checks = KeyChecks(memory, clock, leases, CoinDcxBroker(lanes, UNHURRIED), skew)
    return Port(world, venue, checks, leases)


async def shown(somebody: Person, account: str) -> dict[str, object]:
    answer = await somebody.ask("GET", f"/accounts/{account}/key/check")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def state(somebody: Person, account: str) -> tuple[str, str | None]:
    rows = (await somebody.ask("GET", "/accounts")).json()["items"]
    row = next(row for row in rows if row["id"] == account)
    return row["state"], row["reason"]


async def test_a_stored_key_is_tested_at_once(port: Port) -> None:
    ann = await signed_in(port.world, "ann")
    account = await port.live(ann, "main", "key-of-one", "secret-of-one")
    before = await shown(ann, account)
    await port.work()
    after = await shown(ann, account)

    assert (before["state"], before["checked_at"]) == ("unchecked", None)
    assert (after["state"], after["egress"]) == ("good", "direct")
    assert abs(int(str(after["skew_ms"])) - 2_000) <= 500
    held = after["held"]
    assert isinstance(held, list)
    assert {"spot", "futures"} == {row["wallet"] for row in held}
    assert (await state(ann, account))[0] == "active"


async def test_a_key_that_is_refused_suspends_its_account_until_a_good_one_comes(
    port: Port,
) -> None:
    ann = await signed_in(port.world, "ann")
    account = await port.live(ann, "main", "key-of-one", "another secret")
    await port.work()
    refused = await state(ann, account)
    body = {"api_key": "key-of-one", "api_secret": "secret-of-one"}
    await ann.ask("PUT", f"/accounts/{account}/key", json=body)
    await port.work()

    assert refused[0] == "suspended"
    assert "refuses the key" in str(refused[1])
    assert (await state(ann, account))[0] == "active"


async def test_one_user_of_the_exchange_trades_through_one_account(port: Port) -> None:
    ann, bob = await signed_in(port.world, "ann"), await signed_in(port.world, "bob")
    first = await port.live(ann, "main", "key-of-one", "secret-of-one")
    await port.work()
    again = await port.live(ann, "again", "key-of-one", "secret-of-one")
    other = await port.live(bob, "main", "key-of-one", "secret-of-one")
    await port.work()

    assert (await state(ann, first))[0] == "active"
    assert "'main'" in str((await state(ann, again))[1])
    reason = str((await state(bob, other))[1])
    assert "somebody else's" in reason
    assert "main" not in reason


async def test_no_answer_proves_nothing(port: Port) -> None:
    ann = await signed_in(port.world, "ann")
    account = await port.live(ann, "main", "key-of-one", "secret-of-one")
    port.venue.faults.script(Fault("accept_then_500"), path="/info")
    await port.work()

    assert (await shown(ann, account))["state"] == "unreachable"
    assert (await state(ann, account))[0] == "active"


async def test_keys_are_tested_now_and_then_without_hammering(port: Port, clock: FakeClock) -> None:
    ann = await signed_in(port.world, "ann")
    for name in ("one", "two"):
        await port.live(ann, name, f"key-of-{name}", f"secret-of-{name}")
    await port.work()
    asked = port.venue.requests
    for _ in range(20):
        await port.checks.once()
    quiet = port.venue.requests - asked
    await clock.advance(901)
    port.venue.advance(int(clock.now().timestamp() * 1000))
    await port.leases.once()
    await port.checks.once()

    assert quiet == 0
    assert port.venue.requests - asked == 3  # one key: who it is, and both wallets


async def test_it_is_tested_again_when_somebody_asks(port: Port) -> None:
    ann = await signed_in(port.world, "ann")
    account = await port.live(ann, "main", "key-of-one", "secret-of-one")
    await port.work()
    asked = await ann.ask("POST", f"/accounts/{account}/key/check")
    before = port.venue.requests
    await port.work()

    assert asked.status_code == 202
    assert asked.json()["state"] == "good"
    assert port.venue.requests == before + 3
