"""Every dangerous point of trading × killed, standing still, failing: on real processes,
PostgreSQL, Redis and the simulated exchange over HTTP, while a strategy trades without a pause. In
the end nothing is lost, doubled, invented or left naked.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import NAMES
from control_plane.infra.supervisor import FAILURES, PAUSE_SECONDS
from tests.coindcx_sim.process import Served, served
from tests.conftest import wait_until
from tests.e2e.crew import LEASE_SECONDS, PROTECT_SECONDS, Crew, crew
from tests.e2e.test_crashes import ELSEWHERE as NOT_IN_THE_DEMO
from tests.fakes.container import FakeContainer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.long,
    pytest.mark.timeout(1200 if os.environ.get("SLIPWAY_KILLS") else 300),
]

POINTS = sorted(
    name
    for name in NAMES
    if name.partition(".")[0] not in ("launch", "job", "kek", "audit", "token")
)
# `make soak` names a number: then each point is killed and stopped at, and so many kills are drawn.
# Otherwise the two that tests/e2e/test_crashes.py does not come by, and a few.
KILLS = int(os.environ.get("SLIPWAY_KILLS", "0"))
HERE = POINTS if KILLS else ["cancel.after_send", "protect.after_sl_reply"]
# A point is passed at most so long after whoever is armed with it has its accounts.
PATIENCE_SECONDS = 60.0
# What the two cores of a test machine take for what takes no time on paper.
SLACK_SECONDS = 3.0
STARTS_SECONDS = 5.0


@pytest.fixture
def venue() -> Iterator[Served]:
    options = ("--sockets", "--no-limits", "--accounts", "0", "--switch", "window_ms=500")
    with served(*options) as found:
        found.admin("past", name="B-BTC_USDT", minutes=1700)
        found.admin("walk", name="B-BTC_USDT", step_ms=300, volatility=0.00002)
        yield found


@pytest.fixture
async def sailing(
    tmp_path: Path, venue: Served, database_url: str, redis_server: EmbeddedServer
) -> AsyncIterator[tuple[Crew, FakeContainer]]:
    async with crew(tmp_path, venue, database_url, redis_server.url) as both:
        yield both


def armed(point: str, effect: str) -> str:
    """Leases pass at each start already: a later one."""
    return f"{point}={effect}@{4 if point.startswith('lease') else 0}"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("effect", ["kill", "stop"])
async def test_at_no_point_is_anything_lost_doubled_or_left_naked(
    sailing: tuple[Crew, FakeContainer], effect: str
) -> None:
    ship, strategy = sailing
    trading = asyncio.create_task(ship.trade(strategy))
    for point in HERE:
        ship.sign_on(armed(point, effect))
        await passed(ship, trading, point, effect)
        if effect == "stop":
            await ship.wake()
        if not ship.is_dead:
            ship.hand.kill()

    await ended(ship, strategy, trading)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_failure_at_any_point_costs_nothing(sailing: tuple[Crew, FakeContainer]) -> None:
    ship, strategy = sailing
    trading = asyncio.create_task(ship.trade(strategy))
    left = set(POINTS)
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS * 6
    while left:
        if ship.hand.process is None or ship.is_dead:  # after so many failures it ends itself
            ship.sign_on(",".join(armed(point, "raise") for point in sorted(left)))
        assert not trading.done(), trading
        assert asyncio.get_running_loop().time() < until, f"nothing passed {sorted(left)}"
        await asyncio.sleep(0.2)
        left -= ship.raised()

    # Between failures a loop rests, and no setting scales that.
    await ended(ship, strategy, trading, rests=FAILURES * PAUSE_SECONDS)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_kills_at_any_moment_cost_nothing(
    sailing: tuple[Crew, FakeContainer],
) -> None:
    ship, strategy = sailing
    rng = random.Random(6)
    ship.sign_on()
    trading = asyncio.create_task(ship.trade(strategy))
    for _ in range(KILLS or 4):
        await wait_until(lambda: ship.holders() == 2, 30, "two that trade")
        await asyncio.sleep(rng.uniform(0.0, 2.0))
        assert not trading.done(), trading
        one = rng.choice((ship.mate, ship.hand))
        one.kill()
        one.start()

    # What a process takes to start on two loaded cores is not scaled, and one may die twice.
    await ended(ship, strategy, trading, rests=2 * STARTS_SECONDS)


async def passed(ship: Crew, trading: "asyncio.Task[None]", point: str, effect: str) -> None:
    def there() -> bool:
        assert not trading.done(), trading
        if effect == "kill":
            return ship.is_dead
        return ship.stands_still

    await wait_until(there, PATIENCE_SECONDS, f"the {effect} at {point}")
    if effect == "kill":
        assert ship.hand.process is not None
        assert ship.hand.process.returncode == -signal.SIGKILL


async def ended(
    ship: Crew, strategy: FakeContainer, trading: "asyncio.Task[None]", *, rests: float = 0.0
) -> None:
    trading.cancel()
    with suppress(asyncio.CancelledError):
        await trading
    await ship.calm(strategy)

    assert ship.judge() == []
    naked = ship.longest_naked()
    print(f"{ship.cycles} times in and out, at most {naked:.2f} s without a stop")
    assert naked < LEASE_SECONDS + PROTECT_SECONDS + SLACK_SECONDS + rests


def test_every_point_is_passed_here_or_where_strategies_and_jobs_are_launched() -> None:
    assert set(NOT_IN_THE_DEMO) - set(POINTS) == {"kek.after_rewrap_row"}
