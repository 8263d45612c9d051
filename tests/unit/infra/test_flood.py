"""A flood is cut, an honest sender never: not even after we stood still."""

from hypothesis import given
from hypothesis import strategies as st

from control_plane.infra.flood import Allowance, FloodGauge
from strategy_runtime import wire


def _first_refusal(gauge: FloodGauge, arrivals: list[float], size: int = 100) -> float | None:
    return next((at for at in arrivals if not gauge.bears(at, frames=1, size=size)), None)


def _paced(seconds: float) -> list[float]:
    """What the harness may send at most: a burst, then its even pace."""
    burst = [0.0] * wire.PACE_BURST
    return burst + [
        k / wire.PACE_FRAMES_PER_SECOND
        for k in range(1, int(seconds * wire.PACE_FRAMES_PER_SECOND))
    ]


def test_an_honest_pace_is_never_a_flood() -> None:
    assert _first_refusal(FloodGauge(), _paced(60)) is None


def test_an_honest_pace_of_large_frames_is_never_a_flood() -> None:
    gauge = FloodGauge()
    size = 64_000
    arrivals = [0.0, 0.0] + [k * size / wire.PACE_BYTES_PER_SECOND for k in range(1, 200)]

    assert _first_refusal(gauge, arrivals, size) is None


def test_twice_the_rate_is_cut_within_half_a_second() -> None:
    refused = _first_refusal(FloodGauge(), [k / 100 for k in range(1_000)])

    assert refused is not None
    assert refused <= 0.5


def test_full_speed_is_cut_after_a_handful_of_frames() -> None:
    refused = _first_refusal(FloodGauge(), [k / 100_000 for k in range(1_000)])

    assert refused is not None
    assert refused < 0.001


def test_a_megabyte_a_second_is_cut_whatever_its_frames() -> None:
    refused = _first_refusal(FloodGauge(), [k * 0.03 for k in range(1_000)], size=60_000)

    assert refused is not None
    assert refused < 0.6


@given(
    stall=st.floats(0.0, 60.0),
    before=st.floats(0.0, 5.0),
    chunks=st.integers(1, 40),
)
def test_what_piled_up_while_we_stood_still_is_forgiven(
    stall: float, before: float, chunks: int
) -> None:
    """All that an honest sender sent before and during a stall arrives at its end, in some
    chunks.
    """
    gauge = FloodGauge()
    arrivals = _paced(before + stall + 5)
    for at in (at for at in arrivals if at < before):
        assert gauge.bears(at, frames=1, size=100)

    resumed = before + stall
    piled = [at for at in arrivals if before <= at < resumed]
    for part in range(chunks):
        some = len(piled[part::chunks])
        assert gauge.bears(resumed + part * 0.001, frames=some, size=100 * some, stalled=stall)

    for at in (at for at in arrivals if at >= resumed + 0.05):
        assert gauge.bears(at, frames=1, size=100)


@given(stall=st.floats(0.0, 30.0))
def test_forgiveness_is_no_licence(stall: float) -> None:
    """A sender that goes on at full speed after our stall is cut after what the stall was worth."""
    gauge = FloodGauge()
    taken = 0
    while gauge.bears(100.0, frames=1, size=100, stalled=stall):
        taken += 1

    assert taken <= (stall + wire.FLOOD_WINDOW_SECONDS) * wire.FLOOD_FRAMES_PER_SECOND + 1


def test_an_allowance_gives_its_burst_and_then_its_rate() -> None:
    allowance = Allowance(per_second=2, burst=3)

    taken = [allowance.take(at) for at in (0.0, 0.0, 0.0, 0.0, 0.5, 0.5)]

    assert taken == [True, True, True, False, True, False]
