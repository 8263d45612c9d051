"""Every step from how a deployment stands to how it is wanted, told beforehand.

The very `steps` that the fleet takes are asked again and again, on a picture in which each of them
has gone well.
"""

from collections.abc import Sequence
from dataclasses import replace

from control_plane.containers.models import Handle, Running
from control_plane.deployments.models.fleet import steps
from control_plane.deployments.models.wishes import (
    Adopt,
    Bury,
    Discard,
    Generation,
    Launch,
    Lose,
    Observe,
    Policy,
    Step,
    Stop,
    Wish,
)

LONGEST = 20
OURS = "ours"


def voyage(wish: Wish, *, now_ms: int, policy: Policy) -> list[Step]:
    """The steps that are left, in order; nothing but looking is none."""
    picture = wish, _running(wish)
    taken: list[Step] = []
    while len(taken) < LONGEST:
        due = [step for step in _due(*picture, now_ms, policy) if not isinstance(step, Observe)]
        if not due:
            break
        for step in due:
            taken.append(step)
            picture = _after(*picture, step, now_ms)
    return taken


def told(step: Step, wish: Wish, shape: str) -> str:
    """One of them, for people. `shape` says what is launched."""
    match step:
        case Launch():
            beside = " beside the present one, which goes on until the new one decides"
            is_hand_over = any(generation.is_alive for generation in wish.generations.values())
            return f"launch {shape}{beside if is_hand_over else ''}"
        case Stop(generation=number, reason=reason):
            return f"stop generation {number} ({reason}); it may hand in what it decided"
        case Bury(generation=number):
            return f"write down how generation {number} ended, and remove its container"
        case Lose(generation=number):
            return f"close generation {number}, whose container is gone"
        case Adopt(generation=number):
            return f"take over generation {number}, which runs already"
        case Discard():
            return "remove a container that nothing asks for"
        case Observe():
            return step.reason


def _due(wish: Wish, running: Sequence[Running], now_ms: int, policy: Policy) -> list[Step]:
    at = max(now_ms, wish.retry_ms)
    return steps([wish], running, installation=OURS, now_ms=at, policy=policy, budget=1)


def _running(wish: Wish) -> list[Running]:
    return [
        _container(wish, generation.number)
        for generation in wish.generations.values()
        if generation.is_alive
    ]


def _container(wish: Wish, number: int) -> Running:
    return Running(Handle(str(number)), OURS, wish.deployment, number, "running")


def _after(
    wish: Wish, running: list[Running], step: Step, now_ms: int
) -> tuple[Wish, list[Running]]:
    match step:
        case Launch():
            number = wish.generation + 1
            new = Generation(number, "live", wish.revision, now_ms, now_ms)
            launched = replace(
                wish,
                generation=number,
                active_generation=number,
                generations={**wish.generations, number: new},
            )
            return launched, [*running, _container(wish, number)]
        case Adopt(generation=number):
            return _turned(wish, number, "live"), running
        case Stop(generation=number, handle=handle) | Bury(generation=number, handle=handle):
            return _turned(wish, number, "ended"), [r for r in running if r.handle != handle]
        case Lose(generation=number):
            return _turned(wish, number, "ended"), running
        case Discard(handle=handle):
            return wish, [r for r in running if r.handle != handle]
        case Observe():
            return wish, running


def _turned(wish: Wish, number: int, state: str) -> Wish:
    found = wish.generations.get(number)
    if found is None:
        return wish
    return replace(wish, generations={**wish.generations, number: replace(found, state=state)})
