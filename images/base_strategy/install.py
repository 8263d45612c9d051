"""Fills /opt in the build stage of the image; the Dockerfile runs it: its base may have no shell.

The root is read-only when a strategy runs, so no `.pyc` could be written then, and without them a
start takes three times as long: all of it is compiled here, once, unchecked ever after.
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
RUNTIME = Path("/opt/slipway")
NOT_NEEDED = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


def install_dependencies() -> None:
    venv.create(VENV, with_pip=True, symlinks=True)
    pip = [str(VENV / "bin" / "python3"), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    offline = ["--no-index", "--find-links", str(BUILD / "wheels"), "--disable-pip-version-check"]
    locked = ["--require-hashes", "--requirement", str(BUILD / "requirements.txt")]
    subprocess.run([*pip, "--no-compile", *offline, *locked], check=True)
    site = next(VENV.glob("lib/python3*/site-packages"))
    remove([*(site / name for name in NOT_NEEDED), *site.glob("pip-*"), *site.glob("setuptools-*")])
    remove([*(VENV / "bin").glob("pip*"), *site.rglob("tests"), *site.rglob("__pycache__")])
    (site / "slipway.pth").write_text(f"{RUNTIME}\n")
    compile_all(site)


def remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def compile_all(folder: Path) -> None:
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(
        folder, quiet=1, workers=os.cpu_count() or 1, invalidation_mode=mode
    ):
        sys.exit(f"{folder} does not compile")


if __name__ == "__main__":
    if sys.argv[1] == "dependencies":
        install_dependencies()
    else:
        compile_all(RUNTIME)
