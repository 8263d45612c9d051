"""What a probe says of exchanges that behave in different ways, and that it changes nothing."""

import asyncio

import pytest

from control_plane.brokers.coindcx.probing import BY_HAND, OFFSETS, Finding, Prober
from control_plane.infra.rng import SeededRng
from tests.coindcx_sim.desk import Desk
from tests.coindcx_sim.switches import Switches


async def probed(switches: Switches, *, with_key: bool = True) -> tuple[Desk, dict[str, Finding]]:
    desk = Desk(switches)
    key = desk.key if with_key else None
    prober = Prober(desk.client, desk.clock, SeededRng(1), key)
    found: list[Finding] = []

    async def run() -> None:
        found.extend([each async for each in prober.run()])

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run())
        while not task.done():
            await desk.clock.advance(0.5)
            desk.exchange.advance(desk.now())
    return desk, {each.question: each for each in found}


def numbered(found: dict[str, Finding], number: str) -> str:
    return next(each.answer for each in found.values() if each.number == number)


async def test_without_a_key_only_public_questions_are_put() -> None:
    desk, found = await probed(Switches(), with_key=False)
    assert len(found) == 3
    assert "8 are" in found["Is every market's rule understood?"].answer
    assert not desk.exchange.world.ledger.entries


@pytest.mark.parametrize(("window_ms", "taken"), [(10_000, 3), (60_000, 7), (600_000, 9)])
async def test_the_window_is_told_as_it_is(window_ms: int, taken: int) -> None:
    _, found = await probed(Switches(window_ms=window_ms))
    accepted = numbered(found, "1").split(";")[0].removeprefix("taken: ").split(", ")
    assert len(accepted) == taken
    assert len(OFFSETS) == 9


@pytest.mark.parametrize(("status", "text"), [(404, "Order not found"), (422, "Invalid Request")])
async def test_an_unknown_order_is_answered_in_either_way(status: int, text: str) -> None:
    _, found = await probed(Switches(unknown_order=status))  # type: ignore[arg-type]
    assert numbered(found, "3") == f"{status} {text!r}"


async def test_a_probe_places_changes_and_ends_nothing() -> None:
    desk, found = await probed(Switches())
    assert {each.number for each in found.values()} == {"–", "1", "2", "3", "10"}
    assert {entry["kind"] for entry in desk.exchange.world.ledger.entries} <= {"request"}
    assert not {each.number for each in BY_HAND} & {each.number for each in found.values()}
