"""One whole installation a test, in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.harbour import Harbour


@pytest.fixture
def harbour(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Harbour]:
    made = Harbour(tmp_path, {"SLIPWAY_FLEET__LAUNCHER": "process"})
    yield made
    if request.session.testsfailed and made.log.exists():
        print(made.tail(80))
    made.end()
