"""`slipway run --paper` as a process, while its author saves the file."""

import subprocess
import sys
from pathlib import Path

from tests.unit.cli.test_paper import CODE, folder

__all__ = ["folder"]


def test_a_running_one_hears_of_a_save(folder: Path) -> None:
    script = "from control_plane.cli.main import run; run()"
    words = ["run", str(folder), "--paper", "--speed", "1200"]  # twenty candles a second
    process = subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline()
        (folder / "strategy.py").write_text(CODE.replace("one", "two"))
        said = [process.stdout.readline() for _ in range(200)]
        until = next(n for n, line in enumerate(said) if line == "reloaded\n")
        assert any("info: two" in line for line in said[until:])
        assert not any("info: one" in line for line in said[until:])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
