import pytest

from strategy_runtime.loader import LoadError, load
from tests.unit.runtime.drive import HEAD

GOOD = "class One(BaseStrategy):\n    def on_candle(self, candle): ...\n"


def test_the_one_strategy_is_found() -> None:
    assert load(HEAD + GOOD).__name__ == "One"


def test_a_base_class_in_the_file_is_no_strategy_of_its_own() -> None:
    assert load(f"{HEAD}{GOOD}class Two(One): ...\n").__name__ == "Two"


def test_postponed_annotations_work() -> None:
    kind = load(
        f"from __future__ import annotations\n{HEAD}"
        "class One(BaseStrategy):\n    n: int = param(3, ge=1)\n"
        "    def on_candle(self, candle: Candle) -> None: ...\n"
    )

    assert kind.__name__ == "One"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1\n", "the file defines no strategy"),
        (HEAD, "the file defines no strategy"),
        (HEAD + GOOD + GOOD.replace("One", "Two"), r"several strategies \(One, Two\)"),
        ("def broken(:\n", "strategy.py, line 1: "),
        ("x = 1\n  y = 2\n", "strategy.py, line 2: unexpected indent"),
        ("x = 1\0\n", "null bytes"),
        (
            "import nothing_like_this\n",
            "No module named 'nothing_like_this'\n  strategy.py, line 1",
        ),
        ("x = 1\nraise SystemExit\n", "SystemExit\n  strategy.py, line 2"),
        (HEAD + "class One(BaseStrategy): ...\n", "One has no on_candle"),
        (
            HEAD + "class One(BaseStrategy):\n    async def on_candle(self, candle): ...\n",
            r"One\.on_candle must be a plain function",
        ),
        (
            HEAD + "class One(BaseStrategy):\n    def on_candle(self, candle): yield 1\n",
            r"One\.on_candle must be a plain function",
        ),
    ],
)
def test_code_that_is_no_strategy_is_refused_with_a_sentence(source: str, sentence: str) -> None:
    with pytest.raises(LoadError, match=sentence):
        load(source)


def test_code_too_deep_to_compile_is_refused() -> None:
    with pytest.raises(LoadError, match=r"strategy\.py"):
        load("x = " + "(" * 5_000 + ")" * 5_000)
