"""What looks after orders asks both databases the same questions."""

import pytest

from control_plane.core.clock import Clock
from control_plane.core.ids import IntentId, SignalId, Tenant
from control_plane.infra.db import Database
from control_plane.orders.service import explaining
from control_plane.orders.service.checking import Checker
from control_plane.orders.service.guarding import Guard
from control_plane.orders.service.halting import Halts
from control_plane.orders.service.tidying import Tidier
from control_plane.orders.store import tidying
from tests.unit.orders.desk import sail

pytestmark = pytest.mark.db


async def test_checking_guarding_explaining_and_tidying_work_on_both(
    database: Database, real_clock: Clock
) -> None:
    ship = await sail(database, real_clock)
    signal = SignalId(await ship.signal("LONG"))
    await ship.loops.planner.once()
    for _ in range(4):
        await ship.loops.sender.once()
        await ship.loops.follower.once()
    halts = Halts(database, ship.desk.bus)
    assert await Checker(ship.desk).once() == 0
    assert await Guard(ship.desk, halts).once() == 0
    entry = await ship.only("intents", leg="entry")
    story = await database.read(explaining.story, Tenant("us1"), IntentId(entry.id))
    assert story is not None
    assert story["trade"]["quantity"] == entry.filled
    assert await database.read(explaining.times, Tenant("us1"), signal) is not None

    assert await Tidier(ship.desk).once() == 0
    tomorrow = ship.desk.now_ms() + 86_400_000
    await database.write(tidying.forget_skips, tomorrow, 10)
    await database.write(tidying.forget_strays, tomorrow, 10)
    assert await database.read(tidying.signals_without_intents, tomorrow, 10) == []

    await halts.halt("platform", by_user="us1", mode="flatten")
    for _ in range(8):
        await ship.loops.sender.once()
        await ship.loops.follower.once()
    assert (await ship.only("trades")).exit_reason == "halt"
