"""Output and vitals on both databases."""

import pytest

from control_plane.containers.models import Printed
from control_plane.core.ids import DeploymentId
from control_plane.deployments.service import watching
from control_plane.deployments.store import watching as store
from control_plane.infra.db import Database

pytestmark = pytest.mark.db

ONE, OTHER = DeploymentId("dp-one"), DeploymentId("dp-other")


async def test_lines_are_bounded_searched_and_followed(database: Database) -> None:
    await database.write(watching.record_output, OTHER, 1, [Printed(1, "another's 50%")])
    for start in range(0, watching.LINES_KEPT + 100, 100):
        lines = [Printed(start + n + 1, f"Line {start + n} of 50%") for n in range(100)]
        await database.write(watching.record_output, ONE, 1, lines)

    everything = await database.read(watching.output, ONE, after=0, grep=None, limit=10_000)
    newest = await database.read(watching.output, ONE, after=None, grep="LINE 209", limit=3)
    after = await database.read(
        watching.output, ONE, after=everything[-2].number, grep="50%", limit=3
    )

    assert len(everything) == watching.LINES_KEPT
    assert everything[0].text == "Line 100 of 50%"
    assert [line.text for line in newest] == [f"Line {n} of 50%" for n in (2097, 2098, 2099)]
    assert [line.text for line in after] == ["Line 2099 of 50%"]
    assert len(await database.read(watching.output, OTHER, after=0, grep=None, limit=9)) == 1


async def test_the_first_point_of_a_minute_stays(database: Database) -> None:
    def point(minute: int, memory: int) -> dict[str, object]:
        return {
            "deployment_id": ONE,
            "minute_ms": minute * 60_000,
            "generation": 1,
            "run": "r",
            "cpu_seconds": 1.0,
            "cpus": None,
            "memory_bytes": memory,
            "lag_ms": 0,
            "loop_lag_ms": 0,
            "waiting": 0,
        }

    await database.write(store.put_vitals, [point(1, 10)])
    await database.write(store.put_vitals, [point(1, 20), point(2, 30)])
    kept = await database.read(store.vitals_of, ONE, 0)
    await database.write(store.forget_vitals, 2 * 60_000)

    assert [row.memory_bytes for row in kept] == [10, 30]
    assert [row.minute_ms for row in await database.read(store.vitals_of, ONE, 0)] == [120_000]
