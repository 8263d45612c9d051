import hashlib

import pytest
from msgspec import Raw
from msgspec.structs import replace

from strategy_runtime import wire
from strategy_runtime.feeds.resp import Address, parse_address
from strategy_runtime.launch import Refused
from strategy_runtime.main import Launch, check_boot, read_launch, setting_of
from strategy_runtime.wire.messages import Boot, encode

CODE = "x = 1\n"
BOOT = Boot(
    deployment="dp1",
    generation=3,
    code=CODE,
    code_sha256=hashlib.sha256(CODE.encode()).hexdigest(),
    instrument="fut:B-BTC_USDT",
    resolution="5m",
    parameters={"fast": Raw(b"10"), "mode": Raw(b'"calm"')},
)


def launch_of(payload: bytes) -> Launch:
    digest = hashlib.sha256(payload).hexdigest()
    return Launch(Address(path="/x"), "dp1", 3, digest, 1.0)


def test_the_environment_is_read_and_emptied() -> None:
    environment = {
        "HOME": "/",
        wire.ENV_BUS_URL: "unix://u:p@/s.sock",
        wire.ENV_DEPLOYMENT: "dp1",
        wire.ENV_GENERATION: "3",
        wire.ENV_BOOT_SHA256: "AB",
    }

    assert read_launch(environment) == Launch(
        Address(path="/s.sock", user="u", password="p"), "dp1", 3, "ab", 1.0
    )
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("unix:///s.sock", Address(path="/s.sock")),
        ("unix://u:a%2Fb%40@/s.sock", Address(path="/s.sock", user="u", password="a/b@")),
        ("redis://u:p@bus:6380", Address(host="bus", port=6380, user="u", password="p")),
        ("redis://bus", Address(host="bus")),
        ("rediss://:p@bus", Address(host="bus", password="p", tls=True)),
    ],
)
def test_a_bus_url_is_understood(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize("url", ["", "unix://", "http://x", "redis://", "s.sock"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the bus URL must read"):
        parse_address(url)


def test_an_address_hides_its_password() -> None:
    assert "p4ss" not in repr(parse_address("redis://u:p4ss@bus"))


def test_the_payload_that_was_launched_is_run() -> None:
    payload = encode(BOOT)

    assert check_boot(payload, launch_of(payload)) == BOOT


def test_parameters_come_out_as_values() -> None:
    assert setting_of(BOOT).parameters == {"fast": 10, "mode": "calm"}


@pytest.mark.parametrize(
    ("boot", "sentence"),
    [
        (replace(BOOT, generation=4), "the launch payload is for dp1:4"),
        (replace(BOOT, deployment="dp2"), "the launch payload is for dp2:3"),
        (replace(BOOT, resolution="7m"), "at '7m'"),
        (replace(BOOT, v=2), "version 2: not run"),
        (replace(BOOT, code="y = 2\n"), "the code is not the one"),
    ],
)
def test_a_payload_that_is_not_ours_is_refused(boot: Boot, sentence: str) -> None:
    payload = encode(boot)

    with pytest.raises(Refused, match=sentence) as refused:
        check_boot(payload, launch_of(payload))
    assert refused.value.code == wire.EXIT_BOOT


def test_a_payload_that_is_no_message_is_refused() -> None:
    with pytest.raises(Refused, match="cannot be understood"):
        check_boot(b"{}", launch_of(b"{}"))
