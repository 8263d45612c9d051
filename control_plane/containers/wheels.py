"""Wheels for the Python of an image, fetched by the Python of this process.

The two need not be the same version: the image's lock has no conditions, so what remains is to tell
pip which tags to look for.
"""

import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from control_plane.errors import Unavailable

GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
"""What Debian 12 and anything newer can load."""


class WheelsMissing(Unavailable):
    pass


@dataclass(frozen=True)
class Python:
    version: tuple[int, ...]
    machine: str

    @property
    def text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def tag(self) -> str:
        return f"cp{self.version[0]}{self.version[1]}-{self.machine}"


def python_here() -> Python:
    return Python(sys.version_info[:3], platform.machine())


def wheels_for(python: Python, lock: Path, folder: Path) -> Path:
    """The folder that holds them: `folder`, filled all at once or not at all."""
    if folder.is_dir():
        return folder

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as unfinished:
        made = Path(unfinished) / "wheels"
        download(python, lock, made)
        made.rename(folder)

    return folder


def download(python: Python, lock: Path, into: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--retries=1"]
    locked = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", str(lock)]
    done = subprocess.run(  # noqa: S603 # our own interpreter, a lock of ours
        [*command, *locked, *tags(python), "--dest", str(into)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WheelsMissing(
            f"The wheels for Python {python.text} could not be fetched: {last_line(done.stderr)}.",
            remedy="Check that pip on this machine reaches a package index.",
        )


def tags(python: Python) -> list[str]:
    here = python_here()
    if python.tag == here.tag:
        return []

    version = ".".join(map(str, python.version[:2]))
    abis = [f"cp{python.version[0]}{python.version[1]}", "abi3", "none"]
    return [
        *("--python-version", version, "--implementation", "cp"),
        *(f"--abi={abi}" for abi in abis),
        *(f"--platform={glibc}_{python.machine}" for glibc in GLIBC),
    ]


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it said nothing"
