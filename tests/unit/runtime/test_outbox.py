from strategy_runtime import wire
from strategy_runtime.feeds.outbox import MAX_NOTES, Outbox
from strategy_runtime.feeds.pace import Pace
from strategy_runtime.feeds.timing import backoff, timing
from strategy_runtime.wire.messages import (
    Bye,
    Execution,
    Hello,
    LogLine,
    Metric,
    Notes,
    Position,
    decode_up,
)


def outbox() -> Outbox:
    made = Outbox("r", timing(1.0), lambda: 1.0)
    made.open = True
    return made


def execution(n: int) -> Execution:
    return Execution(
        run="r",
        n=n,
        trigger=f"1m:{n}",
        outcome="none",
        took_us=1,
        published_ms=0,
        decided_ms=0,
        position=Position(),
    )


def numbers(made: Outbox, now: float) -> list[int]:
    """The executions that leave at this moment."""
    sent = []
    while (frame := made.take(now)) is not None:
        message = decode_up(frame)
        assert isinstance(message, Execution)
        sent.append(message.n)
    return sent


def test_executions_leave_in_order() -> None:
    made = outbox()
    for n in (1, 2, 3):
        made.put(execution(n))

    assert numbers(made, 0.0) == [1, 2, 3]


def test_what_is_not_acknowledged_leaves_again_ever_more_slowly() -> None:
    made = outbox()
    made.put(execution(1))
    sent = [now for now in range(200) if numbers(made, float(now))]

    assert sent[:6] == [0, 1, 3, 7, 15, 31]
    assert sent[6:8] == [61, 91]  # thirty seconds at most


def test_an_acknowledged_frame_never_leaves_again() -> None:
    made = outbox()
    made.put(execution(1))
    made.put(execution(2))
    numbers(made, 0.0)
    made.acknowledge((1, 99))

    assert numbers(made, 100.0) == [2]
    assert made.waiting == 1


def test_a_new_connection_sends_everything_at_once() -> None:
    made = outbox()
    for n in (1, 2):
        made.put(execution(n))
    numbers(made, 0.0)
    assert numbers(made, 0.1) == []

    made.send_all_again()
    assert numbers(made, 0.1) == [1, 2]


def test_until_it_is_welcome_it_only_speaks_of_itself() -> None:
    made = outbox()
    made.open = False
    made.put(execution(1))
    made.note([LogLine(0, "info", "x")])
    made.say(Hello("r", 0, "c"))
    first, second = made.take(0.0), made.take(0.0)

    assert first is not None
    assert isinstance(decode_up(first), Hello)
    assert second is None
    assert made.next_due(0.0) is None


def test_of_two_of_a_kind_the_newer_counts() -> None:
    made = outbox()
    made.say(Bye("r", "first"))
    made.say(Bye("r", "second"))

    assert decode_up(made.take(0.0) or b"") == Bye("r", "second")
    assert not made.has_urgent


def test_it_is_full_at_a_thousand_and_has_room_again_at_half() -> None:
    made = outbox()
    for n in range(wire.MAX_UNACKNOWLEDGED):
        assert not made.is_full
        made.put(execution(n))
    assert made.is_full

    made.acknowledge(range(500))
    assert not made.has_room_again
    made.acknowledge([500])
    assert made.has_room_again


def test_too_many_notes_lose_their_oldest() -> None:
    made = outbox()
    made.note([LogLine(n, "info", str(n)) for n in range(MAX_NOTES + 10)])
    first = decode_up(made.take(0.0) or b"")

    assert made.dropped == 10
    assert isinstance(first, Notes)
    assert first.lines[0].text == "10"


def test_notes_that_are_long_leave_in_several_frames() -> None:
    made = outbox()
    made.note([LogLine(n, "info", "\x01" * 1_000) for n in range(20)])
    made.note([Metric(0, "m", 1.5)])
    frames = []
    while (frame := made.take(0.0)) is not None:
        frames.append(frame)
    notes = [decode_up(frame) for frame in frames]

    assert len(frames) > 1
    assert max(map(len, frames)) <= wire.MAX_CHUNK_BYTES
    assert sum(len(note.lines) for note in notes if isinstance(note, Notes)) == 20
    assert [m.value for note in notes if isinstance(note, Notes) for m in note.metrics] == [1.5]


def test_the_next_moment_to_send_is_known() -> None:
    made = outbox()
    assert made.next_due(5.0) is None

    made.put(execution(1))
    numbers(made, 5.0)
    assert made.next_due(5.0) == 6.0


def sent_within(window: float, size: int, seconds: float = 20.0) -> tuple[int, int]:
    """The most frames and bytes that leave in any such window when there is always something."""
    pace, now, sent = Pace(), 0.0, []
    while now < seconds:
        now += pace.wait(now, size)
        pace.take(now, size)
        sent.append(now)
    most = max(sum(1 for at in sent if begin <= at <= begin + window) for begin in sent)
    return most, most * size


def test_no_window_of_the_flood_limit_is_ever_filled() -> None:
    frames, _ = sent_within(wire.FLOOD_WINDOW_SECONDS, 500)
    assert frames <= wire.FLOOD_FRAMES_PER_SECOND * wire.FLOOD_WINDOW_SECONDS

    _, size = sent_within(wire.FLOOD_WINDOW_SECONDS, wire.MAX_FRAME_BYTES)
    assert size <= wire.FLOOD_BYTES_PER_SECOND * wire.FLOOD_WINDOW_SECONDS


def test_back_off_doubles_up_to_its_most_and_is_spread() -> None:
    assert [backoff(1.0, 8.0, attempt, 1.0) for attempt in range(5)] == [1, 2, 4, 8, 8]
    assert backoff(1.0, 8.0, 2, 0.0) == 2.0
    assert backoff(1.0, 8.0, 10_000, 1.0) == 8.0
