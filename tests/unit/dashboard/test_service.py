from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from control_plane.core.ids import InstrumentId
from control_plane.dashboard.service import Dashboard
from control_plane.infra.db import Database, Tx
from control_plane.infra.health import Health
from control_plane.orders.store.tables import trades
from tests.fakes.clock import FakeClock

PRICE = Decimal(110)


async def _prices(wanted: Sequence[InstrumentId]) -> Mapping[InstrumentId, Decimal]:
    return dict.fromkeys(wanted, PRICE)


async def _lacks() -> str:
    return "Redis does not answer."


@pytest.fixture
def dashboard(memory: Database, clock: FakeClock) -> Dashboard:
    return Dashboard(memory, clock, Health({}), _prices, "1.0")


def _trade(tx: Tx, values: Mapping[str, Any]) -> None:
    row = {
        "id": "tr1",
        "subscription_id": "sb1",
        "venue": "paper",
        "entry_intent_id": "in1",
        "account_id": "ac1",
        "deployment_id": "dp1",
        "tenant": "us1",
        "shard": 0,
        "instrument": "fut:B-BTC_USDT",
        "side": "LONG",
        "state": "protected",
        "entered": Decimal(2),
        "exited": Decimal(0),
        "entry_value": Decimal(200),
        "exit_value": Decimal(0),
        "fees": Decimal(1),
        "currency": "USDT",
        "opened_ms": tx.now_ms(),
    }
    tx.run(insert(trades), {**row, **values})


@pytest.mark.parametrize(("side", "worth"), [("LONG", Decimal(19)), ("SHORT", Decimal(-21))])
async def test_an_open_trade_is_shown_at_what_it_would_come_to_now(
    dashboard: Dashboard, memory: Database, side: str, worth: Decimal
) -> None:
    await memory.write(_trade, {"side": side})

    (line,) = (await dashboard.picture()).trades

    assert line.pnl == worth
    assert (line.quantity, line.entry_price) == (Decimal(2), Decimal(100))
    assert line.exit_price is None


async def test_a_closed_trade_is_shown_at_what_it_came_to(
    dashboard: Dashboard, memory: Database
) -> None:
    sold = {"state": "closed", "exited": Decimal(2), "exit_value": Decimal(230)}
    await memory.write(_trade, {**sold, "pnl": Decimal(29), "closed_ms": 5})

    picture = await dashboard.picture()

    assert (picture.trades[0].pnl, picture.trades[0].exit_price) == (Decimal(29), Decimal(115))
    assert [(one.currency, one.pnl) for one in picture.totals] == [("USDT", Decimal("29.0000"))]


async def test_however_many_look_the_tables_are_read_twice_a_second(
    dashboard: Dashboard, memory: Database, clock: FakeClock
) -> None:
    first = await dashboard.picture()
    await memory.write(_trade, {})

    assert await dashboard.picture() is first
    await clock.advance(0.5)
    assert (await dashboard.picture()).counts.trades == 1


async def test_what_is_missing_is_on_it(memory: Database, clock: FakeClock) -> None:
    dashboard = Dashboard(memory, clock, Health({"redis": _lacks}), _prices, "1.0")

    (lack,) = (await dashboard.picture()).missing

    assert (lack.part, lack.what) == ("redis", "Redis does not answer.")
