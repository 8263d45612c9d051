"""A live account at the simulated exchange, in real processes: prices, a key, a trade, a crash."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.coindcx_sim.process import Served, served
from tests.conftest import wait_until
from tests.e2e.ledger import Ledger
from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.long, pytest.mark.e2e, pytest.mark.redis, pytest.mark.timeout(240)]

PERPETUAL = "fut:B-BTC_USDT"
KEY = "key-of-ann-0"
TRADED = ("B-BTC_USDT", "USDTINR")
SPARKS = """
from strategy_runtime import BaseStrategy


class Sparks(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "1m"
    ticks = True

    def on_candle(self, candle):
        return None

    def on_tick(self, tick):
        first = self.state.setdefault("first", tick.at_ms)
        if self.position.is_flat and tick.at_ms > first + 4000:  # prices are heard by everybody
            return self.long(stop_loss=tick.price * 0.97)
"""


@pytest.fixture
def venue() -> Iterator[Served]:
    with served("--sockets", "--no-limits", "--accounts", "0") as found:
        found.admin("open", prefix=KEY[:-1])
        for name in TRADED:
            found.admin("past", name=name, minutes=1700)
            found.admin("walk", name=name, step_ms=300, volatility=0.00002)
        yield found


@pytest.fixture
def at_coindcx(tmp_path: Path, venue: Served) -> Iterator[Harbour]:
    made = Harbour(
        tmp_path,
        settings={
            "SLIPWAY_MARKET__FEEDS": "coindcx",
            "SLIPWAY_COINDCX__API_URL": venue.url,
            "SLIPWAY_COINDCX__PUBLIC_URL": venue.url,
            "SLIPWAY_COINDCX__STREAM_URL": venue.sockets["stream"],
            "SLIPWAY_COINDCX__SPOT_STREAM_URL": venue.sockets["spot"],
        },
    )
    yield made
    if made.log.exists():
        print(made.tail(80))
    made.end()


async def test_a_live_account_trades_is_protected_and_survives_a_kill(
    at_coindcx: Harbour, venue: Served
) -> None:
    harbour = at_coindcx
    harbour.start()
    await harbour.ready()
    ledger = Ledger(harbour.data_dir)
    await wait_until(lambda: listed(ledger), 30, "the exchange's contract")

    account = await live_account(harbour)
    file = harbour.folder / "sparks.py"
    file.write_text(SPARKS)
    assert harbour.command("strategies", "upload", str(file)).returncode == 0
    deployment = await harbour.call("POST", "/deployments", {"strategy": "sparks"})
    await harbour.call("POST", "/subscriptions", terms(deployment["id"], account))

    await wait_until(lambda: state(ledger) == "protected", 60, "a position with its stop")
    assert held(venue) > 0
    checked = harbour.command("accounts", "check", "main")
    assert "The key is good" in checked.stdout, checked.stderr

    harbour.kill()
    crash(venue)  # nobody of ours is there, but the stop is
    await wait_until(lambda: held(venue) == 0, 10, "the exchange's own stop")

    harbour.start()
    await harbour.ready()
    await wait_until(lambda: state(ledger) == "closed", 60, "the end of the trade in our books")
    assert ledger.rows("SELECT exit_reason FROM trade WHERE state = 'closed'") == [("stop",)]
    priced = await prices(harbour)
    assert priced[PERPETUAL] is not None
    assert f"candles of {PERPETUAL} are new" in said(
        harbour, "market", "backfill", PERPETUAL, "--days", "1"
    )
    file = harbour.folder / "minutes.csv.gz"
    assert "candles are in" in said(harbour, "market", "export", PERPETUAL, "1m", str(file))
    assert "0 candles are new" in said(harbour, "market", "import", PERPETUAL, str(file))
    assert harbour.stop() == 0
    ledger.check()


def said(harbour: Harbour, *arguments: str) -> str:
    done = harbour.command(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(ledger: Ledger) -> bool:
    if not ledger.rows("SELECT 1 FROM sqlite_master WHERE name = 'instrument'"):
        return False
    return bool(ledger.rows(f"SELECT 1 FROM instrument WHERE id = '{PERPETUAL}' AND active"))


async def live_account(harbour: Harbour) -> str:
    made = await harbour.call("POST", "/accounts/live", {"name": "main", "home_currency": "USDT"})
    body = {"api_key": KEY, "api_secret": f"secret-{KEY}"}
    await harbour.call("PUT", f"/accounts/{made['id']}/key", body)
    return str(made["id"])


def terms(deployment: str, account: str) -> dict[str, Any]:
    return {
        "deployment_id": deployment,
        "account_id": account,
        "capital": "10000",
        "capital_currency": "USDT",
        "margin_currency": "USDT",
        "risk": "0.01",
        "leverage": "3",
    }


def state(ledger: Ledger) -> str | None:
    assert ledger.rows("SELECT reason, detail FROM skip") == []
    found = ledger.rows("SELECT state FROM trade ORDER BY opened_ms")
    return found[0][0] if found else None


def held(venue: Served) -> float:
    entries = venue.admin("ledger", kinds=["fill"])["entries"]
    signs = {"buy": 1, "sell": -1}
    return sum(signs[each["side"]] * float(each["quantity"]) for each in entries)


def crash(venue: Served) -> None:
    last = float(venue.admin("line", name="B-BTC_USDT")["last"])
    venue.admin("move", name="B-BTC_USDT", price=f"{last * 0.9:.1f}")


async def prices(harbour: Harbour) -> dict[str, Any]:
    rows = (await harbour.call("GET", "/instruments"))["items"]
    return {row["id"]: row["price"] for row in rows}
