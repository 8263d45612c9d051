"""One file of candles, in columns: how a job gets its data. It is named by what it hashes to.

8 bytes   SLIPCND1
4 bytes   length of the header, little endian
header    JSON, padded with spaces so that the columns begin at a multiple of 64
columns   for each series: open_ms as 64 bit integers, then open, high, low, close and volume as
          64 bit floats, little endian, one after the other
"""

import struct

import msgspec
from msgspec import Struct

MAGIC = b"SLIPCND1"
ALIGNED = 64
COLUMNS = ("open_ms", "open", "high", "low", "close", "volume")
CELL = 8
MAX_HEADER_BYTES = 64 * 1024


class BadCandles(ValueError):
    """Bytes that are no file of candles of ours."""


class Series(Struct, frozen=True):
    resolution: str
    rows: int


class Header(Struct, frozen=True):
    instrument: str
    series: tuple[Series, ...]


def header(instrument: str, series: tuple[Series, ...]) -> bytes:
    """All that stands before the columns."""
    text = msgspec.json.encode(Header(instrument, series))
    start = len(MAGIC) + 4
    text += b" " * (-(start + len(text)) % ALIGNED)
    return MAGIC + struct.pack("<I", len(text)) + text


def read_header(data: bytes | memoryview) -> tuple[Header, int]:
    """What is in the file, and where its columns begin."""
    start = len(MAGIC) + 4
    if len(data) < start or bytes(data[: len(MAGIC)]) != MAGIC:
        raise BadCandles("this is no file of candles")
    (length,) = struct.unpack("<I", data[len(MAGIC) : start])
    if length > MAX_HEADER_BYTES or len(data) < start + length:
        raise BadCandles("its header is cut off")
    try:
        found = msgspec.json.decode(bytes(data[start : start + length]), type=Header)
    except msgspec.DecodeError as error:
        raise BadCandles(f"its header cannot be read: {error}") from error
    cells = sum(one.rows for one in found.series) * len(COLUMNS)
    if len(data) != start + length + cells * CELL:
        raise BadCandles("it is longer or shorter than its header says")
    return found, start + length
