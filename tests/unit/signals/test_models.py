"""What is believed of a container's frames, and what is not."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.core.ids import DeploymentId, InstrumentId, Shard, Tenant
from control_plane.signals.models.frames import (
    Decided,
    Refused,
    Sender,
    body_hash,
    is_numbered,
    judge,
    unsound,
    wrong_with,
)
from control_plane.signals.models.hello import Admitted, Place, admit, next_trigger, order_of
from control_plane.signals.models.text import clean
from strategy_runtime.wire import messages, resolutions

MINUTE = 60_000
OPEN = 1_000_000 * MINUTE

SENDER = Sender(
    deployment=DeploymentId("dp1"),
    generation=1,
    tenant=Tenant("t"),
    shard=Shard(3),
    instrument=InstrumentId("spot:B-BTC_USDT"),
    resolution="1m",
    ticks=False,
    active_generation=1,
    active_from=f"1m:{OPEN}",
    last_trigger=None,
    latest_ms=OPEN + 10 * MINUTE,
)
LONG = messages.Signal("LONG", Decimal(100), Decimal(98), Decimal(104))
EXIT = messages.Signal("EXIT_SHORT", Decimal(100))
EXECUTION = messages.Execution(
    run="run-0001",
    n=1,
    trigger=f"1m:{OPEN}",
    outcome="none",
    took_us=10,
    published_ms=1,
    decided_ms=2,
    position=messages.Position(),
)


def _with(**changes: object) -> messages.Execution:
    return msgspec.structs.replace(EXECUTION, **changes)


def _reason(verdict: Decided | Refused) -> str:
    assert isinstance(verdict, Refused)
    return verdict.reason


def test_a_plain_decision_counts() -> None:
    assert judge(EXECUTION, SENDER) == Decided(OPEN, ())


def test_an_exit_and_then_an_entry_count() -> None:
    verdict = judge(_with(outcome="signal", signals=(EXIT, LONG)), SENDER)

    assert verdict == Decided(OPEN, ((EXIT, None), (LONG, None)))


@pytest.mark.parametrize(
    "signals",
    [(LONG, EXIT), (LONG, LONG), (EXIT, EXIT), (EXIT, LONG, LONG), ()],
    ids=["entry first", "two entries", "two exits", "three", "none at all"],
)
def test_other_groups_of_signals_are_spoilt_but_the_decision_counts(
    signals: tuple[messages.Signal, ...],
) -> None:
    verdict = judge(_with(outcome="signal", signals=signals), SENDER)

    assert isinstance(verdict, Decided)
    assert verdict.spoilt
    assert verdict.signals == ()


@pytest.mark.parametrize(
    ("trigger", "says"),
    [
        (f"5m:{OPEN}", "no trigger of this deployment"),
        (f"tick:{OPEN}", "no trigger of this deployment"),
        (f"1h:{OPEN}", "no trigger of this deployment"),
        (f"1m:{OPEN + 1}", "not aligned"),
        (f"1m:{OPEN + 10 * MINUTE}", "in the future"),
        (f"1m:{OPEN - MINUTE}", "decides from"),
    ],
)
def test_a_trigger_that_is_not_its_own_is_refused(trigger: str, says: str) -> None:
    assert says in _reason(judge(_with(trigger=trigger), SENDER))


def test_a_candle_that_closes_after_the_latest_time_lies_in_the_future() -> None:
    close = OPEN + 10 * MINUTE
    frame = _with(trigger=f"1m:{close - MINUTE}")

    assert isinstance(judge(frame, replace(SENDER, latest_ms=close)), Decided)
    assert isinstance(judge(frame, replace(SENDER, latest_ms=close - 1)), Refused)


def test_a_tick_counts_for_those_who_declared_ticks_while_its_candle_forms() -> None:
    sender = replace(SENDER, ticks=True, latest_ms=OPEN + 1)

    assert isinstance(judge(_with(trigger=f"tick:{OPEN}"), sender), Decided)


def test_an_older_generation_still_answers_for_what_lies_before_the_hand_over() -> None:
    sender = replace(SENDER, active_generation=2, active_from=f"1m:{OPEN + MINUTE}")

    assert isinstance(judge(EXECUTION, sender), Decided)
    assert "generation 2 decides" in _reason(judge(_with(trigger=f"1m:{OPEN + MINUTE}"), sender))


def test_a_generation_that_was_not_welcomed_decides_nothing() -> None:
    assert "not active" in _reason(judge(EXECUTION, replace(SENDER, generation=2)))
    assert "not active" in _reason(judge(EXECUTION, replace(SENDER, active_from=None)))


@pytest.mark.parametrize(
    "changes",
    [
        {"run": ""},
        {"run": "x" * 65},
        {"run": "no spaces here"},
        {"n": -1},
        {"n": 10**400},
        {"took_us": 2**60},
        {"published_ms": -1},
        {"decided_ms": 2**53 + 1},
        {"state": msgspec.Raw(b'{"a":"' + b"x" * 17_000 + b'"}')},
        {"state": msgspec.Raw(b'{"a":"\xff"}')},
        {"state": msgspec.Raw(b"[1]")},
        {"state": msgspec.Raw(b"{")},
        {"position": messages.Position(pending=(LONG,) * 100)},
        *(
            {"trigger": trigger}
            for trigger in (
                "1m",
                f"1m:{OPEN}x",
                f"1m:0{OPEN}",
                f"1m:-{MINUTE}",
                "1m:" + "9" * 400,
                f"1m:{OPEN}\n",
                f"1m\0:{OPEN}",
            )
        ),
    ],
)
def test_what_no_table_could_hold_is_unsound(changes: dict[str, object]) -> None:
    assert unsound(_with(**changes)) is not None


def test_only_what_has_a_run_and_a_number_can_be_acknowledged() -> None:
    assert is_numbered(_with(state=msgspec.Raw(b"[")))
    assert not is_numbered(_with(n=-1))
    assert not is_numbered(_with(run="a\0bcdefgh"))


def test_a_state_of_sixteen_kilobytes_fits() -> None:
    state = b'{"a":"' + b"x" * (16 * 1024 - 8) + b'"}'

    assert unsound(_with(state=msgspec.Raw(state))) is None


# ---- signals -------------------------------------------------------------------------------------

prices = st.decimals(min_value="0.00001", max_value="1000000", places=5)


@given(price=prices, stop=prices, target=prices, side=st.sampled_from(["LONG", "SHORT"]))
def test_stops_and_targets_stand_on_their_sides(
    price: Decimal, stop: Decimal, target: Decimal, side: messages.Action
) -> None:
    right = stop < price < target if side == "LONG" else target < price < stop

    assert (wrong_with(messages.Signal(side, price, stop, target)) is None) == right


@given(
    value=st.one_of(
        st.sampled_from([Decimal(x) for x in ("NaN", "sNaN", "Infinity", "-Infinity", "0", "-1")]),
        st.decimals(max_value=0, allow_nan=False, allow_infinity=False),
        st.just(Decimal("1e999")),
        st.just(Decimal("1e-999")),
        st.just(Decimal("1." + "1" * 100)),
    ),
    name=st.sampled_from(["price", "stop_loss", "take_profit"]),
)
def test_what_is_no_price_is_refused(value: Decimal, name: str) -> None:
    signal = msgspec.structs.replace(LONG, **{name: value})

    assert wrong_with(signal) is not None


def test_a_stray_stop_does_not_hinder_an_exit() -> None:
    assert wrong_with(messages.Signal("EXIT_LONG", Decimal(100), Decimal(500))) is None


# ---- triggers, hashes, text ----------------------------------------------------------------------


@given(resolution=st.sampled_from(resolutions.RESOLUTIONS), at=st.integers(0, 4_000_000_000_000))
def test_the_next_trigger_follows_without_a_gap(resolution: str, at: int) -> None:
    opened = resolutions.open_of(resolution, at)
    if opened < 0:
        opened = resolutions.close_of(resolution, opened)
    after = resolutions.trigger_open(
        next_trigger(resolution, resolutions.candle_trigger(resolution, opened))
    )

    assert resolutions.sequence(resolution, after) == resolutions.sequence(resolution, opened) + 1


def test_after_a_tick_comes_its_own_candle() -> None:
    assert next_trigger("1m", f"tick:{OPEN}") == f"1m:{OPEN}"
    assert order_of(f"tick:{OPEN}") < order_of(f"1m:{OPEN}")


def test_two_runs_that_agree_hash_alike() -> None:
    other = _with(run="run-0002", n=9, took_us=99, decided_ms=5)

    assert body_hash(other) == body_hash(EXECUTION)
    assert body_hash(_with(outcome="signal", signals=(LONG,))) != body_hash(EXECUTION)
    assert body_hash(_with(state=msgspec.Raw(b"{}"))) != body_hash(EXECUTION)


@given(text=st.text(), at_most=st.integers(1, 50))
def test_a_cleaned_text_moves_no_cursor_and_fits_a_table(text: str, at_most: int) -> None:
    cleaned = clean(text, at_most)

    assert not any(ord(c) < 32 and c not in "\t\n" for c in cleaned)
    assert "\x1b" not in cleaned
    assert len(cleaned) <= at_most * 6


# ---- hello ---------------------------------------------------------------------------------------

PLACE = Place(
    generation=2,
    active_generation=1,
    active_from=f"1m:{OPEN}",
    last_trigger=f"1m:{OPEN + MINUTE}",
    desired="running",
    generation_state="launching",
    code_sha256="c0de",
    is_relieved=True,
    has_warmed=False,
)


def _admit(generation: int = 2, code: str = "c0de", **changes: object) -> Admitted | Refused:
    place = replace(PLACE, **changes)  # type: ignore[arg-type] # a table of changes
    return admit(place, generation, code, "1m", OPEN + 5 * MINUTE + 1)


NEXT = f"1m:{OPEN + 2 * MINUTE}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_admit(), Admitted(NEXT, True, "running")),
        (_admit(desired="paused"), Admitted(NEXT, True, "paused")),
        (_admit(desired="stopped"), Admitted(NEXT, True, "paused")),
        (_admit(active_generation=2), Admitted(f"1m:{OPEN}", False, "running")),
        (_admit(active_generation=2, active_from=None), Admitted(NEXT, True, "running")),
        (
            _admit(active_generation=0, active_from=None, last_trigger=None),
            Admitted(f"1m:{OPEN + 5 * MINUTE}", True, "running"),
        ),
        (_admit(generation=1), Admitted(f"1m:{OPEN}", False, "running")),
        (_admit(is_relieved=False), Admitted(None, False, "running")),
        (_admit(is_relieved=False, has_warmed=True), Admitted(NEXT, True, "running")),
    ],
    ids=[
        "takes over",
        "takes over, paused",
        "takes over, stopping",
        "says hello again",
        "active without a beginning",
        "brand new",
        "the old one goes on until the new one is there",
        "warms up beside the old one",
        "is warm and takes over from the old one",
    ],
)
def test_who_is_welcomed(answer: Admitted | Refused, expected: Admitted) -> None:
    assert answer == expected


@pytest.mark.parametrize(
    "answer",
    [
        _admit(generation=1, active_generation=2),
        _admit(generation_state="ended"),
        _admit(generation_state="cut_off"),
        _admit(code="other"),
    ],
    ids=["older than the active one", "ended", "cut off", "other code"],
)
def test_who_is_not_welcomed(answer: Admitted | Refused) -> None:
    assert isinstance(answer, Refused)


def test_a_launch_that_was_overtaken_is_not_welcomed() -> None:
    place = replace(PLACE, generation=3)

    assert isinstance(admit(place, 2, "c0de", "1m", OPEN), Refused)
