"""Text and numbers from hostile hands, made fit for a table and a terminal."""

import re

MAX_REASON = 500
MAX_ERROR = 4_000
MAX_LINE = 1_000
MAX_NAME = 64
MAX_SHOWN = 2_048
LARGEST = 2**53
LARGEST_INT = 2**31 - 1

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str, at_most: int) -> str:
    """Fit for a table and a terminal: control characters escaped, the rest cut."""
    cut = text if len(text) <= at_most else text[: at_most - 1] + "…"
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", cut)


def shown(frame: bytes) -> str:
    """The beginning of a frame that nobody could read."""
    return clean(frame[:MAX_SHOWN].decode("utf-8", "backslashreplace"), MAX_SHOWN)


def bounded(number: int, most: int) -> int:
    """Into what a column holds."""
    return max(-most, min(most, number))
