"""Two whole control planes on one PostgreSQL, one Redis and one engine, each with a data folder of
its own (H1, H2): they share the work and nothing is launched twice, neither while one of them
sleeps through its leases nor when it wakes.
"""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from control_plane.containers.images import ROOT, ImageBuilder
from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from tests.conftest import wait_until
from tests.fakes.harbour import Harbour

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.docker,
    pytest.mark.redis,
    pytest.mark.postgres,
    pytest.mark.long,
    pytest.mark.timeout(300),
]

SHIPS = 4
STEADY = """
from strategy_runtime import BaseStrategy


class Steady(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"

    def on_candle(self, candle):
        if self.position.is_long:
            return self.exit_long()
        return self.long(stop_loss=candle.close * 0.5)
"""


class Pair:
    """The two, and the tables that they share."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        settings = {
            "SLIPWAY_DATABASE_URL": database_url,
            "SLIPWAY_REDIS_URL": redis_url,
            "SLIPWAY_MARKET__SPEED": "30",
            "SLIPWAY_TIME_SCALE": "0.4",
            "SLIPWAY_FLEET__SPAWN_PER_SECOND": "6",
        }
        self.one = Harbour(folder / "one", "docker", dict(settings))
        roles = {"SLIPWAY_ROLES": "market,fleet,trading"}
        self.other = Harbour(folder / "other", "docker", settings | roles)
        self.rows = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.rows.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def holders(self) -> set[str]:
        """Who holds shards of the fleet now."""
        query = "SELECT DISTINCT holder FROM lease WHERE role = 'fleet' AND expires_ms > {}"
        now = "(extract(epoch FROM clock_timestamp()) * 1000)"
        return {row[0] for row in self.ask(query.format(now))}

    def launches(self) -> dict[str, int]:
        return {row[0]: row[1] for row in self.ask("SELECT id, generation FROM deployment")}

    def reasons(self) -> list[tuple[Any, ...]]:
        """Why launches ended."""
        return self.ask(
            "SELECT deployment_id, generation, reason FROM generation WHERE reason <> ''"
        )

    def decided(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        query = "SELECT deployment_id, trigger_open_ms FROM execution ORDER BY trigger_open_ms"
        for deployment, opened in self.ask(query):
            found.setdefault(deployment, []).append(opened)
        return found

    def end(self) -> None:
        for one in (self.other, self.one):
            if one.process is not None and one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
            one.end()
        self.rows.dispose()


@pytest.fixture
def pair(tmp_path: Path, database_url: str, redis_server: EmbeddedServer) -> Iterator[Pair]:
    ImageBuilder(None, ROOT / ".slipway" / "wheels", RealClock(), lambda line: None).build()
    made = Pair(tmp_path, database_url, redis_server.url)
    yield made
    if made.one.log.exists():
        print(made.one.tail(40))
    made.end()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_two_launch_nothing_twice_and_a_sleeper_wakes_to_nothing(pair: Pair) -> None:
    pair.one.start()
    await pair.one.ready()
    pair.other.start()
    await wait_until(lambda: len(pair.holders()) == 2, 30, "two holders")
    file = pair.one.folder / "steady.py"
    file.write_text(STEADY)
    uploaded = pair.one.command("strategies", "upload", str(file))
    assert uploaded.returncode == 0, uploaded.stderr
    ships = [
        await pair.one.call("POST", "/deployments", {"strategy": "steady", "name": f"ship {n}"})
        for n in range(SHIPS)
    ]
    await wait_until(lambda: _all_decide(pair, 2), 60, "decisions of all")
    assert set(pair.launches().values()) == {1}, pair.reasons()
    containers = pair.one.fleet()
    assert len(containers) == SHIPS

    assert pair.other.process is not None
    pair.other.process.send_signal(signal.SIGSTOP)
    await wait_until(lambda: len(pair.holders()) == 1, 30, "the sleeper's leases to pass")
    await _decide_on(pair)
    await pair.one.call("POST", f"/deployments/{ships[0]['id']}/restart")
    await wait_until(lambda: 2 in pair.launches().values(), 30, "another launch meanwhile")
    await _decide_on(pair)
    launched = pair.launches()
    assert sorted(launched.values()) == [1] * (SHIPS - 1) + [2]

    pair.other.process.send_signal(signal.SIGCONT)
    await wait_until(lambda: len(pair.holders()) == 2, 30, "two holders again")
    await _decide_on(pair)

    assert pair.launches() == launched, pair.reasons()
    assert len(pair.one.fleet()) == SHIPS
    assert len(set(pair.one.fleet()) & set(containers)) == SHIPS - 1
    for opened in pair.decided().values():
        assert opened == list(range(opened[0], opened[-1] + 60_000, 60_000))
    signals = pair.ask("SELECT deployment_id, trigger, count(*) FROM signal GROUP BY 1, 2")
    assert {row[2] for row in signals} == {1}
    assert pair.ask("SELECT 1 FROM event WHERE kind = 'incident'") == []


async def _decide_on(pair: Pair) -> None:
    counts = {ship: len(opened) for ship, opened in pair.decided().items()}
    await wait_until(
        lambda: all(len(o) > counts[ship] + 2 for ship, o in pair.decided().items()),
        60,
        "more decisions of all",
    )


def _all_decide(pair: Pair, times: int) -> bool:
    decided = pair.decided()
    return len(decided) == SHIPS and all(len(opened) >= times for opened in decided.values())
