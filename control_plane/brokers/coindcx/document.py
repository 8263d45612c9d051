"""The JSON in a body: exact numbers, bounded in size, depth and measure."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import NoReturn

MAX_DEPTH = 32
# No price, amount or rate of any market is outside of this; beyond it a number is an attack.
MAX_EXPONENT = 40
MAX_DIGITS = 70
ZERO = Decimal(0)

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class Odd(ValueError):
    """A reply, or a part of it, that is in none of the known forms."""


def read_json(body: bytes, limit: int) -> object:
    """The document in a body, numbers exact; `Odd` if it is no JSON, too large or too deep."""
    if len(body) > limit:
        raise Odd(f"the body has {len(body)} bytes, more than {limit}")
    if _depth(body) > MAX_DEPTH:
        raise Odd(f"the body is nested more than {MAX_DEPTH} deep")

    try:
        return _DECODER.decode(body.decode("utf-8"))
    except Odd:
        raise
    except (ValueError, RecursionError) as error:
        raise Odd("the body is no JSON") from error


def _depth(body: bytes) -> int:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0  # it cannot be deeper than it has openings
    deepest = depth = 0
    for token in _TOKEN.finditer(body):
        match token.group():
            case b"[" | b"{":
                depth += 1
                deepest = max(deepest, depth)
            case b"]" | b"}":
                depth -= 1
            case _:
                pass
    return deepest


def number(text: str) -> Decimal:
    """A number from its digits, none of them lost and none too many."""
    try:
        value = Decimal(text) if len(text) <= MAX_DIGITS else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite():
        raise Odd("holds a number beyond measure")
    if not value:
        return ZERO  # whatever its exponent says
    if not -MAX_EXPONENT <= value.adjusted() <= MAX_EXPONENT:
        raise Odd("holds a number beyond measure")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_EXPONENT:
        raise Odd("holds a number beyond measure")
    return int(text)


def _refused(text: str) -> NoReturn:
    raise Odd(f"the body holds {text}, which is no number")


# Made once: it costs as much as the document of an order.
_DECODER = json.JSONDecoder(parse_float=number, parse_int=_integer, parse_constant=_refused)
