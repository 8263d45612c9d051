import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_plane.cli.main import app, run
from control_plane.cli.voyage import templates
from control_plane.errors import Unavailable
from control_plane.infra.supervisor import LoopFailed

HEAVY = ("fastapi", "sqlalchemy", "redis", "httpx", "docker", "numpy", "uvicorn")


def _slipway(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["slipway", *arguments])
    run()


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("slipway ")


def test_every_command_explains_itself() -> None:
    for command in app.registered_commands:
        assert command.name is not None or command.callback is not None
        assert command.help or (command.callback and command.callback.__doc__)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['slipway', '--help']\n"
        "from control_plane.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"


def test_where_no_slipway_runs_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _slipway("--data-dir", str(tmp_path), "status", monkeypatch=monkeypatch)

    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("slipway: No Slipway runs on")
    assert error.count("\n") == 1


def test_a_file_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _slipway("strategies", "upload", str(tmp_path / "none.py"), monkeypatch=monkeypatch)

    assert "There is no file" in capsys.readouterr().err


def test_a_wrong_setting_is_one_sentence_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLIPWAY_PORT", "eighty")

    with pytest.raises(SystemExit):
        _slipway("up", monkeypatch=monkeypatch)

    assert "SLIPWAY_PORT" in capsys.readouterr().err


def test_the_demo_finds_the_shipped_strategies() -> None:
    found = {template.name for template in templates()}

    assert {"sma_cross", "rsi_reversion", "donchian_trend"} <= found


def test_what_ends_a_process_is_said_in_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        inner = ExceptionGroup("tasks", [LoopFailed("feed failed 5 times within 60 s")])
        raise ExceptionGroup("process", [inner, Unavailable("Redis does not answer.")])

    with pytest.raises(SystemExit) as ended:
        run(fail)

    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        "slipway: feed failed 5 times within 60 s. Its log says why; starting again recovers it.",
        "slipway: Redis does not answer.",
    ]
