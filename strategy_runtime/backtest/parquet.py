"""Parquet, by way of DuckDB: an extra, for whoever has such files (`slipway[parquet]`).

Not by pandas and pyarrow: pandas loads pyarrow wherever it finds it, so that every process that
uses pandas would pay for a file format that it never reads, and store texts otherwise than the
image's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# What pandas calls an index that has no name.
INDEX = "__index_level_0__"
SETTINGS = {"threads": 1, "autoinstall_known_extensions": False}


def columns(path: Path) -> dict[str, Any]:
    """Every column by its name; ValueError says what is wrong."""
    duckdb = _duckdb()
    with duckdb.connect(config=SETTINGS) as connection:
        try:
            found = connection.execute("SELECT * FROM read_parquet(?)", [_exactly(path)])
            return {
                "time" if name == INDEX else name: _whole(column)
                for name, column in found.fetchnumpy().items()
            }
        except duckdb.Error as error:
            raise ValueError(str(error).splitlines()[0]) from error


def write(made: Mapping[str, Any], path: Path) -> None:
    duckdb = _duckdb()
    with duckdb.connect(config=SETTINGS) as connection:
        connection.register("made", dict(made))
        try:
            connection.sql("SELECT * FROM made").write_parquet(str(path), compression="zstd")
        except duckdb.Error as error:
            raise ValueError(str(error).splitlines()[0]) from error


def _exactly(path: Path) -> str:
    """A file's name is no pattern, whatever is in it."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in str(path))


def _whole(column: Any) -> Any:
    """What is missing is told as what is no number and no time, never as some value."""
    if not isinstance(column, np.ma.MaskedArray):
        return column
    match column.dtype.kind:
        case "i" | "u" | "f":
            return np.ma.filled(column.astype(np.float64), np.nan)
        case "M":
            return np.ma.filled(column, np.datetime64("NaT"))
        case _:
            return np.ma.filled(column.astype(object), None)


def _duckdb() -> Any:
    try:
        import duckdb  # for those who bring such files
    except ImportError as error:
        raise ValueError(
            "Parquet needs DuckDB, which is not installed: pip install duckdb, or use CSV"
        ) from error
    return duckdb
