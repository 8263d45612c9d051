"""The locks are what a fresh machine gets: complete, hashed, and free of any index's address."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "images" / "control_plane" / "requirements.txt"
TEST = ROOT / "tests" / "requirements.txt"
IMAGE = ROOT / "images" / "base_strategy" / "requirements.txt"
LOCKS = [RUN, TEST, IMAGE]

PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def pins(lock: Path) -> set[tuple[str, str]]:
    return set(PINNED.findall(lock.read_text()))


def names(requirements: list[str]) -> set[str]:
    heads = (re.split(r"[\[<>=;~! ]", each, maxsplit=1)[0] for each in requirements)
    return {re.sub(r"[-_.]+", "-", head).lower() for head in heads}


def project() -> dict[str, dict[str, list[str]]]:
    described: dict[str, dict[str, list[str]]] = tomllib.loads(
        (ROOT / "pyproject.toml").read_text()
    )["project"]
    return described


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_a_lock_names_no_index(lock: Path) -> None:
    assert not re.search(
        r"https?://|^--(extra-)?index|^--find-links|file:", lock.read_text(), re.MULTILINE
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_every_pin_of_a_lock_carries_a_hash(lock: Path) -> None:
    blocks = re.split(r"^(?=[a-z0-9-]+==)", lock.read_text(), flags=re.MULTILINE)[1:]

    assert blocks
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_run_lock_holds_every_dependency_of_the_project() -> None:
    described = project()
    wanted = names([*described["dependencies"], *described["optional-dependencies"]["build"]])

    assert wanted <= {name for name, _ in pins(RUN)}


def test_the_test_lock_holds_the_test_dependencies_and_all_of_the_run_lock() -> None:
    wanted = names(project()["optional-dependencies"]["test"])

    assert wanted <= {name for name, _ in pins(TEST)}
    assert pins(RUN) <= pins(TEST)


def test_the_image_lock_holds_what_it_was_made_from() -> None:
    source = (IMAGE.parent / "requirements.in").read_text().splitlines()
    wanted = names([line for line in source if line and not line.startswith("#")])

    assert wanted <= {name for name, _ in pins(IMAGE)}


def test_the_image_lock_has_no_conditions_for_its_python_is_not_the_one_that_fetches() -> None:
    assert ";" not in IMAGE.read_text()
