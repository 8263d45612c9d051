"""The real trading code on virtual time: whatever a seed draws, nothing is lost, doubled or left
naked; and with any of the eight rules switched off, something is.
"""

from collections.abc import Iterator

import pytest
from loguru import logger

from tests.simulation.__main__ import run, told
from tests.simulation.mutants import MUTANTS, caught
from tests.simulation.sea import store_of_this_process

HISTORIES = 24  # `make soak` runs as many as one likes


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logger.disable("control_plane")
    yield
    logger.enable("control_plane")


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_history_ends_in_order(seed: int) -> None:
    outcome = run(seed, None)
    assert not outcome.wrong, told(outcome)


@pytest.mark.parametrize("rule", sorted(MUTANTS))
def test_a_rule_that_is_switched_off_is_missed(rule: int) -> None:
    assert caught(rule) is not None, MUTANTS[rule].name


def test_a_quick_database_is_the_product_s_own_in_all_but_speed() -> None:
    """What it remembers is what it would answer, and the history is the same without it."""
    store = store_of_this_process()
    outcomes = []
    for store.way in ("plain", "checked", "quick"):
        outcomes.append([run(seed, None) for seed in (2, 6, 9)])

    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_one_integer_replays_a_history() -> None:
    first, second = run(3, None), run(3, None)
    assert (first.digest, first.steps) == (second.digest, second.steps)
