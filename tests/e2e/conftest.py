"""One whole installation a test, in a folder of its own: once as processes, once in Docker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.harbour import Harbour


@pytest.fixture(
    params=["process", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.timeout(400)])]
)
def harbour(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Harbour]:
    yield from _harbour(tmp_path, request.param)


@pytest.fixture
def lone_harbour(tmp_path: Path) -> Iterator[Harbour]:
    """For what does not depend on where strategies run."""
    yield from _harbour(tmp_path, "process")


@pytest.fixture
def docker_harbour(tmp_path: Path) -> Iterator[Harbour]:
    """For what only containers can show."""
    yield from _harbour(tmp_path, "docker")


def _harbour(folder: Path, launcher: str) -> Iterator[Harbour]:
    made = Harbour(folder, launcher)
    yield made
    if made.log.exists():
        print(made.tail(60))  # shown if the test failed
    made.end()
