"""Deployments and generations as the fleet writes them, without a fleet."""

from typing import Any

from sqlalchemy import insert, update

from control_plane.core.ids import Shard, shard_of
from control_plane.deployments.store.tables import deployments, generations
from control_plane.infra.db import Tx
from control_plane.market.store import list_instruments, market_times
from control_plane.strategies.store import strategies, versions
from strategy_runtime.wire import messages
from tests.factories import future, spot
from tests.fakes.container import CODE, CODE_SHA256

MINUTE = 60_000
INSTRUMENT = "spot:B-BTC_USDT"


def deployed(tx: Tx, deployment: str, **changes: Any) -> Shard:
    """A running deployment of one minute candles, and what it hangs on."""
    strategy, version = f"st-{deployment}", f"v-{deployment}"
    shard = shard_of(deployment)
    tx.run(
        insert(strategies),
        {"id": strategy, "tenant": "author", "name": deployment, "created_ms": 1},
    )
    tx.run(
        insert(versions),
        {
            "id": version,
            "strategy_id": strategy,
            "tenant": "author",
            "number": 1,
            "code": CODE,
            "code_sha256": CODE_SHA256,
            "state": "passed",
            "created_ms": 1,
        },
    )
    row: dict[str, Any] = {
        "id": deployment,
        "tenant": "author",
        "shard": int(shard),
        "name": deployment,
        "strategy_id": strategy,
        "version_id": version,
        "instrument": INSTRUMENT,
        "resolution": "1m",
        "created_ms": 1,
    }
    tx.run(insert(deployments), row | changes)
    return shard


def launched(
    tx: Tx, deployment: str, generation: int = 1, state: str = "live", boot: bytes | None = None
) -> None:
    if boot is None:
        boot = messages.encode(
            messages.Boot(deployment, generation, CODE, CODE_SHA256, INSTRUMENT, "1m")
        )
    tx.run(
        insert(generations),
        {
            "deployment_id": deployment,
            "generation": generation,
            "version_id": f"v-{deployment}",
            "boot": boot.decode(),
            "boot_sha256": "",
            "password_sha256": "",
            "state": state,
            "launched_ms": 1,
        },
    )
    tx.run(update(deployments).where(deployments.c.id == deployment).values(generation=generation))


def end(tx: Tx, deployment: str, generation: int) -> None:
    tx.run(
        update(generations)
        .where(generations.c.deployment_id == deployment, generations.c.generation == generation)
        .values(state="ended")
    )


def desire(tx: Tx, deployment: str, desired: str) -> None:
    tx.run(update(deployments).where(deployments.c.id == deployment).values(desired=desired))


def market_at(tx: Tx, now_ms: int) -> None:
    """The simulated market stands at this time, and goes on as ours does."""
    list_instruments(tx, [spot(), future()], "simulated")
    tx.run(
        insert(market_times),
        {
            "feed": "simulated",
            "anchor_market_ms": now_ms,
            "anchor_real_ms": tx.now_ms(),
            "speed": 1.0,
            "seed": 0,
        },
    )
