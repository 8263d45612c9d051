"""The second factor's codes, against the figures of RFC 6238."""

import pytest

from control_plane.sessions.models.totp import code, matching_step, step_at

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, digits: str) -> None:
    assert code(SECRET, step_at(seconds)) == digits


def test_a_clock_may_be_half_a_minute_off_and_no_more() -> None:
    step = 1_000
    now = step * 30

    assert [
        matching_step(SECRET, code(SECRET, step + off), now, after=0) is not None
        for off in (-2, -1, 0, 1, 2)
    ] == [False, True, True, True, False]


def test_a_used_code_is_no_code() -> None:
    assert matching_step(SECRET, code(SECRET, 1_000), 30_000, after=1_000) is None
