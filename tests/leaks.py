"""A pytest plugin: the secrets that tests plant are in nothing that the suite leaves behind.

What the factories use as passwords, tokens and keys begins with one mark. Each test's output and
each database and Redis of its own is looked at when it ends, and fails it; the files that all of
them left are looked at when the suite ends, and fail that.

    python -m tests.leaks FOLDER…     looks into folders, such as those of CI's own services
"""

import mmap
import os
import sys
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from tests.canary import MARKS, in_redis, leaked
from tests.services import REDIS_URL

# Where it may be: its sources, wherever they are copied to, and the file that is for the token.
OWN = ("tests/canary.py", "tests/__pycache__/canary.", "/operator.token")
LEAKED = pytest.StashKey[list[str]]()


def in_files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(one in str(path) for one in OWN):
            continue
        if path.stat().st_size and _is_marked(path):
            yield str(path)


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(mark) >= 0 for mark in MARKS)


def _say(line: str) -> None:
    sys.stderr.write(line)  # the one that pytest captures now


# ---- hooks ---------------------------------------------------------------------------------------


def pytest_configure() -> None:
    """Log lines are captured with all of their fields."""
    logger.remove()
    logger.add(_say, format="{level} {name} {message} {extra}", diagnose=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    said = {name: content.encode(errors="replace") for name, content in report.sections}
    if report.passed and leaked(said):
        report.outcome = "failed"
        report.longrepr = f"a planted secret is in what it said: {', '.join(leaked(said))}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return  # whoever started the workers looks into all of their folders
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    found = session.config.stash[LEAKED] = list(in_files(factory.getbasetemp()))
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for place in terminalreporter.config.stash.get(LEAKED, []):
        terminalreporter.write_line(f"a planted secret lies in {place}", red=True)


def main(folders: Iterable[str]) -> int:
    found = [place for folder in folders for place in in_files(Path(folder))]
    redis = os.environ.get(REDIS_URL)
    if redis is not None:
        found += leaked({"Redis": in_redis(redis)})
    for place in found:
        print(f"a planted secret lies in {place}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
