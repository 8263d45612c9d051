"""Candles in files: what is written is read again, and what was read once comes back soon."""

import os
from pathlib import Path

import numpy as np
import pytest

from strategy_runtime.backtest.files import kept, read, write
from strategy_runtime.backtest.recorded import BadBars, bars_of
from tests.candles import walk


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.npz", "a.parquet", "an odd [*] name?.pq"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    bars = bars_of("1m", walk(300))
    write(bars, tmp_path / name)
    assert read(tmp_path / name, "1m").sha256() == bars.sha256()


def test_a_file_is_read_once_and_its_columns_kept(tmp_path: Path) -> None:
    bars, file, folder = bars_of("1m", walk(300)), tmp_path / "a.csv", tmp_path / "kept"
    write(bars, file)
    first = kept(file, folder)
    (copy,) = folder.glob("*.npz")
    before = copy.stat().st_mtime_ns
    again = kept(file, folder)

    assert first.sha256() == again.sha256() == bars.sha256()
    assert (again.resolution, copy.stat().st_mtime_ns) == ("1m", before)


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.csv", tmp_path / "kept"
    for count in (300, 200):
        write(bars_of("1m", walk(count)), file)
        assert len(kept(file, folder)) == count


def test_a_copy_that_was_spoilt_is_made_again(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.csv", tmp_path / "kept"
    write(bars_of("1m", walk(300)), file)
    kept(file, folder)
    (copy,) = folder.glob("*.npz")
    copy.write_bytes(b"nothing")
    assert len(kept(file, folder)) == 300


def test_a_file_that_is_refused_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,open,high,low,close,volume\n0,1,0.5,1,1,1\n")
    with pytest.raises(BadBars):
        kept(file, tmp_path / "kept")
    assert not list(tmp_path.glob("kept/*"))


def test_old_copies_make_room(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.csv", tmp_path / "kept"
    write(bars_of("1m", walk(5)), file)
    for at in range(25):
        os.utime(file, ns=(at, at))
        kept(file, folder)
    assert len(list(folder.glob("*.npz"))) == 20
    assert np.isfinite(kept(file, folder).close).all()
