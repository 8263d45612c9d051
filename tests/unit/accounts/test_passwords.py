import pytest

from control_plane.accounts.errors import WeakPassword
from control_plane.accounts.models import Guesses, Throttle, check_password

GUESSED = (
    "short", "x" * 129, "a" * 12, "abababababab", "abcabcabcabc", "password1234", "Password123!",
    "P@ssw0rd2024!!", "qwertyuiop123", "1qaz2wsx3edc", "!@#$%^&*()!@", "letmein12345",
    "iloveyou1234", "Summer2024Summer", "passwordpassword", "0123456789ab", "zyxwvutsrqpo",
    "AdministratoR1", "Slipway2026!", "trustno1trust",
)  # fmt: skip
OF_THE_ADDRESS = (
    "my-admin-password",
    "the harbour of svensson",
    "ANNIKA before dawn",
    "at coastline.se",
)


@pytest.mark.parametrize("password", GUESSED)
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        check_password(password, "bo@example.com")

    assert refused.value.field == "new_password"


@pytest.mark.parametrize("password", OF_THE_ADDRESS)
def test_a_password_has_no_part_of_the_address_in_it(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(password, "annika.svensson+admin@coastline.se")


@pytest.mark.parametrize(
    "password",
    [
        "quiet harbour before dawn",
        "four quiet words here",
        "correct horse battery",
        "london bridge is down",
        "x7!kQ9#mLp2$",
        "tr0ub4dor&3xyz",
    ],
)
def test_a_few_words_in_a_row_are_a_good_password(password: str) -> None:
    check_password(password, "bo@example.com")


def test_two_failures_cost_nothing() -> None:
    throttle = Throttle()
    for _ in range(2):
        throttle.failed("ann", 0.0)

    assert throttle.wait_seconds("ann", 0.0) == 0.0


@pytest.mark.attack("T1")
def test_from_the_third_failure_each_doubles_the_wait() -> None:
    throttle = Throttle()
    waits = []
    for _ in range(8):
        throttle.failed("ann", 0.0)
        waits.append(throttle.wait_seconds("ann", 0.0))

    assert waits[2:] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


@pytest.mark.attack("T1")
def test_a_wait_never_exceeds_a_quarter_of_an_hour() -> None:
    throttle = Throttle()
    for _ in range(50):
        throttle.failed("ann", 0.0)

    assert throttle.wait_seconds("ann", 0.0) == 900.0


def test_a_wait_passes_and_a_success_ends_the_count() -> None:
    throttle = Throttle()
    for _ in range(3):
        throttle.failed("ann", 10.0)

    assert throttle.wait_seconds("ann", 10.5) == 0.5
    assert throttle.wait_seconds("ann", 11.0) == 0.0
    throttle.succeeded("ann")
    throttle.failed("ann", 12.0)
    assert throttle.wait_seconds("ann", 12.0) == 0.0


@pytest.mark.attack("T2")
def test_one_who_fails_delays_nobody_else() -> None:
    throttle = Throttle()
    for _ in range(9):
        throttle.failed("ann", 0.0)

    assert throttle.wait_seconds("bob", 0.0) == 0.0


def test_failures_of_an_hour_ago_are_forgotten() -> None:
    throttle = Throttle()
    for _ in range(9):
        throttle.failed("ann", 0.0)
    throttle.failed("ann", 3601.0)

    assert throttle.wait_seconds("ann", 3601.0) == 0.0


@pytest.mark.attack("T2")
def test_guesses_from_many_networks_slow_an_account_down_and_lock_nobody_out() -> None:
    guesses = Guesses()
    for number in range(10_000):
        guesses.failed("ann@example.com", f"10.{number >> 8}.{number & 255}", 0.0)

    assert guesses.wait_seconds("ann@example.com", "192.168.1", 0.0) == 30.0
    assert guesses.wait_seconds("bob@example.com", "192.168.1", 0.0) == 0.0


def test_guesses_at_many_accounts_slow_a_network_down() -> None:
    guesses = Guesses()
    for number in range(100):
        guesses.failed(f"user{number}@example.com", "10.0.0", 0.0)

    assert guesses.wait_seconds("ann@example.com", "10.0.0", 0.0) == 30.0
    assert guesses.wait_seconds("ann@example.com", "10.0.1", 0.0) == 0.0
