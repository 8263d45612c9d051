"""The program itself is out of the collector's way; what comes later is not."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from control_plane.infra import collector


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


class Knot:
    def __init__(self) -> None:
        self.itself = self


def test_what_stands_is_frozen_and_what_comes_later_is_collected() -> None:
    collector.settle()
    assert gc.get_freeze_count() > 0
    later = weakref.ref(Knot())
    gc.collect()
    assert later() is None
