"""What counts as hung, and what does not."""

from dataclasses import replace

from control_plane.deployments.models.health import Failing, Noise, Watch, ailment, condition
from control_plane.deployments.models.memory import MB
from control_plane.deployments.models.wishes import Condition, Generation, Policy, Pulse

POLICY = Policy()
S = 1_000
START = 1_000 * S
ALIVE = Generation(1, "live", 1, START, START, Pulse(START, START, START, "running"))


def beating(at_s: float) -> Generation:
    pulse = Pulse(START, START, START + round(at_s * S), "running")
    return replace(ALIVE, pulse=pulse)


def watched(*looks: tuple[float, int, int | None], deciding: bool = True) -> Watch:
    """Looks of (seconds, open time decided last, newest open time on the bus)."""
    watch = Watch(1, START)
    for at_s, last, newest in looks:
        watch.see(
            START + round(at_s * S), is_deciding=deciding, last_open_ms=last, newest_open_ms=newest
        )
    return watch


def told(watch: Watch, at_s: float, heard_since: int | None = START) -> str | None:
    return ailment(beating(at_s), watch, heard_since, START + round(at_s * S), POLICY)


def test_silence_of_twenty_seconds_is_a_hang() -> None:
    watch = Watch(1, START)

    assert ailment(ALIVE, watch, START, START + 20 * S, POLICY) is None
    reason = ailment(ALIVE, watch, START, START + 21 * S, POLICY)
    assert reason == "hung: no heartbeat for 20 s"


def test_one_that_never_spoke_is_given_as_long() -> None:
    mute = replace(ALIVE, pulse=None)

    assert ailment(mute, Watch(1, START), START, START + 20 * S, POLICY) is None
    assert ailment(mute, Watch(1, START), START, START + 21 * S, POLICY) is not None


def test_silence_says_nothing_while_nobody_could_hear() -> None:
    watch = Watch(1, START)

    assert ailment(ALIVE, watch, None, START + 900 * S, POLICY) is None
    assert ailment(ALIVE, watch, START + 890 * S, START + 900 * S, POLICY) is None


def test_an_adopted_one_is_given_time_from_the_adoption() -> None:
    watch = Watch(1, START + 890 * S)

    assert ailment(ALIVE, watch, START, START + 900 * S, POLICY) is None


def test_a_candle_without_a_decision_for_ten_seconds_is_a_hang() -> None:
    watch = watched((0, 60, 60), (3, 60, 120), (6, 60, 120))

    assert told(watch, 12) is None
    assert told(watch, 13) == "hung: no decision 10 s after a candle"


def test_a_heartbeat_alone_does_not_help() -> None:
    watch = watched((0, 60, 60), *((s, 60, 60 + s // 10 * 10) for s in range(1, 40)))

    assert told(watch, 40) is not None


def test_a_decided_candle_is_no_debt() -> None:
    watch = watched((0, 60, 60), (3, 60, 120), (4, 120, 120))

    assert told(watch, 60) is None


def test_one_that_was_there_before_it_began_to_decide_is_no_debt() -> None:
    watch = watched((0, 0, 60), (3, 0, 60))

    assert told(watch, 60) is None


def test_what_came_during_a_pause_is_no_debt() -> None:
    watch = watched((0, 60, 60), (3, 60, 120), deciding=False)
    watch.see(START + 6 * S, is_deciding=True, last_open_ms=60, newest_open_ms=120)

    assert told(watch, 60) is None


def test_one_that_catches_up_slowly_is_no_hang() -> None:
    watch = watched((0, 10, 60), *((s, 10 + s, 60 + s) for s in range(1, 30)))

    assert told(watch, 30) is None


def test_a_market_that_stands_still_asks_for_nothing() -> None:
    watch = watched((0, 60, 60), *((s, 60, 60) for s in range(1, 90)))

    assert told(watch, 90) is None


def felt(pulse: Pulse, *decisions: Failing, minutes: float = 0) -> Condition:
    """How it does after these looks, a second apart."""
    watch = Watch(1, START)
    for k, failing in enumerate(decisions or (Failing(),)):
        watch.feel(START + k * S, pulse, failing, 600 * S)
    now = START + round(minutes * 60 * S)
    alive = replace(ALIVE, pulse=replace(pulse, beat_ms=now))
    return condition(alive, watch, START, now, POLICY, memory_mb=100)


WELL = Pulse(START, START, START, "running", rss_bytes=1)


def test_a_few_failed_decisions_are_told() -> None:
    assert felt(WELL, Failing(2, "ValueError: x")) == Condition()
    told = felt(WELL, Failing(3, "ValueError: x"))
    assert told == Condition(remark="its last 3 decisions failed: ValueError: x")


def test_many_of_one_launch_are_an_ailment() -> None:
    assert felt(WELL, Failing(0), Failing(10, "E: x")).ailment is not None
    assert felt(WELL, Failing(5), Failing(14, "E: x")).ailment is None
    assert felt(WELL, Failing(5), Failing(0), Failing(10, "E: x")).ailment is not None


def test_many_through_several_launches_are_hopeless() -> None:
    assert felt(WELL, Failing(29), Failing(30, "E: x")) == Condition(
        "its last 30 decisions failed: E: x", hopeless=True
    )


def test_a_loop_that_is_held_up_is_told() -> None:
    slow = replace(WELL, loop_lag_ms=2_300)

    assert felt(slow).remark == "slow: a decision held its event loop up for 2 s"


def test_notes_that_are_dropped_are_told_for_a_while() -> None:
    watch = Watch(1, START)
    for k, dropped in enumerate((0, 40, 40)):
        watch.feel(START + k * S, replace(WELL, dropped=dropped), Failing(), 600 * S)

    def told(at_s: int) -> str:
        now = START + at_s * S
        alive = replace(ALIVE, pulse=replace(WELL, beat_ms=now))
        return condition(alive, watch, START, now, POLICY, memory_mb=100).remark

    assert told(3) == "logs more than is taken: 40 notes dropped so far"
    assert told(62) == ""


def test_output_that_has_to_be_cut_is_told() -> None:
    noise = Noise()
    noise.hear(("d1", 1), START, is_cut=True)
    noise.hear(("d1", 1), START + 2 * S, is_cut=True)
    assert noise.loud_since_ms == {("d1", 1): START}

    noise.hear(("d1", 1), START + 4 * S, is_cut=False)
    assert noise.loud_since_ms == {}
    loud = condition(ALIVE, Watch(1, START), START, START, POLICY, memory_mb=1, is_loud=True)
    assert loud.remark == "prints more than is kept: the rest of its output is lost"


def test_memory_that_grows_asks_for_a_new_launch() -> None:
    watch = Watch(1, START)
    for k in range(130):
        used = (30 + k // 2) * MB
        watch.feel(START + k * 5 * S, replace(WELL, rss_bytes=used), Failing(), 600 * S)
    now = START + 650 * S
    alive = replace(ALIVE, pulse=replace(WELL, beat_ms=now))

    found = condition(alive, watch, START, now, POLICY, memory_mb=100)

    assert found.ailment is None
    assert found.strain is not None
