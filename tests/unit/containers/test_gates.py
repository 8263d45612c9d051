"""Which versions are said to be weak."""

import pytest

from control_plane.containers.gates import of_redis, of_runc, runc_version


@pytest.mark.parametrize("version", ["1.2.8", "1.2.9", "1.3.3", "1.4.0", "2.0.0", "v1.3.4"])
def test_a_mended_runc_is_not_worth_a_word(version: str) -> None:
    assert of_runc(version) is None


@pytest.mark.parametrize("version", ["1.1.5+ds1", "1.2.7", "1.3.2", "1.0.0-rc93", "", "unknown"])
def test_an_old_runc_is_told_with_what_to_use(version: str) -> None:
    told = of_runc(version)

    assert told is not None
    assert "use 1.2.8 or 1.3.3 or newer" in told


@pytest.mark.parametrize("version", ["6.2.20", "7.2.11", "7.4.7", "8.0.4", "8.2.2", "8.4.0"])
def test_a_mended_redis_is_not_worth_a_word(version: str) -> None:
    assert of_redis({"redis_version": version}) is None


@pytest.mark.parametrize("version", ["6.2.19", "7.0.15", "7.2.10", "8.0.3", "8.1.0", "8.2.1"])
def test_an_old_redis_is_told(version: str) -> None:
    assert str(of_redis({"redis_version": version})).startswith(f"Redis {version} may have")


def test_valkey_goes_by_its_own_number() -> None:
    assert of_redis({"redis_version": "7.2.4", "valkey_version": "9.1.2"}) is None
    told = of_redis({"redis_version": "7.2.4", "valkey_version": "8.1.3"})
    assert str(told).startswith("Valkey 8.1.3 may have")


def test_an_engine_says_which_runc_it_has() -> None:
    said = {
        "Components": [{"Name": "Engine", "Version": "20.10"}, {"Name": "runc", "Version": "1"}]
    }

    assert runc_version(said) == "1"
    assert runc_version({}) == ""
