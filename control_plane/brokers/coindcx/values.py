"""From the bytes of a reply to single values: tolerant in form, strict in meaning.

The venue sends one fact in many forms (ids as text or integers, numbers as text, `"None"` for
null, ISO dates or milliseconds as floats). Each reader accepts the forms that the reference lists
and raises `Odd` at the rest, so that whatever comes in is either understood or known not to be.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from control_plane.brokers.coindcx.document import MAX_EXPONENT, Odd, number
from control_plane.core.clock import ms

T = TypeVar("T")

NULLS = (None, "None", "null", "")
MAX_TEXT = 512
LARGEST = 10**MAX_EXPONENT
FIRST_MS = 1_262_304_000_000  # 2010: earlier than any exchange of this kind
LAST_MS = 4_102_444_800_000  # 2100

_PLAIN = re.compile(r"[ -~]+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?")


@dataclass(frozen=True, slots=True)
class Row:
    """One object of a reply, read key by key; what it refuses says which key."""

    fields: Mapping[str, object]
    name: str

    @staticmethod
    def of(value: object, name: str) -> "Row":
        if not isinstance(value, dict):
            raise Odd(f"{name} is no object")
        return Row(value, name)

    def has(self, key: str) -> bool:
        return self.fields.get(key) not in NULLS

    def text(self, key: str) -> str:
        return self._read(key, as_text)

    def text_or(self, key: str, default: str = "") -> str:
        return self.text(key) if self.has(key) else default

    def word(self, key: str, among: Sequence[str]) -> str:
        """One of the words that the reference lists; any other would change its meaning."""
        value = self.text(key)
        if value not in among:
            raise Odd(f"{self.name}.{key} is {value!r}, none of {', '.join(among)}")
        return value

    def word_or(self, key: str, among: Sequence[str], default: str) -> str:
        return self.word(key, among) if self.has(key) else default

    def id(self, key: str) -> str:
        return self._read(key, as_id)

    def id_or(self, key: str, default: str = "") -> str:
        return self.id(key) if self.has(key) else default

    def amount(self, key: str) -> Decimal:
        return self._read(key, as_decimal)

    def amount_or(self, key: str, default: Decimal = Decimal(0)) -> Decimal:
        return self.amount(key) if self.has(key) else default

    def maybe_amount(self, key: str) -> Decimal | None:
        return self.amount(key) if self.has(key) else None

    def positive(self, key: str) -> Decimal:
        return self._least(key, self.amount(key), strict=True)

    def unsigned(self, key: str) -> Decimal:
        return self._least(key, self.amount(key), strict=False)

    def unsigned_or(self, key: str, default: Decimal = Decimal(0)) -> Decimal:
        return self._least(key, self.amount_or(key, default), strict=False)

    def maybe_unsigned(self, key: str) -> Decimal | None:
        return self.unsigned(key) if self.has(key) else None

    def count(self, key: str) -> int:
        return self._read(key, as_count)

    def count_or(self, key: str, default: int = 0) -> int:
        return self.count(key) if self.has(key) else default

    def time_ms(self, key: str) -> int:
        return self._read(key, as_ms)

    def time_ms_or(self, key: str, default: int = 0) -> int:
        return self.time_ms(key) if self.fields.get(key) not in (*NULLS, 0) else default

    def flag_or(self, key: str, default: bool = False) -> bool:
        value = self.fields.get(key)
        if value in NULLS:
            return default
        if not isinstance(value, bool):
            raise Odd(f"{self.name}.{key} is no yes or no")
        return value

    def rows(self, key: str) -> list["Row"]:
        return rows(self.fields.get(key), f"{self.name}.{key}")

    def row(self, key: str) -> "Row":
        return Row.of(self.fields.get(key), f"{self.name}.{key}")

    def _read(self, key: str, reader: Callable[[object], T]) -> T:
        try:
            return reader(self.fields.get(key))
        except Odd as error:
            raise Odd(f"{self.name}.{key} {error}") from error

    def _least(self, key: str, value: Decimal, *, strict: bool) -> Decimal:
        if value < 0 or (strict and not value):
            raise Odd(f"{self.name}.{key} is {value}")
        return value


def rows(value: object, name: str) -> list[Row]:
    if not isinstance(value, list):
        raise Odd(f"{name} is no list")
    return [Row.of(each, f"{name}[{n}]") for n, each in enumerate(value)]


def pairs(value: object, name: str) -> Iterator[tuple[Decimal, Decimal]]:
    """An object of number to number, as order books and tiers are sent."""
    for key, amount in Row.of(value, name).fields.items():
        try:
            yield as_decimal(key), as_decimal(amount)
        except Odd as error:
            raise Odd(f"{name} {error}") from error


def as_text(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT:
        raise Odd("is no text")
    if not _PLAIN.fullmatch(value):
        raise Odd("holds characters that no name has")
    return value


def as_id(value: object) -> str:
    """Spot ids are digits as text or number, futures ids UUIDs: text here, always."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    text = as_text(value)
    if text in NULLS or len(text) > 64:
        raise Odd("is no id")
    return text


def as_decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and -LARGEST < value < LARGEST:
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return number(value)
    raise Odd("is no number")


def as_count(value: object) -> int:
    number = as_decimal(value)
    if number < 0 or number > LAST_MS or number != int(number):
        raise Odd("is no whole number")
    return int(number)


def as_ms(value: object) -> int:
    """Milliseconds since 1970, from an integer, a float (`1718386312255.3608`) or an ISO date."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        moment = _iso_ms(value)
    else:
        moment = int(as_decimal(value))
    if not FIRST_MS <= moment <= LAST_MS:
        raise Odd(f"is {moment}, no time in milliseconds")
    return moment


def shown(value: object, length: int = 200) -> str:
    """A text of theirs that is safe to log and to show: printable, short."""
    text = value if isinstance(value, str) else ""
    return "".join(c if c.isprintable() else "�" for c in text[:length])


def _iso_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Odd("is no time") from error
    if moment.tzinfo is None:
        raise Odd("is a time without a zone")
    try:
        return ms(moment)
    except (OverflowError, ValueError) as error:
        raise Odd("is no time") from error
