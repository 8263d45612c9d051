"""What a job's process takes from its environment, and leaves nothing of."""

import pytest

from strategy_runtime import wire
from strategy_runtime.jobs.main import read_launch
from strategy_runtime.launch import Refused

ENVIRONMENT = {
    "SLIPWAY_BUS_URL": "rediss://job-jb1:secret@redis:6379/0",
    "SLIPWAY_BUS_CA": "-----BEGIN CERTIFICATE-----",
    "SLIPWAY_JOB": "jb1",
    "SLIPWAY_BOOT_SHA256": "AB",
    "SLIPWAY_CANDLES": "/run/candles/x.candles",
    "SLIPWAY_TIME_SCALE": "0.5",
}


def test_it_takes_everything_out_of_the_environment() -> None:
    environment = {**ENVIRONMENT, "OTHER": "stays"}

    launch = read_launch(environment)

    assert environment == {"OTHER": "stays"}
    assert (launch.job, launch.boot_sha256, launch.time_scale) == ("jb1", "ab", 0.5)
    assert launch.address.authority == "-----BEGIN CERTIFICATE-----"
    assert "secret" not in repr(launch)


@pytest.mark.parametrize("name", ["SLIPWAY_BUS_URL", "SLIPWAY_JOB", "SLIPWAY_CANDLES"])
def test_what_is_missing_is_named(name: str) -> None:
    lacking = {key: value for key, value in ENVIRONMENT.items() if key != name}

    with pytest.raises(Refused, match=name):
        read_launch(lacking)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SLIPWAY_TIME_SCALE", "0", "it must be above zero"),
        ("SLIPWAY_TIME_SCALE", "nan", "it must be above zero"),
        ("SLIPWAY_TIME_SCALE", "soon", "no number"),
        ("SLIPWAY_BUS_URL", "http://redis", "the bus URL must read"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(Refused, match=f"^{name}.*{said}") as refused:
        read_launch({**ENVIRONMENT, name: value})

    assert refused.value.code == wire.EXIT_ENVIRONMENT
