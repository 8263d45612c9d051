"""Limits, lanes, halving and recovery, to the millisecond."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.brokers.coindcx.calls import Bucket
from control_plane.brokers.coindcx.egress import DIRECT, Egress, parse_egress, pinned
from control_plane.brokers.coindcx.gate import Gate
from control_plane.brokers.coindcx.limits import Lane, Limiter, Rates
from control_plane.brokers.errors import NotSent
from control_plane.core.ids import AccountId
from control_plane.errors import Invalid
from tests.fakes.clock import FakeClock

NAMES = ("key k", "address a")
GENERAL = Bucket.GENERAL


def sent(
    limiter: Limiter, now_ms: int, lane: Lane = Lane.EXIT, names: tuple[str, ...] = NAMES
) -> int:
    """How many leave at this moment."""
    count = 0
    while not limiter.wait_ms(now_ms, names, GENERAL, lane):
        limiter.take(now_ms, names, GENERAL)
        count += 1
    return count


def test_sixteen_leave_in_a_second_and_the_next_when_the_first_is_a_second_old() -> None:
    limiter = Limiter()
    assert sent(limiter, 0) == 16
    assert limiter.wait_ms(400, NAMES, GENERAL, Lane.EXIT) == 600
    assert sent(limiter, 1_000) == 16


def test_entries_leave_room_for_exits() -> None:
    limiter = Limiter()
    assert [sent(limiter, 0, lane) for lane in reversed(Lane)] == [11, 2, 2, 1, 0]


def test_one_address_is_shared_by_its_keys_and_a_key_by_its_addresses() -> None:
    limiter = Limiter()
    assert sent(limiter, 0, names=("key 1", "address a")) == 16
    assert sent(limiter, 0, names=("key 2", "address a")) == 0
    assert sent(limiter, 0, names=("key 1", "address b")) == 0
    assert sent(limiter, 0, names=("key 2", "address b")) == 16


def test_a_tight_route_has_its_own_count_beside_the_common_one() -> None:
    limiter = Limiter(Rates(cancel_all_per_minute=2))
    for _ in range(2):
        limiter.take(0, NAMES, Bucket.CANCEL_ALL)
    assert limiter.wait_ms(0, NAMES, Bucket.CANCEL_ALL, Lane.EXIT) == 60_000
    assert limiter.wait_ms(0, NAMES, GENERAL, Lane.EXIT) == 0
    assert sent(limiter, 0) == 14


def test_a_429_halves_once_for_all_that_were_under_way_and_quiet_restores() -> None:
    limiter = Limiter(Rates(recovery_seconds=100))
    for _ in range(5):
        limiter.refused(0, NAMES)
    assert sent(limiter, 0) == 8
    limiter.refused(2_000, NAMES)
    (key, address) = sorted(limiter.usage(2_000), key=lambda each: each.name, reverse=True)
    assert (key.name, key.refused) == ("key k", 6)
    assert 0.25 <= address.factor <= 0.27
    assert sent(limiter, 202_000) == 16


def test_however_often_it_is_refused_something_always_leaves() -> None:
    limiter = Limiter()
    for n in range(50):
        limiter.refused(n * 1_000, NAMES)
    assert sent(limiter, 200_000) >= 1


def test_an_entry_that_nobody_could_protect_in_time_is_not_promised() -> None:
    limiter = Limiter()
    assert sum(limiter.promise(0, "address a", 4) for _ in range(100)) == 40
    assert not limiter.promise(9_999, "address a", 1)
    assert limiter.promise(10_000, "address a", 4)
    limiter.refused(10_000, ("address b",))
    assert sum(limiter.promise(10_000, "address b", 4) for _ in range(100)) == 20


def test_usage_is_visible_and_what_is_idle_is_forgotten() -> None:
    limiter = Limiter()
    sent(limiter, 0)
    (usage, _) = limiter.usage(500)
    assert (usage.second, usage.second_limit, usage.minute, usage.minute_limit) == (16, 16, 16, 960)
    limiter.forget_idle(60_000)
    assert len(limiter.meters) == 2
    limiter.forget_idle(700_000)
    assert not limiter.meters


@given(st.lists(st.integers(0, 300), min_size=1, max_size=300), st.sampled_from(list(Lane)))
def test_no_second_and_no_minute_ever_holds_more_than_its_limit(
    gaps: list[int], lane: Lane
) -> None:
    limiter = Limiter(Rates(per_second=5, per_minute=40))
    now, gone = 0, []
    for gap in gaps:
        now += gap
        if not limiter.wait_ms(now, NAMES, GENERAL, lane):
            limiter.take(now, NAMES, GENERAL)
            gone.append(now)
    for at in gone:
        assert sum(at <= each < at + 1_000 for each in gone) <= 5
        assert sum(at <= each < at + 60_000 for each in gone) <= 40


async def test_an_exit_that_comes_later_leaves_before_entries_that_wait() -> None:
    clock = FakeClock()
    gate = Gate(Limiter(Rates(per_second=2)), clock, "a")
    order: list[str] = []

    async def go(name: str, lane: Lane) -> None:
        await gate.enter("k", GENERAL, lane, 30)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(go(f"entry {n}", Lane.ENTRY))
        await clock.advance(0.1)
        group.create_task(go("exit 1", Lane.EXIT))
        group.create_task(go("exit 2", Lane.EXIT))
        await clock.advance(10)
    assert order.index("exit 2") < order.index("entry 1")
    assert gate.waiting == 0


async def test_who_cannot_leave_in_time_is_told_that_nothing_left() -> None:
    clock = FakeClock()
    gate = Gate(Limiter(Rates(per_second=1)), clock, "a")
    await gate.enter("k", GENERAL, Lane.EXIT, 5)
    with pytest.raises(NotSent, match="no room"):
        await gate.enter("k", GENERAL, Lane.EXIT, 0.5)


async def test_a_key_at_its_own_limit_holds_up_no_other_key() -> None:
    clock = FakeClock()
    gate = Gate(Limiter(Rates(per_second=4)), clock, "a")
    for _ in range(2):
        gate.limiter.take(0, ("key busy",), GENERAL)
        gate.limiter.take(0, ("key busy",), GENERAL)
    order: list[str] = []

    async def go(key: str) -> None:
        await gate.enter(key, GENERAL, Lane.EXIT, 30)
        order.append(key)

    async with asyncio.TaskGroup() as group:
        group.create_task(go("busy"))
        group.create_task(go("idle"))
        await clock.advance(0.01)
        assert order == ["idle"]
        await clock.advance(2)
    assert order == ["idle", "busy"]


async def test_a_thousand_that_wait_leave_at_the_rate_and_the_impatient_are_told() -> None:
    clock = FakeClock()
    gate = Gate(Limiter(), clock, "a")
    left: list[int] = []
    told: list[int] = []

    async def go(n: int) -> None:
        try:
            await gate.enter(f"k{n}", GENERAL, Lane.ENTRY, 5)
            left.append(n)
        except NotSent:
            told.append(n)

    async with asyncio.TaskGroup() as group:
        for n in range(1_000):
            group.create_task(go(n))
        for _ in range(80):
            await clock.advance(0.1)
    assert len(left) == 11 * 6
    assert left == sorted(left)
    assert len(told) == 1_000 - len(left)
    assert gate.waiting == 0


ACCOUNTS = [AccountId(f"acc{n}") for n in range(1_000)]


def test_an_account_keeps_its_address_when_another_goes() -> None:
    three = parse_egress("10.0.0.1, 10.0.0.2,http://proxy:3128")
    before = {each: pinned(each, three) for each in ACCOUNTS}
    after = {each: pinned(each, three[:2]) for each in ACCOUNTS}
    assert {each.name for each in before.values()} == {each.name for each in three}
    assert all(after[each] == before[each] for each in ACCOUNTS if before[each] in three[:2])
    assert three[2] == Egress("http://proxy:3128", proxy="http://proxy:3128")


def test_an_account_can_be_pinned_by_hand_to_an_address_that_exists() -> None:
    two = parse_egress("10.0.0.1,10.0.0.2")
    by_hand = {ACCOUNTS[0]: "10.0.0.2", ACCOUNTS[1]: "elsewhere"}
    assert pinned(ACCOUNTS[0], two, by_hand).name == "10.0.0.2"
    with pytest.raises(Invalid, match="elsewhere"):
        pinned(ACCOUNTS[1], two, by_hand)
    with pytest.raises(Invalid, match="twice"):
        parse_egress("10.0.0.1,10.0.0.1")
    assert parse_egress("") == (DIRECT,)
