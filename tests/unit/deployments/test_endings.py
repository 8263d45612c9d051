"""Why a container ended, and what follows."""

import pytest

from control_plane.containers.models import Facts
from control_plane.core.ids import Rng
from control_plane.deployments.models.endings import (
    Aftermath,
    Ending,
    Record,
    aftermath,
    ending,
)
from control_plane.deployments.models.wishes import Policy
from control_plane.infra.rng import SeededRng

NOW = 10_000_000
POLICY = Policy(jitter=0)
CRASH = Ending("ended with exit 1", 1)


@pytest.mark.parametrize(
    ("facts", "tail", "reason"),
    [
        (Facts("exited", 137, out_of_memory=True), "", "killed: used more than 512 MB"),
        (Facts("exited", 137), "", "killed from outside (exit 137)"),
        (Facts("exited", 143), "", "ended from outside (exit 143)"),
        (Facts("exited", 139), "", "crashed in native code: SIGSEGV (exit 139)"),
        (Facts("exited", 0), "bye\n", "ended by itself (exit 0)"),
        (Facts("exited", 1), "a\nValueError: x\n\n", "ended with exit 1: ValueError: x"),
        (
            Facts("exited", 1, out_of_memory=True),
            "",
            "ended with exit 1, after a child process ran out of memory",
        ),
        (Facts("exited", 3), "the launch payload is gone", "the launch payload is gone"),
        (Facts("exited", 3), "", "its launch payload could not be had"),
        (Facts("exited", 2), "", "it was launched wrongly"),
        (Facts("exited", 127, error="no such file"), "", "did not run: no such file"),
        (Facts("exited", 255), "", "ended (exit 255)"),
    ],
)
def test_an_exit_is_told_in_words(facts: Facts, tail: str, reason: str) -> None:
    assert ending(facts, tail, 512).reason == reason


def test_code_that_does_not_start_is_not_tried_again() -> None:
    end = ending(Facts("exited", 4), "the strategy does not load: line 3", 512)

    assert end.hopeless
    assert end.reason == "the strategy does not load: line 3"


def follow(end: Ending, record: Record, lived_ms: int = 1_000) -> Aftermath:
    rng: Rng = SeededRng(1)
    return aftermath(end, record, lived_ms=lived_ms, now_ms=NOW, policy=POLICY, rng=rng)


@pytest.mark.parametrize(
    ("told_ms", "retry_ms"),
    [
        (None, NOW + 4_000),
        (NOW - 900, NOW + 3_100),
        (NOW - 3_600_000, NOW + 1_000),  # a clock that is an hour behind
        (NOW + 3_600_000, NOW + 4_000),  # or before
    ],
)
def test_the_pause_is_counted_from_the_end_itself(told_ms: int | None, retry_ms: int) -> None:
    facts = Facts("exited", 1, ended_ms=told_ms)

    assert follow(ending(facts, "", 512), Record(2, 0, [])).retry_ms == retry_ms


def test_a_pause_that_is_over_is_none() -> None:
    end = ending(Facts("exited", 1, ended_ms=NOW - 2_000), "", 512)

    assert follow(end, Record(0, 0, [])).retry_ms == NOW


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 1), (1, 2), (2, 4), (5, 32), (9, 300), (500, 300)]
)
def test_back_off_doubles_to_five_minutes(failures: int, seconds: int) -> None:
    after = follow(CRASH, Record(failures, 0, []))

    assert (after.observed, after.retry_ms - NOW) == ("restarting", seconds * 1000)


def test_jitter_stays_within_a_fifth() -> None:
    policy = Policy()
    rng = SeededRng(3)
    pauses = {
        aftermath(CRASH, Record(3, 0, []), lived_ms=0, now_ms=0, policy=policy, rng=rng).retry_ms
        for _ in range(50)
    }

    assert len(pauses) > 10
    assert min(pauses) >= 8_000 * 0.8
    assert max(pauses) <= 8_000 * 1.2


def test_ten_minutes_of_health_forgive_the_back_off() -> None:
    assert follow(CRASH, Record(7, 0, []), lived_ms=600_000).failures == 1


def test_the_fifth_crash_within_ten_minutes_is_quarantined() -> None:
    four = [NOW - 60_000 * n for n in range(1, 5)]

    after = follow(CRASH, Record(4, 0, four))

    assert after.observed == "crash_loop"
    assert after.reason == "5 crashes within 10 min, the last: ended with exit 1"
    assert follow(CRASH, Record(4, 0, four[:3])).observed == "restarting"


def test_crashes_that_were_forgiven_or_are_old_do_not_count() -> None:
    four = [NOW - 60_000 * n for n in range(1, 5)]

    assert follow(CRASH, Record(0, NOW - 90_000, four)).observed == "restarting"
    assert follow(CRASH, Record(4, 0, [NOW - 700_000] * 9)).observed == "restarting"


def test_what_could_not_be_launched_is_tried_for_ever() -> None:
    end = Ending("no image", crashed=False, not_its_fault=True)

    after = follow(end, Record(8, 0, [NOW] * 9))

    assert (after.observed, after.retry_ms - NOW) == ("pending", 256_000)


def test_one_that_was_removed_by_hand_is_back_at_once() -> None:
    after = follow(Ending("its container was removed", crashed=False), Record(2, 0, []))

    assert (after.retry_ms, after.failures) == (NOW, 2)
