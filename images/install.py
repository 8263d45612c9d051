"""Fills /opt in the build stage of our images; the Dockerfiles run it: a base may have no shell.

A strategy's root is read-only when it runs, so no `.pyc` could be written then, and without them a
start takes three times as long: all of it is compiled here, once, and unchecked ever after.
"""

import compileall
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from py_compile import PycInvalidationMode

BUILD = Path("/build")
VENV = Path("/opt/venv")
SOURCES = Path("/opt/slipway")
NOT_NEEDED = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


def dependencies() -> None:
    """What the lock names: from the wheels that came with the context, else from an index."""
    venv.create(VENV, with_pip=True, symlinks=True)
    offline = ["--no-index", "--find-links", str(BUILD)] if any(BUILD.glob("*.whl")) else []
    pip("--require-hashes", "--requirement", str(BUILD / "requirements.txt"), *offline)
    remove([*site().rglob("tests"), *site().rglob("__pycache__")])
    (site() / "slipway.pth").write_text(f"{SOURCES}\n")
    compile_all(site())


def project() -> None:
    """The control plane's own command, beside its sources, and its empty data folder."""
    (BUILD / "data").mkdir()
    pip("--no-deps", "--no-index", "--no-build-isolation", "--editable", str(SOURCES))


def finish() -> None:
    remove([*(site() / name for name in NOT_NEEDED), *(VENV / "bin").glob("pip*")])
    remove([*site().glob("pip-*"), *site().glob("setuptools-*")])
    compile_all(SOURCES)


def site() -> Path:
    return next(VENV.glob("lib/python3*/site-packages"))


def pip(*arguments: str) -> None:
    command = [str(VENV / "bin" / "python3"), "-m", "pip", "install", "--quiet", "--no-compile"]
    quiet = ["--no-cache-dir", "--disable-pip-version-check", "--root-user-action", "ignore"]
    subprocess.run([*command, *quiet, *arguments], check=True)


def remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def compile_all(folder: Path) -> None:
    unchecked = PycInvalidationMode.UNCHECKED_HASH
    cores = os.cpu_count() or 1
    if not compileall.compile_dir(folder, quiet=1, workers=cores, invalidation_mode=unchecked):
        sys.exit(f"{folder} does not compile")


if __name__ == "__main__":
    for step in sys.argv[1:]:
        {"dependencies": dependencies, "project": project, "finish": finish}[step]()
