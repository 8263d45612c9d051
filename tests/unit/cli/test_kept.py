import stat
from pathlib import Path

import pytest

from control_plane.cli import kept
from control_plane.cli.kept import Kept
from control_plane.errors import Invalid


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_login_is_kept_for_its_owner_alone() -> None:
    login = Kept("https://slipway.example", "slt_secret")
    kept.keep(login)

    assert kept.read() == login
    assert stat.S_IMODE(kept.file().stat().st_mode) == 0o600
    assert "slt_secret" not in repr(login)
    assert kept.forget()
    assert kept.read() is None


def test_a_broken_file_is_named() -> None:
    kept.keep(Kept("https://slipway.example", "slt_secret"))
    kept.file().write_text("{")

    with pytest.raises(Invalid, match="slipway login"):
        kept.read()


@pytest.mark.parametrize("address", ["https://slipway.example/", "http://127.0.0.1:8000"])
def test_an_address_is_encrypted_or_on_this_machine(address: str) -> None:
    assert kept.checked(address) == address.rstrip("/")


@pytest.mark.parametrize(
    "address", ["http://slipway.example", "ftp://x", "slipway.example", "http://127.0.0.1.evil.io"]
)
def test_a_password_leaves_this_machine_encrypted_or_not_at_all(address: str) -> None:
    with pytest.raises(Invalid, match="https"):
        kept.checked(address)
