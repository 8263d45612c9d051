"""What a newcomer meets who lacks something, or everything is there already."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NEEDED = ("dirname", "id", "sh")


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH without apt-get or any Python."""
    for name in NEEDED:
        (tmp_path / name).symlink_to(str(shutil.which(name)))

    return str(tmp_path)


def bootstrap(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "bootstrap", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_machine_without_python_is_told_in_one_sentence(bare_path: str) -> None:
    answer = bootstrap("run", PATH=bare_path, PYTHON="/nowhere/python3")

    assert answer.returncode == 1
    assert answer.stderr == (
        "slipway: Python 3.11 or newer is missing. On Debian: apt-get install -y python3-venv\n"
    )


def test_a_python_without_venv_is_told_from_none(bare_path: str, tmp_path: Path) -> None:
    # It runs the check of its version and fails that of its modules.
    half = tmp_path / "half"
    half.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\n')
    half.chmod(0o755)

    answer = bootstrap("run", PATH=bare_path, PYTHON=str(half))

    assert answer.returncode == 1
    assert answer.stderr == (
        "slipway: Python's venv module is missing. On Debian: apt-get install -y python3-venv\n"
    )


def test_what_it_does_not_know_it_refuses() -> None:
    answer = bootstrap("everything")

    assert answer.returncode == 2
    assert answer.stderr == "slipway: usage: scripts/bootstrap run|test\n"


@pytest.mark.made
def test_an_environment_that_is_ready_costs_nothing_and_says_nothing() -> None:
    answer = bootstrap("test")

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
