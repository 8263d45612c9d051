"""Values for parameters, as a form or JSON gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.strategies.errors import BadParameter
from control_plane.strategies.models.outline import Outline, Parameter, resolve, typed

FAST = Parameter("fast", "int", 10, {"ge": 2, "le": 200})
SIDE = Parameter("side", "str", "both", choices=("both", "long"))
OUTLINE = Outline(class_name="S", parameters=(FAST, SIDE))


def test_what_is_not_given_has_its_default() -> None:
    assert resolve(OUTLINE, {}, {}) == {"fast": 10, "side": "both"}


def test_the_manifest_is_a_default_and_the_given_wins() -> None:
    manifest = {"custom_params": {"fast": 7, "unknown": 1}}

    assert resolve(OUTLINE, manifest, {}) == {"fast": 7, "side": "both"}
    assert resolve(OUTLINE, manifest, {"fast": 8.0})["fast"] == 8


@pytest.mark.parametrize(
    ("given_values", "field"),
    [
        ({"fast": 1}, "parameters.fast"),
        ({"fast": 2.5}, "parameters.fast"),
        ({"fast": True}, "parameters.fast"),
        ({"fast": "10"}, "parameters.fast"),
        ({"fast": float("nan")}, "parameters.fast"),
        ({"fast": 10**5000}, "parameters.fast"),
        ({"side": "short"}, "parameters.side"),
        ({"slow": 1}, "parameters.slow"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(
    given_values: dict[str, object], field: str
) -> None:
    with pytest.raises(BadParameter) as refused:
        resolve(OUTLINE, {}, given_values)

    assert refused.value.field == field


@given(
    st.sampled_from(["int", "float", "bool", "str"]),
    st.one_of(
        st.integers(), st.floats(), st.booleans(), st.text(), st.none(), st.lists(st.integers())
    ),
)
def test_a_typed_value_is_of_its_type_or_nothing(kind: str, value: object) -> None:
    found = typed(kind, value)

    assert found is None or type(found).__name__ == kind
