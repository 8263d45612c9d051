"""A strategy's durable dict, frozen after each decision.

What is kept must come back the same: a tuple that returns as a list, or a number that returns as
text, would make a restarted strategy decide otherwise than one that kept running.
"""

from typing import Any

import msgspec

from strategy_runtime.sdk.errors import StrategyError
from strategy_runtime.wire import MAX_STATE_BYTES

EMPTY = b"{}"


class BadState(StrategyError):
    pass


def thaw(frozen: bytes) -> dict[str, Any]:
    state = msgspec.json.decode(frozen)
    if not isinstance(state, dict):
        raise BadState(f"the state is {frozen[:40]!r}, no dict")
    return state


def freeze(state: object, before: bytes) -> bytes:
    """The state as JSON; `before`, when it has not changed."""
    if not isinstance(state, dict):
        raise BadState(f"self.state is {type(state).__name__}; it must stay a dict")
    if not state:
        return EMPTY

    frozen = _encoded(state)
    if frozen == before:
        return before
    if len(frozen) > MAX_STATE_BYTES:
        raise BadState(f"self.state takes {len(frozen)} bytes; at most {MAX_STATE_BYTES}")

    back = msgspec.json.decode(frozen)
    for key, value in state.items():
        if not isinstance(key, str):
            raise BadState(f"self.state has the key {key!r}; keys are texts")
        if back.get(key) != value:
            raise BadState(f"self.state[{key!r}] does not survive JSON: it is {value!r:.80}")
    return frozen


def _encoded(state: dict[Any, Any]) -> bytes:
    try:
        return msgspec.json.encode(state, enc_hook=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadState(f"self.state is no JSON: {error}") from error


def _plain(value: Any) -> Any:
    """A NumPy number is a number."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"{type(value).__name__} is not supported")
