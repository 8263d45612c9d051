import pytest
from sqlalchemy import select

from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.infra.paging import Asked, BadCursor, Found, cursor, page, place


def _page(tx: Tx, asked: Asked) -> Found:
    return page(tx, select(events.events), (events.events.c.at_ms, events.events.c.number), asked)


def _record(tx: Tx, count: int) -> None:
    for number in range(count):
        events.record(tx, "thing_happened", "thing", str(number))


async def test_pages_follow_each_other_without_gap_or_repeat(memory: Database) -> None:
    await memory.write(_record, 7)
    seen: list[int] = []
    asked = Asked(limit=3)
    while True:
        found = await memory.read(_page, asked)
        seen += [row.number for row in found.rows]
        if found.next_cursor is None:
            break
        asked = Asked(limit=3, after=place(found.next_cursor))

    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_rows_that_arrive_meanwhile_move_nothing(memory: Database) -> None:
    await memory.write(_record, 4)
    first = await memory.read(_page, Asked(limit=2))
    await memory.write(_record, 4)

    assert first.next_cursor is not None
    second = await memory.read(_page, Asked(limit=2, after=place(first.next_cursor)))

    assert [row.number for row in second.rows] == [2, 1]


def _by_name(tx: Tx, asked: Asked) -> Found:
    key = (events.events.c.at_ms, events.events.c.subject_id)
    return page(tx, select(events.events), key, asked)


async def test_rows_may_be_told_apart_by_a_text(memory: Database) -> None:
    await memory.write(_record, 3)
    first = await memory.read(_by_name, Asked(limit=2))

    assert first.next_cursor is not None
    second = await memory.read(_by_name, Asked(limit=2, after=place(first.next_cursor)))

    assert [row.subject_id for row in (*first.rows, *second.rows)] == ["2", "1", "0"]


async def test_a_cursor_of_another_list_is_refused(memory: Database) -> None:
    for read, after in ((_by_name, (1, 2)), (_page, (1, "2"))):
        with pytest.raises(BadCursor):
            await memory.read(read, Asked(after=after))


def test_a_cursor_comes_back_as_it_went() -> None:
    assert place(cursor((1_700_000_000_000, "sgabc"))) == (1_700_000_000_000, "sgabc")


@pytest.mark.parametrize("text", ["", "nonsense", "bnVsbA", "WzEsMiwzXQ", "é"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        place(text)
