import json

import pytest

from control_plane.cli import show
from control_plane.cli.show import Column

COLUMNS = (Column("name", "name"), Column("size", lambda row: row["size"] * 2, right=True))


def test_a_table_shows_each_row_whole(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a" * 120

    show.rows([{"name": long, "size": 4}], COLUMNS, empty="Nothing.")

    printed = capsys.readouterr().out
    assert long in printed
    assert "8" in printed


def test_where_there_is_nothing_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows([], COLUMNS, empty="Nothing yet. Make one.")

    assert capsys.readouterr().out == "Nothing yet. Make one.\n"


def test_programs_get_json_even_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows([], COLUMNS, empty="Nothing yet.", as_json=True)

    assert json.loads(capsys.readouterr().out) == []


def test_markup_in_a_value_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows([{"name": "[red]x[/red]", "size": 1}], COLUMNS, empty="Nothing.")

    assert "[red]x[/red]" in capsys.readouterr().out
