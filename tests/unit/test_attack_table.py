"""Which attacks on users, tokens and keys have a test, by their number in the catalogue (users and
the API U, authentication and tokens T, keys and secrets Q): a row without one fails here.

A test says what it shows by a mark, `@pytest.mark.attack("T10")`, or in its name, `test_u5_…`.
"""

import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROWS = [
    *[f"U{number}" for number in range(1, 19)],
    *[f"T{number}" for number in range(1, 16)],
    *[f"Q{number}" for number in range(1, 9)],
]
MARK = re.compile(r'mark\.attack\("([UTQ]\d+)"\)')
NAME = re.compile(r"def test_([utq]\d+)_")
IN_PART = {
    "T1": "no account is closed after a hundred failures in a row: whoever wants somebody locked"
    " out would only have to try (T2); the delay stays",
    "T3": "the work is counted, not timed: a clock measures the machine that the suite runs on",
    "U16": "a second person for lifting a halt of everything is not asked for",
}


def covered() -> dict[str, list[str]]:
    """The files by the row that they show something of."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        if path == Path(__file__):
            continue
        text = path.read_text()
        for row in {*MARK.findall(text), *(name.upper() for name in NAME.findall(text))}:
            found[row].append(str(path.relative_to(TESTS)))
    return found


def test_every_row_has_a_test() -> None:
    shown = covered()
    for row in ROWS:
        print(f"{row:4} {', '.join(shown.get(row, []))}")

    assert sorted(shown) == sorted(ROWS)


def test_a_reason_is_of_a_row_that_needs_one() -> None:
    assert set(IN_PART) <= set(covered())
