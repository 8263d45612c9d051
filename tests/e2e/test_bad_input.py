"""What is wrong is said in one sentence that names it, with a status that is not zero."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.e2e, pytest.mark.redis]

TEMPLATES = Path(__file__).resolve().parents[2] / "strategy_templates"


def refused(harbour: Harbour, *arguments: str) -> str:
    answer = harbour.command(*arguments, seconds=40)
    assert answer.returncode not in {0, -9}, answer.stdout
    said = answer.stderr.strip()
    assert "Traceback" not in said + answer.stdout
    sentences = [line for line in said.splitlines() if line.startswith("slipway: ")]
    assert len(sentences) == 1, said
    return sentences[0]


def test_a_taken_port(lone_harbour: Harbour) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", lone_harbour.port))
        other.listen()
        said = refused(lone_harbour, "up")
    assert str(lone_harbour.port) in said
    assert "SLIPWAY_PORT" in said


@pytest.mark.parametrize(
    "url", ["mysql://a@b/c", "nonsense", "postgresql://nobody@127.0.0.1:1/nothing"]
)
def test_a_wrong_database_url(lone_harbour: Harbour, url: str) -> None:
    lone_harbour.settings["SLIPWAY_DATABASE_URL"] = url
    assert "SLIPWAY_DATABASE_URL" in refused(lone_harbour, "up")


def test_a_redis_that_is_not_there(lone_harbour: Harbour) -> None:
    lone_harbour.settings["SLIPWAY_REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert "SLIPWAY_REDIS_URL" in refused(lone_harbour, "up")


def test_a_data_folder_that_cannot_be_written(lone_harbour: Harbour) -> None:
    # A file where a folder should be stops even root, whom permissions do not.
    lone_harbour.data_dir.write_text("in the way")
    assert "SLIPWAY_DATA_DIR" in refused(lone_harbour, "up")
    lone_harbour.data_dir.unlink()


async def test_a_second_start_on_the_same_folder(lone_harbour: Harbour) -> None:
    lone_harbour.start("up")
    await lone_harbour.ready()
    lone_harbour.settings["SLIPWAY_PORT"] = "0"
    said = refused(lone_harbour, "up")
    assert "already runs" in said
    assert str(lone_harbour.process.pid if lone_harbour.process else "") in said


def test_an_unreachable_engine(lone_harbour: Harbour) -> None:
    lone_harbour.settings["SLIPWAY_FLEET__LAUNCHER"] = "docker"
    lone_harbour.settings["SLIPWAY_FLEET__DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    assert "engine" in refused(lone_harbour, "up").lower()


def test_nobody_runs_here(lone_harbour: Harbour) -> None:
    assert "up" in refused(lone_harbour, "status")


async def test_a_strategy_that_does_not_parse_and_an_unknown_instrument(
    lone_harbour: Harbour,
) -> None:
    lone_harbour.start("up")
    await lone_harbour.ready()
    broken = lone_harbour.folder / "broken.py"
    broken.write_text(
        "from strategy_runtime import BaseStrategy\nclass A(BaseStrategy:\n    pass\n"
    )

    answer = lone_harbour.command("upload", str(broken))
    assert answer.returncode != 0
    assert "2" in answer.stderr + answer.stdout, "the line"
    assert "Traceback" not in answer.stderr

    template = str(TEMPLATES / "sma_cross" / "strategy.py")
    assert lone_harbour.command("upload", template, "--name", "sound").returncode == 0
    assert "NOPEINR" in refused(lone_harbour, "deploy", "sound", "--instrument", "NOPEINR")
    ambiguous = refused(lone_harbour, "deploy", "sound", "--instrument", "BTCUSDT")
    assert "spot:B-BTC_USDT" in ambiguous
    assert "fut:B-BTC_USDT" in ambiguous


def test_the_help_is_quick_and_names_the_commands(lone_harbour: Harbour) -> None:
    answer = lone_harbour.command("--help")
    assert answer.returncode == 0
    for name in ("up", "demo", "status", "images"):
        assert name in answer.stdout


def test_an_option_that_is_no_number(lone_harbour: Harbour) -> None:
    answer: subprocess.CompletedProcess[str] = lone_harbour.command("up", "--port", "eighty")
    assert answer.returncode != 0
    assert "port" in answer.stderr
