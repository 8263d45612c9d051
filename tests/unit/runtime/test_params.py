import pytest

from strategy_runtime.sdk import BaseStrategy, ParameterError, param
from strategy_runtime.sdk.params import declared, resolve


class Base(BaseStrategy):
    fast: int = param(10, ge=2, le=200)
    ratio: float = param(1, gt=0, lt=10)
    mode: str = param("calm", choices=("calm", "wild"))
    quiet: bool = param(False)


class Derived(Base):
    fast: int = param(12, ge=2, le=50)
    extra: int = param(1)


def test_defaults_take_the_annotated_type() -> None:
    values = resolve(Base, {})

    assert values == {"fast": 10, "ratio": 1.0, "mode": "calm", "quiet": False}
    assert isinstance(values["ratio"], float)


def test_values_replace_defaults() -> None:
    assert resolve(Base, {"fast": 20, "mode": "wild", "quiet": True})["fast"] == 20


def test_a_whole_float_is_a_whole_number() -> None:
    value = resolve(Base, {"fast": 20.0})["fast"]

    assert value == 20
    assert isinstance(value, int)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"fast": 1}, "parameter 'fast': 1 must be at least 2"),
        ({"fast": 201}, "parameter 'fast': 201 must be at most 200"),
        ({"ratio": 0}, "parameter 'ratio': 0.0 must be above 0"),
        ({"ratio": 10}, "parameter 'ratio': 10.0 must be below 10"),
        ({"fast": 2.5}, "parameter 'fast': 2.5 is no whole number"),
        ({"fast": True}, "parameter 'fast': True is no whole number"),
        ({"fast": "9"}, "parameter 'fast': '9' is no whole number"),
        ({"ratio": float("nan")}, "parameter 'ratio': nan is no finite number"),
        ({"mode": "loud"}, "parameter 'mode': 'loud' is none of 'calm', 'wild'"),
        ({"quiet": 1}, "parameter 'quiet': 1 is no true or false"),
        ({"slow": 3}, "there is no parameter 'slow'; Base has fast, ratio, mode, quiet"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ParameterError) as refused:
        resolve(Base, values)

    assert str(refused.value) == sentence


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ParameterError, match=r"'fast'.*; .*'mode'"):
        resolve(Base, {"fast": 0, "mode": "x"})


def test_a_subclass_inherits_and_overrides() -> None:
    assert resolve(Derived, {}) == {
        "fast": 12,
        "ratio": 1.0,
        "mode": "calm",
        "quiet": False,
        "extra": 1,
    }
    assert declared(Base)["fast"].default == 10


def test_a_default_out_of_bounds_is_refused_at_once() -> None:
    with pytest.raises(ParameterError, match="parameter 'n': default 1 must be at least 2"):
        type("Bad", (BaseStrategy,), {"__annotations__": {"n": int}, "n": param(1, ge=2)})


def test_an_annotation_that_is_no_plain_type_is_refused() -> None:
    with pytest.raises(ParameterError, match="parameter 'n' is annotated 'list'"):
        type("Bad", (BaseStrategy,), {"__annotations__": {"n": list}, "n": param(1)})


def test_a_text_takes_no_bounds() -> None:
    with pytest.raises(ParameterError, match="parameter 'n' is a str: it takes no ge=2"):
        type("Bad", (BaseStrategy,), {"__annotations__": {"n": str}, "n": param("x", ge=2)})


def test_a_parameter_must_not_hide_the_sdk() -> None:
    with pytest.raises(ParameterError, match=r"parameter 'long' hides BaseStrategy\.long"):
        type("Bad", (BaseStrategy,), {"__annotations__": {"long": int}, "long": param(50)})
