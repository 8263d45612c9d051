"""The engine's log as lines."""

from control_plane.containers.docker.parse import printed
from control_plane.containers.output import OUTPUT_CHARACTERS

FIRST = "2026-11-20T11:30:00.123456789Z"
SECOND = "2026-11-20T11:30:01.5Z"


def test_each_line_has_its_moment_to_the_nanosecond() -> None:
    found = printed(f"{FIRST} one\n{SECOND} two\n", 0)

    assert [line.text for line in found] == ["one", "two"]
    assert found[0].at_ns % 1_000_000_000 == 123_456_789
    assert found[1].at_ns - found[0].at_ns == 1_376_543_211


def test_what_was_read_before_is_left_out() -> None:
    everything = f"{FIRST} one\n{SECOND} two\n"
    first = printed(everything, 0)[0]

    assert [line.text for line in printed(everything, first.at_ns)] == ["two"]


def test_control_characters_are_shown_and_long_lines_cut() -> None:
    found = printed(f"{FIRST} \x1b[2J{'x' * 5_000}\n", 0)

    assert found[0].text.startswith("\\x1b[2J")
    assert len(found[0].text) < OUTPUT_CHARACTERS + 10


def test_a_piece_without_a_moment_belongs_to_the_line_before() -> None:
    found = printed(f"{FIRST} begun\nand gone on\n", 0)

    assert [line.text for line in found] == ["begun", "and gone on"]
    assert found[0].at_ns == found[1].at_ns
