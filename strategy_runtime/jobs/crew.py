"""A search's further processes: each loads the strategy and maps the candles once, then scores what
it is handed, frame by frame, on its pipes.

The same points come back in the same order however many there are. A process that dies ends the
search with a sentence; when the job ends, its processes see their pipe close and end as well.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TypeVar

import msgspec
from msgspec import Struct

from strategy_runtime.backtest.desk import ENVIRONMENT
from strategy_runtime.backtest.search import scoring
from strategy_runtime.backtest.search.walk import Score
from strategy_runtime.jobs.candles import opened
from strategy_runtime.jobs.searching import Crew, Errand
from strategy_runtime.wire.jobs import Task

START = (
    "import sys; sys.path[:0] = sys.argv[1:]; from strategy_runtime.jobs.crew import main; main()"
)
MOST = 24  # two threads each, of the processes that a job may have
LENGTH = 4
LONGEST = 64 * 1024 * 1024
PARTING_SECONDS = 5.0

T = TypeVar("T")


class HandLost(Exception):
    """A process of the search ended before its work did. The text is shown."""


class Orders(Struct, frozen=True):
    """The first frame: what the job itself was given."""

    task: Task
    candles: str


def crew_of(task: Task, candles: Path) -> Crew:
    """As many processes as the job has processors; one works where it is."""
    count = min(ceil(task.limits.cpus), MOST)

    @contextmanager
    def crew(errand: Errand) -> Iterator[Score]:
        if count == 1:
            yield lambda tasks: [errand.scorer.score(one) for one in tasks]
            return
        with ThreadPoolExecutor(count) as threads:
            hands = [Hand(Orders(task, str(candles))) for _ in range(count)]
            try:
                yield _dealt(hands, threads)
            finally:  # first, so that no thread waits for an answer
                for hand in hands:
                    hand.dismiss()

    return crew


def _dealt(hands: Sequence["Hand"], threads: ThreadPoolExecutor) -> Score:
    free: SimpleQueue[Hand] = SimpleQueue()
    for hand in hands:
        free.put(hand)

    def one(task: scoring.Task) -> scoring.Outcome:
        hand = free.get()
        try:
            return hand.score(task)
        finally:
            free.put(hand)

    return lambda tasks: list(threads.map(one, tasks))


class Hand:
    """One process, seen from the job."""

    def __init__(self, orders: Orders) -> None:
        here = [path for path in sys.path if path]
        self._memory_mb = orders.task.limits.memory_mb
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-P", "-s", "-c", START, *here],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        self._send(orders)

    def score(self, task: scoring.Task) -> scoring.Outcome:
        self._send(task)
        assert self._process.stdout is not None
        answer = _read(self._process.stdout, scoring.Outcome)
        if answer is None:
            raise self._lost()
        return answer

    def dismiss(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.kill()
        process.wait(PARTING_SECONDS)
        for pipe in (process.stdin, process.stdout):
            try:
                pipe.close()
            except OSError:  # what it was still to be told
                continue

    def _send(self, message: Struct) -> None:
        assert self._process.stdin is not None
        try:
            _write(self._process.stdin, message)
        except OSError as error:
            raise self._lost() from error

    def _lost(self) -> HandLost:
        try:
            code = self._process.wait(PARTING_SECONDS)
        except subprocess.TimeoutExpired:
            return HandLost("A process of the search says what cannot be understood.")
        if code == -signal.SIGKILL:
            return HandLost(
                "A process of the search was killed: all of them together have "
                f"{self._memory_mb} MB. Search on fewer candles, or have fewer processors."
            )
        return HandLost(f"A process of the search ended with {code}: see what it printed.")


# ---- the other end -------------------------------------------------------------------------------


def main() -> None:
    orders_from, answers = _pipes()
    orders = _read(orders_from, Orders)
    if orders is None:
        return
    task = orders.task
    scorer = Errand.of(task, opened(Path(orders.candles), task.candles_sha256)).scorer
    waiting: SimpleQueue[scoring.Task] = SimpleQueue()
    threading.Thread(target=_listen, args=(orders_from, waiting), daemon=True).start()
    while True:
        _write(answers, scorer.score(waiting.get()))


def _listen(orders_from: IO[bytes], waiting: "SimpleQueue[scoring.Task]") -> None:
    """On a thread of its own: whoever is gone does not wait for an author's endless loop."""
    while (task := _read(orders_from, scoring.Task)) is not None:
        waiting.put(task)
    os._exit(0)


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Under numbers that the author's `print` and `input` do not know."""
    orders_from, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return orders_from, answers


def _write(pipe: IO[bytes], message: Struct) -> None:
    frame = msgspec.msgpack.encode(message)
    pipe.write(len(frame).to_bytes(LENGTH, "little") + frame)
    pipe.flush()


def _read(pipe: IO[bytes], kind: type[T]) -> T | None:
    """None at the end of the pipe, and for what is no message of ours."""
    head = pipe.read(LENGTH)
    length = int.from_bytes(head, "little")
    if len(head) < LENGTH or length > LONGEST:
        return None
    try:
        return msgspec.msgpack.decode(pipe.read(length), type=kind)
    except msgspec.DecodeError:
        return None
