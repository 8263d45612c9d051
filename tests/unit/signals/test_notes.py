"""What is said beside decisions is bounded, cleaned and summarised."""

from hypothesis import given
from hypothesis import strategies as st

from control_plane.signals.models.notes import (
    LETTERS_BURST,
    LINES_BURST,
    LINES_PER_SECOND,
    Notebook,
)
from control_plane.signals.models.text import MAX_LINE, MAX_SHOWN
from strategy_runtime.wire import messages

RUN = "run-00000001"


def _lines(number: int) -> messages.Notes:
    return messages.Notes(RUN, tuple(messages.LogLine(1, "info", f"{k}") for k in range(number)))


def test_an_empty_notebook_has_no_page() -> None:
    notebook = Notebook()
    notebook.note(0.0, _lines(1))

    assert notebook.tear_off() is not None
    assert notebook.tear_off() is None


def test_of_many_heartbeats_the_last_is_kept() -> None:
    notebook = Notebook()
    for k in range(50):
        notebook.beat(messages.Heartbeat(RUN, k, "running", None, 0, 0, 0, 0.0, 0))

    page = notebook.tear_off()
    assert page is not None
    assert [beat.at_ms for beat in page.beats] == [49]


def test_too_many_lines_are_dropped_and_counted() -> None:
    notebook = Notebook()
    notebook.note(0.0, _lines(LINES_BURST + 70))
    first = notebook.tear_off()
    notebook.note(1.0, _lines(1))
    second = notebook.tear_off()

    assert first is not None
    assert len(first.lines) == LINES_BURST
    assert second is not None
    assert [line.text for line in second.lines] == [
        "70 lines or metrics were dropped: too many at once",
        "0",
    ]


def test_dead_letters_are_summarised() -> None:
    notebook = Notebook()
    for _ in range(500):
        notebook.letter(0.0, "no JSON", b"\0" * 100_000)
    first = notebook.tear_off()
    notebook.letter(5.0, "no JSON", b"x")
    second = notebook.tear_off()

    assert first is not None
    assert len(first.letters) == LETTERS_BURST
    assert second is not None
    assert second.letters[0].reason == f"no JSON ({500 - LETTERS_BURST} more like it)"


@given(
    bursts=st.lists(st.tuples(st.floats(0, 2), st.integers(0, 900)), max_size=30),
)
def test_an_author_writes_so_much_and_no_more(bursts: list[tuple[float, int]]) -> None:
    notebook, now, kept = Notebook(), 0.0, 0
    for pause, number in bursts:
        now += pause
        notebook.note(now, _lines(number))
        page = notebook.tear_off()
        kept += len([x for x in page.lines if x.level == "info"]) if page else 0

    assert kept <= LINES_BURST + LINES_PER_SECOND * now + 1


@given(text=st.text(max_size=5_000), frame=st.binary(max_size=5_000))
def test_every_text_fits_its_column(text: str, frame: bytes) -> None:
    notebook = Notebook()
    notebook.note(0.0, messages.Notes(RUN, (messages.LogLine(10**30, "info", text),)))
    notebook.letter(0.0, text, frame)

    page = notebook.tear_off()
    assert page is not None
    assert page.lines[0].at_ms == 2**53
    for cleaned, most in ((page.lines[0].text, MAX_LINE), (page.letters[0].frame, MAX_SHOWN)):
        assert "\0" not in cleaned
        assert "\x1b" not in cleaned
        assert len(cleaned) <= 6 * most
