"""`slipway market` as an operator types it: a past from the exchange, candles in and out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.core.clock import ms
from control_plane.infra import db, schema
from control_plane.infra.clock import RealClock
from control_plane.market import store
from strategy_runtime.backtest.files import read
from tests.coindcx_sim.process import Served, served
from tests.factories import future, spot
from tests.integration.cli.test_commands import Terminal

BTC, ETH = "fut:B-BTC_USDT", "fut:B-ETH_USDT"


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with served("--accounts", "1") as sim:
        monkeypatch.setenv("SLIPWAY_COINDCX__PUBLIC_URL", sim.url)
        sim.admin("past", name="B-BTC_USDT", minutes=4_000)
        yield sim


@pytest.fixture
async def slipway(tmp_path: Path) -> Terminal:
    database = db.connect(f"sqlite:///{tmp_path / 'slipway.db'}", RealClock())
    schema.upgrade(database)
    eth = future(id=ETH, pair="B-ETH_USDT", base="ETH")
    await database.write(store.list_instruments, [future(), eth], "coindcx")
    await database.write(store.list_instruments, [spot()], "simulated")
    database.close()
    return Terminal(tmp_path)


async def test_a_past_is_fetched_once_and_leaves_as_a_file(
    slipway: Terminal, venue: Served
) -> None:
    first = await slipway("market", "backfill", BTC, "--days", "1")
    again = await slipway("market", "backfill", BTC, "--days", "1")
    assert (first.code, first.err) == (0, "")
    assert first.out.endswith(f"candles of {BTC} are new.\n")
    assert again.out.startswith("Nothing is new")

    for name in ("minutes.csv.gz", "minutes.parquet"):
        file = slipway.data_dir / name
        out = await slipway("market", "export", BTC, "1m", str(file))
        assert out.code == 0, out.err
        into = await slipway("market", "import", ETH, str(file))
        assert into.code == 0, into.err
        bars = read(file)
        assert bars.resolution == "1m"
        assert f"{len(bars)} candles are in" in out.out
        assert int(bars.open_ms[-1]) > ms(RealClock().now()) - 15 * 60_000
    assert into.out == "0 candles are new.\n"  # the other file held the same


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("backfill", "spot:B-BTC_USDT"), "are simulated"),
        (("import", BTC, "none.csv"), "none.csv cannot be read: No such file"),
        (("import", BTC, "empty.csv"), "empty.csv holds no candles"),
        (("import", BTC, "empty.csv", "--resolution", "7m"), "no resolution '7m'"),
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_in_a_sentence(
    slipway: Terminal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], why: str
) -> None:
    monkeypatch.setenv("SLIPWAY_COINDCX__PUBLIC_URL", "http://127.0.0.1:1")
    (slipway.data_dir / "empty.csv").write_text("time,open,high,low,close,volume\n")
    given = [str(slipway.data_dir / word) if "." in word else word for word in words]
    said = await slipway("market", *given)
    assert said.code == 1
    assert why in said.err
    assert "Traceback" not in said.err


async def test_a_folder_without_a_database_is_named(tmp_path: Path) -> None:
    said = await Terminal(tmp_path / "none")("market", "export", BTC, "1m", "a.csv")
    assert said.code == 1
    assert "slipway up" in said.err
