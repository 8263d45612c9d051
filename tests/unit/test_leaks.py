"""The suite's own look for planted secrets finds what is leaked on purpose."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

SUITE = """
import sys
from base64 import b64encode
from loguru import logger
from tests.canary import MARK

def test_says_nothing(tmp_path):
    (tmp_path / "log").write_text("all is well")
    logger.info("all_is_well", user="ann")

def test_says_it_in_a_field_of_a_log_line():
    logger.info("oops", given=f"{MARK} of ann")

def test_says_it_in_another_form():
    print(b64encode(f"ann:{MARK} of ann".encode()).decode())

def test_writes_it_down(tmp_path):
    (tmp_path / "log").write_text(f"password={MARK} of ann")
"""


def test_q6_what_a_suite_says_or_leaves_behind_is_found() -> None:
    with TemporaryDirectory(prefix="slipway-leaks-") as made:  # nothing of it is left behind
        suite = Path(made, "test_it.py")
        suite.write_text(SUITE)
        words = ("pytest", "-p", "tests.leaks", "-p", "no:cacheprovider", "-c", "/dev/null")
        ran = subprocess.run(
            [sys.executable, "-m", *words, "--rootdir", made, f"--basetemp={made}/left", suite],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "2 failed, 2 passed" in ran.stdout
    assert "test_says_nothing" not in ran.stdout.partition("short test summary")[2]
    assert "left/test_writes_it_down0/log" in ran.stdout
    assert "left/test_says_nothing0" not in ran.stdout
