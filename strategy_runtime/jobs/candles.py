"""The candles of a job: columns of a file that stays where it is, mapped into memory."""

import mmap
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from strategy_runtime.sdk.bars import Bars
from strategy_runtime.wire.candles import CELL, COLUMNS, BadCandles, read_header


def opened(path: Path, expected_sha256: str) -> Mapping[str, Bars]:
    """By resolution. BadCandles if it is not the file that was meant."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BadCandles(f"{path} cannot be read: {error}") from error
    found = sha256(data).hexdigest()
    if found != expected_sha256:
        raise BadCandles(f"{path} has the sha256 {found}, not {expected_sha256}")

    header, place = read_header(memoryview(data))
    bars: dict[str, Bars] = {}
    for series in header.series:
        columns = []
        for name in COLUMNS:
            kind = "<i8" if name == "open_ms" else "<f8"
            columns.append(np.frombuffer(data, kind, series.rows, place))
            place += series.rows * CELL
        bars[series.resolution] = Bars(series.resolution, *columns)
    return bars
