"""Candles in files: CSV (also .gz), Parquet, and NumPy's .npz."""

import gzip
from contextlib import suppress
from hashlib import sha256
from os import getpid
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from strategy_runtime.backtest import parquet
from strategy_runtime.engine.heard import Ticks, conflated
from strategy_runtime.sdk.bars import PRICES, BadBars, Bars, Times, checked
from strategy_runtime.wire.resolutions import DURATION_MS

QUANTITIES = ("quantity", "qty", "volume", "size", "amount")
TIMES = ("open_ms", "timestamp", "time", "date", "datetime", "open_time")
CSV = (".csv", ".csv.gz", ".txt")
PARQUET = (".parquet", ".pq")
COPIES = 20  # of files that were read before
# Seconds, microseconds and nanoseconds of the same day have other magnitudes than milliseconds.
UNITS = ((1e11, 1_000, 1), (1e14, 1, 1), (1e17, 1, 1_000), (float("inf"), 1, 1_000_000))


def read(path: Path, resolution: str | None = None) -> Bars:
    """BadBars if it holds no candles that can be: the text says what, and in which row."""
    columns = _read(path)
    missing = [name for name in PRICES[:4] if name not in columns]
    if missing:
        raise BadBars(f"{path} has no column {', '.join(missing)}; it has {', '.join(columns)}")
    times = _times(path, columns)
    given = {"volume": np.zeros(len(times)), **columns}
    try:
        prices = {name: np.asarray(given[name], np.float64) for name in PRICES}
        found = Bars(resolution or _resolution(times), times, **prices)
    except ValueError as error:
        raise BadBars(f"{path} holds what is no number: {error}") from error
    return checked(found)


def kept(path: Path, folder: Path, resolution: str | None = None) -> Bars:
    """The file's candles, read and checked once: from then on the columns come from `folder`, as
    long as the file is the same.
    """
    about = path.stat()
    name = f"{path.absolute()}\0{about.st_size}\0{about.st_mtime_ns}\0{resolution}"
    copy = folder / f"{sha256(name.encode()).hexdigest()[:32]}.npz"
    with suppress(OSError, ValueError, KeyError, BadZipFile):
        return _columns_of(copy)
    found = read(path, resolution)
    with suppress(OSError):  # a folder that cannot be written costs time, nothing else
        folder.mkdir(parents=True, exist_ok=True)
        beside = copy.with_suffix(f".{getpid()}.npz")
        write(found, beside)
        beside.replace(copy)
        for old in sorted(folder.glob("*.npz"), key=lambda one: one.stat().st_mtime)[:-COPIES]:
            old.unlink()
    return found


def _columns_of(copy: Path) -> Bars:
    with np.load(copy, allow_pickle=False) as data:
        columns = {name: data[name] for name in PRICES}
        return Bars(str(data["resolution"]), data["time"], **columns)


def read_ticks(path: Path) -> Ticks:
    """Trades or ticks: a time, a price and a quantity a row. BadBars says what is wrong."""
    columns = _read(path)
    if "price" not in columns:
        raise BadBars(f"{path} has no column price; it has {', '.join(columns)}")
    times = _times(path, columns)
    quantity = next((columns[name] for name in QUANTITIES if name in columns), np.zeros(len(times)))
    try:
        price = np.asarray(columns["price"], np.float64)
        traded = np.asarray(quantity, np.float64)
    except ValueError as error:
        raise BadBars(f"{path} holds what is no number: {error}") from error
    wrong = ~(np.isfinite(price) & (price > 0) & np.isfinite(traded) & (traded >= 0))
    wrong |= np.diff(times, prepend=times[:1]) < 0
    if wrong.any():
        row = int(wrong.argmax()) + 1
        raise BadBars(f"{path}, tick {row}: its time, price or quantity cannot be")
    return conflated(times, price, traded)


def write(bars: Bars, path: Path) -> None:
    """As CSV, compressed if the name ends in .gz, or as Parquet or NPZ; the same candles give the
    same bytes.
    """
    if path.suffix == ".npz":
        columns: dict[str, Any] = {name: bars.column(name) for name in PRICES}
        np.savez(path, time=bars.open_ms, resolution=np.array(bars.resolution), **columns)
        return
    if path.suffix in PARQUET:
        try:
            parquet.write({"time": bars.open_ms} | {n: bars.column(n) for n in PRICES}, path)
        except ValueError as error:
            raise BadBars(f"{path} cannot be written: {error}") from error
        return
    if not path.name.lower().endswith(CSV):
        raise BadBars(f"{path} cannot be written: it is no .csv, .csv.gz, .parquet or .npz")
    rows = ["time,open,high,low,close,volume"]
    lists = [bars.open_ms.tolist(), *(bars.column(name).tolist() for name in PRICES)]
    for row in zip(*lists, strict=True):
        rows.append(",".join(_plain(value) for value in row))
    text = ("\n".join(rows) + "\n").encode()
    path.write_bytes(gzip.compress(text, 9, mtime=0) if path.suffix == ".gz" else text)


def _read(path: Path) -> dict[str, Any]:
    try:
        return _columns(path)
    except OSError as error:
        raise BadBars(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        raise BadBars(
            f"{path} cannot be read: {str(error).strip() or type(error).__name__}"
        ) from error


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _columns(path: Path) -> dict[str, Any]:
    name = path.name.lower()
    if name.endswith(".npz"):
        with np.load(path, allow_pickle=False) as data:
            return {key.lower(): data[key] for key in data.files}
    if name.endswith(PARQUET):
        return {key.strip().lower(): column for key, column in parquet.columns(path).items()}
    if not name.endswith(CSV):
        raise ValueError("it is no .csv, .csv.gz, .parquet or .npz")
    import pandas as pd  # for those who bring such files

    frame: pd.DataFrame = pd.read_csv(path)
    return {str(key).strip().lower(): frame[key].to_numpy() for key in frame.columns}


def _times(path: Path, columns: dict[str, Any]) -> Times:
    found = next((columns[name] for name in TIMES if name in columns), None)
    if found is None:
        raise BadBars(f"{path} has no column of times: name it time, in milliseconds or as a date")
    values = np.asarray(found)
    if values.dtype.kind not in "iuf":
        import pandas as pd

        try:
            moments = pd.DatetimeIndex(pd.to_datetime(values, utc=True))
        except ValueError as error:
            raise BadBars(f"{path}: a time is no date: {error}") from error
        if moments.hasnans:
            raise BadBars(f"{path}: a time is missing")
        return moments.as_unit("ms").asi8.astype(np.int64)
    if not np.isfinite(values).all():
        raise BadBars(f"{path}: a time is missing")
    largest = float(values.max()) if len(values) else 0.0
    times, over = next((by, under) for limit, by, under in UNITS if largest < limit)
    milliseconds: Times = (values.astype(np.int64) * times) // over
    return milliseconds


def _resolution(times: Times) -> str:
    """The longest that fits the shortest step between two candles."""
    step = int(np.diff(times).min()) if len(times) > 1 else DURATION_MS["1m"]
    fitting = [name for name, length in DURATION_MS.items() if step and step % length == 0]
    if not fitting:
        raise BadBars(f"candles that are {step} ms apart are of no resolution that there is")
    return fitting[-1]
