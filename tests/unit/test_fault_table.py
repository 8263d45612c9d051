"""Every row of the fault catalogue about orders has a test that is there, or a reason."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.faults import IN_PART, NOT_SHOWN, ROWS, SHOWN

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("number", ROWS)
def test_each_fault_is_shown_or_it_is_said_why_not(number: str) -> None:
    assert (number in SHOWN) != (number in NOT_SHOWN)


def test_nothing_else_is_listed() -> None:
    assert {*SHOWN, *NOT_SHOWN} == set(ROWS)
    assert set(IN_PART) <= set(SHOWN)


@pytest.mark.parametrize(
    ("file", "name"), sorted({place for places in SHOWN.values() for place in places})
)
def test_what_shows_it_is_there(file: str, name: str) -> None:
    assert name in defined(file)


@cache
def defined(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))
