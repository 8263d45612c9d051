"""What waits to be said, and what was said and not yet acknowledged. Pure: time is an argument.

Executions are kept until trading has committed them, and sent again meanwhile. Notes are dropped,
oldest first, when there are too many; of two heartbeats only the newer is worth sending.
"""

from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct

from strategy_runtime.feeds.timing import Timing, backoff
from strategy_runtime.wire import MAX_CHUNK_BYTES, MAX_UNACKNOWLEDGED
from strategy_runtime.wire.messages import (
    Bye,
    Execution,
    Heartbeat,
    Hello,
    LogLine,
    Metric,
    Notes,
    encode,
)

MAX_NOTES = 1_000
RESUME_BELOW = MAX_UNACKNOWLEDGED // 2

# A character of a note takes at most so many bytes in JSON.
WORST_CHARACTER = 6
NOTE_FRAME = 64


class Waiting(Struct):
    frame: bytes
    due: float = 0.0
    attempts: int = 0


class Outbox:
    def __init__(self, run: str, timing: Timing, chance: Callable[[], float]) -> None:
        self._run = run
        self._timing = timing
        self._chance = chance
        self._urgent: dict[str, bytes] = {}
        self._executions: dict[int, Waiting] = {}
        self._notes: deque[LogLine | Metric] = deque()
        self.open = False  # executions and notes leave only once trading listens
        self.dropped = 0

    @property
    def waiting(self) -> int:
        return len(self._executions)

    @property
    def is_full(self) -> bool:
        return self.waiting >= MAX_UNACKNOWLEDGED

    @property
    def has_room_again(self) -> bool:
        return self.waiting < RESUME_BELOW

    @property
    def has_urgent(self) -> bool:
        return bool(self._urgent)

    @property
    def has_notes(self) -> bool:
        return bool(self._notes)

    def say(self, message: Hello | Heartbeat | Bye) -> None:
        """Something about the process itself; a newer one of its kind replaces it."""
        self._urgent[type(message).__name__] = encode(message)

    def put(self, execution: Execution) -> None:
        self._executions[execution.n] = Waiting(encode(execution))

    def note(self, notes: Iterable[LogLine | Metric]) -> None:
        self._notes.extend(notes)
        while len(self._notes) > MAX_NOTES:
            self._notes.popleft()
            self.dropped += 1

    def acknowledge(self, numbers: Iterable[int]) -> None:
        for n in numbers:
            self._executions.pop(n, None)

    def send_all_again(self) -> None:
        """A new connection: what was on its way may be lost."""
        for waiting in self._executions.values():
            waiting.due = 0.0
            waiting.attempts = 0

    def next_due(self, now: float) -> float | None:
        """When there is something to send; None while nothing waits."""
        if self._urgent:
            return now
        if not self.open:
            return None
        if self._notes:
            return now
        return min((waiting.due for waiting in self._executions.values()), default=None)

    def take(self, now: float) -> bytes | None:
        """The frame to send now. An execution stays until it is acknowledged."""
        if self._urgent:
            return self._urgent.pop(next(iter(self._urgent)))
        if not self.open:
            return None

        for waiting in self._executions.values():
            if waiting.due <= now:
                first, most = self._timing.resend_first, self._timing.resend_most
                waiting.due = now + backoff(first, most, waiting.attempts, self._chance())
                waiting.attempts += 1
                return waiting.frame
        return self._noted() if self._notes else None

    def _noted(self) -> bytes:
        lines: list[LogLine] = []
        metrics: list[Metric] = []
        room = MAX_CHUNK_BYTES
        while self._notes and (room := room - _size(self._notes[0])) > 0:
            note = self._notes.popleft()
            if isinstance(note, LogLine):
                lines.append(note)
            else:
                metrics.append(note)
        return encode(Notes(self._run, tuple(lines), tuple(metrics)))


def _size(note: LogLine | Metric) -> int:
    text = note.text if isinstance(note, LogLine) else note.name
    return WORST_CHARACTER * len(text) + NOTE_FRAME
