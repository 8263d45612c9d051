from pathlib import Path

import pytest

from control_plane.errors import Invalid
from control_plane.settings import load


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLIPWAY_PORT", "eighty"),
        ("SLIPWAY_PORT", "70000"),
        ("SLIPWAY_ROLES", "api,king"),
        ("SLIPWAY_MARKET__SPEED", "0"),
        ("SLIPWAY_DATABASE_URL", "mysql://x"),
        ("SLIPWAY_DATABASE_URL", "nonsense"),
        ("SLIPWAY_REDIS_URL", "http://x"),
        ("SLIPWAY_FAILPOINTS", "nowhere=kill"),
        ("SLIPWAY_FAILPOINTS", "send.after_reply=explode"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid) as refused:
        load()
    assert name in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_a_wrong_url_is_not_repeated_for_it_may_hold_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLIPWAY_DATABASE_URL", "oracle://user:hunter22@host/db")
    with pytest.raises(Invalid) as refused:
        load()
    assert "hunter22" not in str(refused.value)


def test_settings_come_from_an_env_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLIPWAY_PORT=9123\nSLIPWAY_ROLES=api, market\n")
    settings = load()
    assert settings.port == 9123
    assert settings.roles == ("api", "market")


def test_secrets_do_not_show_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_DATABASE_URL", "postgresql://u:hunter22@h/d")
    assert "hunter22" not in repr(load())


def test_a_list_in_a_variable_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_HTTP__HOSTS", "slipway.example, harbour.example")

    assert load().http.hosts == ("slipway.example", "harbour.example")


@pytest.mark.parametrize(
    "url", ["redis://host:6379", "rediss://u:p@host/", "redis://host/0", "unix://u:p@/run/r.sock"]
)
def test_a_redis_is_known_by_its_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_REDIS_URL", url)

    assert load().redis_url is not None


@pytest.mark.parametrize("url", ["redis://host/5", "redis://host?db=5", "unix:///r.sock?db=1"])
def test_a_database_of_redis_that_strategies_cannot_enter_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_REDIS_URL", url)

    with pytest.raises(Invalid, match="SLIPWAY_REDIS_URL is wrong: it must name database 0"):
        load()
