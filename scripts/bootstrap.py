"""Makes .venv and installs into it exactly what a lock names, unless that is what it holds.

`scripts/bootstrap` finds the Python that runs this; it uses the standard library only.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
INSTALLED = VENV / "installed"
"""What the environment was made from, written last: equal to the originals, it is ready."""

LOCKS = {
    "run": ROOT / "images" / "control_plane" / "requirements.txt",
    "test": ROOT / "tests" / "requirements.txt",
}
FITS = {"run": ("run", "test"), "test": ("test",)}
"""The test lock holds the run lock, so an environment made for tests runs the product too."""


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        say(f"usage: scripts/bootstrap {'|'.join(LOCKS)}")
        return 2

    kind = arguments[0]
    if any(is_ready(fitting) for fitting in FITS[kind]):
        return 0

    started = time.monotonic()
    if not (venv_works() or make_venv()):
        return 1

    shutil.rmtree(INSTALLED, ignore_errors=True)
    if not (install_lock(LOCKS[kind]) and install_project()):
        say("the environment is not complete: see the lines above, then run the same command again")
        return 1

    INSTALLED.mkdir(exist_ok=True)
    for name, content in wanted(kind).items():
        (INSTALLED / name).write_text(content)

    say(f"environment ready after {time.monotonic() - started:.0f} s")
    return 0


def is_ready(kind: str) -> bool:
    def holds(name: str, content: str) -> bool:
        path = INSTALLED / name
        return path.is_file() and path.read_text() == content

    return venv_python().exists() and all(holds(*each) for each in wanted(kind).items())


def wanted(kind: str) -> dict[str, str]:
    return {
        f"{kind}.txt": LOCKS[kind].read_text(),
        "pyproject.toml": (ROOT / "pyproject.toml").read_text(),
        "folder": str(ROOT),  # scripts in .venv/bin name it: a moved checkout needs them anew
    }


def venv_python() -> Path:
    return VENV / "bin" / "python"


def venv_works() -> bool:
    """False after its Python was upgraded or removed, or the checkout was moved."""
    made_for = INSTALLED / "folder"
    if not venv_python().exists() or (made_for.is_file() and made_for.read_text() != str(ROOT)):
        return False

    asks = "import pip, sys; print(sys.prefix)"
    answer = subprocess.run(
        [venv_python(), "-c", asks], capture_output=True, text=True, check=False
    )
    return answer.returncode == 0 and answer.stdout.strip() == str(VENV)


def make_venv() -> bool:
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"making .venv with Python {version}")
    shutil.rmtree(VENV, ignore_errors=True)
    return subprocess.run([sys.executable, "-m", "venv", VENV], check=False).returncode == 0


def install_lock(lock: Path) -> bool:
    count = sum("==" in line for line in lock.read_text().splitlines())
    say(f"installing {count} packages from {lock.relative_to(ROOT)}, each checked by its hash")
    # The lock names every one of them, and was solved when it was made.
    options = ("--require-hashes", "--only-binary=:all:", "--no-deps")
    return pip_install(*options, "-r", str(lock), progress=count)


def install_project() -> bool:
    say("installing slipway itself")
    return pip_install("--no-deps", "--no-build-isolation", "-e", str(ROOT))


def pip_install(*arguments: str, progress: int = 0) -> bool:
    """Shows one counter instead of pip's hundred lines, and all of them when it failed."""
    command = [
        str(venv_python()),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]
    lines: list[str] = []
    collected = 0
    with subprocess.Popen(
        [*command, "--progress-bar=off", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    ) as pip:
        for line in pip.stdout or ():
            lines.append(line)
            if progress and line.startswith("Collecting"):
                collected += 1
                show(f"{collected} of at most {progress} fetched")
            elif progress and line.startswith("Installing collected"):
                show("unpacking")

    show("")
    if pip.returncode:
        sys.stderr.writelines(lines[-30:])

    return pip.returncode == 0


def show(state: str) -> None:
    """Progress that overwrites itself, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{state and '         ' + state}", end="", file=sys.stderr, flush=True)


def say(line: str) -> None:
    print(f"slipway: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
