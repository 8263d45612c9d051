"""Strategies whose processes are killed until they are given up: what becomes of their positions is
what their owner chose for that case, down to the orders it causes.
"""

import os
import signal
from contextlib import suppress

import pytest

from tests.conftest import wait_until
from tests.e2e.ledger import Ledger
from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.long, pytest.mark.timeout(240)]

HOLDS = """
from strategy_runtime import BaseStrategy


class Holds(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"

    def on_candle(self, candle):
        if not self.position.is_long:
            return self.long(stop_loss=candle.close * 0.7)
"""
# By its name: on which market, what is to be done once it is given up, and whether that closes it.
SHIPS = {
    "keeps": ("spot:B-BTC_USDT", "keep", False),
    "reduces": ("spot:B-ETH_USDT", "reduce", True),
    "reduces-futures": ("fut:B-BTC_USDT", "reduce", False),
    "flattens": ("fut:B-ETH_USDT", "flatten", True),
}


async def test_what_was_chosen_for_a_crash_is_done_at_the_exchange(lone_harbour: Harbour) -> None:
    harbour = lone_harbour
    harbour.settings["SLIPWAY_TIME_SCALE"] = "0.2"
    harbour.start("up", "--speed", "60")
    await harbour.ready()
    ledger = Ledger(harbour.data_dir)
    (harbour.folder / "holds.py").write_text(HOLDS)
    run(harbour, "upload", "holds.py", "--name", "holds")
    run(harbour, "accounts", "open", "practice")
    for name, (market, on_crash, _) in SHIPS.items():
        ship = {"strategy": "holds", "name": name, "instrument": market, "on_crash": on_crash}
        made = await harbour.call("POST", "/deployments", ship)
        await harbour.call("POST", f"/deployments/{made['id']}/pause")  # until it is followed
        run(harbour, "subscribe", name, "--account", "practice", "--capital", "10000")
        await harbour.call("POST", f"/deployments/{made['id']}/resume")
    held = "SELECT count(*) FROM trade WHERE state = 'protected'"
    await wait_until(lambda: ledger.rows(held) == [(len(SHIPS),)], 60, "a position of each")

    given_up = "SELECT count(*) FROM deployment WHERE observed = 'crash_loop'"
    await wait_until(
        lambda: kill(harbour) and ledger.rows(given_up) == [(len(SHIPS),)], 90, "the end of all"
    )
    closed = sum(is_closed for *_, is_closed in SHIPS.values())
    over = "SELECT count(*) FROM trade WHERE state = 'closed'"
    await wait_until(lambda: ledger.rows(over) == [(closed,)], 30, "what was asked for")

    for name, found in became(ledger).items():
        _, on_crash, is_closed = SHIPS[name]
        expected = ("closed", "crash", 1) if is_closed else ("protected", None, 0)
        assert found == expected, f"{name}: {on_crash}"
    asked = dict(
        ledger.rows("SELECT kind, count(*) FROM command WHERE role = 'trading' GROUP BY 1")
    )
    assert {kind: asked.get(kind) for kind in ("keep", "reduce", "flatten")} == {
        "keep": None,
        "reduce": 2,
        "flatten": 1,
    }
    assert harbour.fleet() == [], "nobody launches what was given up"
    assert harbour.stop() == 0
    ledger.check()


def became(ledger: Ledger) -> dict[str, tuple[str, str | None, int]]:
    """By deployment: its trade, why that ended, and how many orders left to close it."""
    rows = ledger.rows(
        "SELECT d.name, t.state, t.exit_reason, (SELECT count(*) FROM intent i"
        " JOIN orders o ON o.intent_id = i.id WHERE i.trade_id = t.id AND i.leg = 'exit'"
        " AND o.filled > 0) FROM trade t JOIN deployment d ON d.id = t.deployment_id"
    )
    assert len(rows) == len(SHIPS), rows
    return {name: (state, why, orders) for name, state, why, orders in rows}


def kill(harbour: Harbour) -> bool:
    for process in harbour.fleet():
        with suppress(ProcessLookupError):
            os.kill(int(process), signal.SIGKILL)
    return True


def run(harbour: Harbour, *arguments: str) -> None:
    answer = harbour.command(*arguments)
    assert answer.returncode == 0, answer.stderr + answer.stdout
