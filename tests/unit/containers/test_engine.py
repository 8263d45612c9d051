"""Which words an engine is spoken to in."""

import pytest

from control_plane.containers.docker.engine import NEWEST, spoken


@pytest.mark.parametrize(
    ("theirs", "agreed"), [("1.41", "1.41"), ("1.9", "1.9"), (NEWEST, NEWEST), ("1.99", NEWEST)]
)
def test_the_newest_version_that_both_know_is_spoken(theirs: str, agreed: str) -> None:
    assert spoken(theirs) == agreed
