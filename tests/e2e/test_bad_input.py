"""What is wrong is said in one sentence that names it, with a status that is not zero."""

import socket
import subprocess

import pytest

from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.e2e, pytest.mark.redis]


def refused(harbour: Harbour, *arguments: str) -> str:
    answer = harbour.command(*arguments, seconds=40)
    assert answer.returncode not in {0, -9}, answer.stdout
    said = answer.stderr.strip()
    assert "Traceback" not in said + answer.stdout
    sentences = [line for line in said.splitlines() if line.startswith("slipway: ")]
    assert len(sentences) == 1, said
    return sentences[0]


def test_a_taken_port(harbour: Harbour) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", harbour.port))
        other.listen()
        said = refused(harbour, "up")
    assert str(harbour.port) in said
    assert "SLIPWAY_PORT" in said


@pytest.mark.parametrize(
    "url", ["mysql://a@b/c", "nonsense", "postgresql://nobody@127.0.0.1:1/nothing"]
)
def test_a_wrong_database_url(harbour: Harbour, url: str) -> None:
    harbour.settings["SLIPWAY_DATABASE_URL"] = url
    assert "SLIPWAY_DATABASE_URL" in refused(harbour, "up")


def test_a_redis_that_is_not_there(harbour: Harbour) -> None:
    harbour.settings["SLIPWAY_REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert "SLIPWAY_REDIS_URL" in refused(harbour, "up")


def test_a_data_folder_that_cannot_be_written(harbour: Harbour) -> None:
    # A file where a folder should be stops even root, whom permissions do not.
    harbour.data_dir.write_text("in the way")
    assert "SLIPWAY_DATA_DIR" in refused(harbour, "up")
    harbour.data_dir.unlink()


async def test_a_second_start_on_the_same_folder(harbour: Harbour) -> None:
    harbour.start("up")
    await harbour.ready()
    harbour.settings["SLIPWAY_PORT"] = "0"
    said = refused(harbour, "up")
    assert "already runs" in said
    assert str(harbour.process.pid if harbour.process else "") in said


def test_an_unreachable_engine(harbour: Harbour) -> None:
    harbour.settings["SLIPWAY_FLEET__LAUNCHER"] = "docker"
    harbour.settings["SLIPWAY_FLEET__DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    assert "engine" in refused(harbour, "up").lower()


def test_nobody_runs_here(harbour: Harbour) -> None:
    assert "up" in refused(harbour, "status")


async def test_a_strategy_that_does_not_parse(harbour: Harbour) -> None:
    harbour.start("up")
    await harbour.ready()
    broken = harbour.folder / "broken.py"
    broken.write_text(
        "from strategy_runtime import BaseStrategy\nclass A(BaseStrategy:\n    pass\n"
    )

    answer = harbour.command("upload", str(broken))
    assert answer.returncode != 0
    assert "2" in answer.stderr + answer.stdout, "the line"
    assert "Traceback" not in answer.stderr


def test_the_help_is_quick_and_names_the_commands(harbour: Harbour) -> None:
    answer = harbour.command("--help")
    assert answer.returncode == 0
    for name in ("up", "demo", "status", "images"):
        assert name in answer.stdout


def test_an_option_that_is_no_number(harbour: Harbour) -> None:
    answer: subprocess.CompletedProcess[str] = harbour.command("up", "--port", "eighty")
    assert answer.returncode != 0
    assert "port" in answer.stderr
