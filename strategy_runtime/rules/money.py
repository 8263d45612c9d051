"""Money: decimals that stay decimals, rounded to an instrument's step toward less risk."""

from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal, InvalidOperation

ZERO = Decimal(0)

# Wide enough that no product of price, quantity and rate of any market is ever rounded silently.
MONEY = Context(prec=50)


def decimal(text: str) -> Decimal:
    """A finite decimal, or ValueError: NaN and infinity are no amounts."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no number") from error

    if not value.is_finite():
        raise ValueError(f"{text!r} is no finite number")
    return value


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    return _to_step(value, step, ROUND_DOWN)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    return _to_step(value, step, ROUND_UP)


def canonical(value: Decimal) -> str:
    """One text for one amount: no exponent, no trailing zeros, no minus zero."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0", "-"} else text


def _to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    steps = MONEY.divide(value, step).to_integral_value(rounding)
    return MONEY.multiply(steps, step)
