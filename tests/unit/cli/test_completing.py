"""What a shell completes, asked of the shell itself."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_plane.cli.main import app

ASK = (
    '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
    'cd /; _slipway; echo "${COMPREPLY[@]}"'
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "completion.bash"
    file.write_text(CliRunner().invoke(app, ["completion", "bash"]).stdout)
    return file


def offered(script: Path, *words: str) -> list[str]:
    command = ["bash", "--norc", "-c", ASK, "bash", str(script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("slipway", "opti"), ["optimise"]),
        (("slipway", "optimise", "mine", "--method", ""), ["grid", "random", "optuna"]),
        (("slipway", "optimise", "mine", "--fol"), ["--folds"]),
        (("slipway", "strategies", ""), ["upload", "list", "versions", "report", "check"]),
        (("slipway", "check", "mi"), []),
    ],
)
def test_words_are_completed(script: Path, words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(script, *words) == expected


def test_zsh_and_fish_know_every_command() -> None:
    for shell in ("zsh", "fish"):
        said = CliRunner().invoke(app, ["completion", shell]).stdout
        assert all(word in said for word in ("optimise", "folds", "strategies", "upload"))
