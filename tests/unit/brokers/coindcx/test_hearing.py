"""Private sockets as hints: who is listened to, and what a hang-up leads to."""

import asyncio
import json
from collections.abc import Collection

from control_plane.brokers.coindcx.hearing import Hearing
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.ids import AccountId
from control_plane.infra.rng import SeededRng
from control_plane.infra.socket_io import Event
from tests.coindcx_sim.broker import broker_over
from tests.coindcx_sim.desk import Desk
from tests.fakes.sockets import FakeSockets

ONE, TWO = AccountId("ac1"), AccountId("ac2")
FILL: Event = (
    "trade-update",
    {
        "event": "trade-update",
        "data": json.dumps(
            [{"o": "1", "c": "", "t": "2", "s": "BTCUSDT", "p": "1", "q": "1", "T": 1788457449084}]
        ),
    },
)


class Ears:
    def __init__(self, *scripts: list[Event | None] | None, most: int = 10) -> None:
        self.desk = Desk()
        keys = {ONE: self.desk.key, TWO: Credentials("key-1", "secret-1")}
        self.wants: dict[AccountId, str] = {ONE: "a"}
        self.heard: list[AccountId] = []
        self.sockets = FakeSockets(list(scripts))
        self.hearing = Hearing(
            broker_over(self.desk.exchange, self.desk.clock, keys).lanes,
            self.sockets,
            ("spot", "stream"),
            SeededRng(1),
            self.wanted,
            self.note,
            most,
        )

    async def wanted(self) -> dict[AccountId, str]:
        return self.wants

    def note(self, accounts: Collection[AccountId]) -> None:
        self.heard += accounts

    async def runs(self, *steps: float) -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.hearing.run())
            for seconds in steps:
                await self.desk.clock.advance(seconds)
            task.cancel()

    def joins(self) -> int:
        return len([1 for name, _ in self.sockets.emitted if name == "join"])


async def test_an_event_is_a_hint_to_ask_that_account() -> None:
    ears = Ears([FILL], [])
    await ears.runs(1)
    assert ears.heard == [ONE]
    assert ears.joins() == 2  # one for each host


async def test_beyond_the_number_of_sockets_accounts_are_only_asked() -> None:
    ears = Ears(most=1)
    ears.wants = {ONE: "a", TWO: "b"}
    await ears.runs(5)
    assert ears.joins() == 2


async def test_another_key_is_another_socket() -> None:
    ears = Ears()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ears.hearing.run())
        await ears.desk.clock.advance(1)
        ears.wants = {ONE: "changed"}
        await ears.desk.clock.advance(5)
        task.cancel()
    assert ears.joins() == 4


async def test_a_hang_up_is_confirmed_before_the_next_try() -> None:
    """The key is good, so it was something else: tried again soon."""
    ears = Ears([None], [])
    await ears.runs(1, 15)
    assert ears.joins() == 4


async def test_a_key_that_is_refused_over_rest_too_rests_for_long() -> None:
    ears = Ears([None], [])
    ears.desk.fault("401", path="/balances")
    await ears.runs(1, 60)
    assert ears.joins() == 2
