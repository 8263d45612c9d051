"""The scan finds what was leaked on purpose, in each of its clothes."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from tests.canary import leaks

SECRET = b"canary-7f3a/91+c2 word"


@pytest.mark.parametrize(
    "leaked",
    [
        b"password=" + SECRET,
        b"x" * 70_000 + SECRET + b"y",
        SECRET.hex().encode(),
        quote(SECRET.decode()).encode(),
        json.dumps({"error": SECRET.decode()}).encode(),
        *[b64encode(b"a" * n + SECRET + b"tail") for n in range(5)],
        b64encode(b"ann@example.com:" + SECRET),
        SECRET.decode().encode("utf-16-le"),
    ],
)
def test_q6_a_secret_that_was_leaked_is_found(leaked: bytes) -> None:
    assert leaks({"password": SECRET}, {"log": leaked}, {})


def test_a_secret_in_its_own_place_is_no_leak() -> None:
    places = {"data/operator.token": SECRET, "log": b"nothing", "letters/1.eml": SECRET}

    found = leaks({"token": SECRET}, places, {"token": ("data/operator.token",)})

    assert {one.place for one in found} == {"letters/1.eml"}


def test_what_is_not_there_is_not_found() -> None:
    assert leaks({"password": SECRET}, {"log": b"canary-7f3a " * 1000}, {}) == []
