"""From what should run and what does run to the next steps.

`steps` is asked again after each change, so a step need not see further than the next one. It never
starts a deployment twice, never touches what is not ours, and where the engine does not answer it
takes nothing for gone.
"""

from collections.abc import Collection, Iterator, Sequence

from control_plane.containers.models import Running
from control_plane.core.ids import DeploymentId
from control_plane.deployments.models.wishes import (
    GIVEN_UP,
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


def steps(
    wishes: Sequence[Wish],
    running: Sequence[Running],
    *,
    installation: str,
    now_ms: int,
    policy: Policy,
    budget: int,
    busy: Collection[DeploymentId] = (),
) -> list[Step]:
    """What leads from what runs toward what should; empty once they agree. Deployments in `busy`
    are being changed right now. At most `budget` launches, those that wait longest first.
    """
    ours = [r for r in running if r.installation == installation and r.deployment not in busy]
    known = {wish.deployment for wish in wishes}
    found: list[Step] = [Discard(r.deployment, r.handle) for r in ours if r.deployment not in known]
    launches: list[tuple[int, Launch]] = []
    for wish in wishes:
        if wish.deployment in busy:
            continue
        mine = [r for r in ours if r.deployment == wish.deployment]
        for step in _for_one(wish, mine, now_ms, policy):
            if isinstance(step, Launch):
                launches.append((wish.retry_ms, step))
            elif not (isinstance(step, Observe) and _is_known(wish, step)):
                found.append(step)
    launches.sort(key=lambda due: (due[0], due[1].deployment))
    return found + [launch for _, launch in launches[: max(0, budget)]]


def unreachable(wishes: Sequence[Wish], reason: str) -> list[Step]:
    """The engine does not answer: nothing is known, so nothing changes but what we say."""
    told = f"unknown: {reason}"
    return [
        Observe(wish.deployment, wish.observed, told)
        for wish in wishes
        if wish.observed not in ("stopped", *GIVEN_UP) and wish.reason != told
    ]


def _for_one(wish: Wish, mine: list[Running], now_ms: int, policy: Policy) -> Iterator[Step]:
    for stray in (r for r in mine if r.generation > wish.generation):
        yield Discard(wish.deployment, stray.handle)
    if not wish.is_wanted:
        yield from _put_down(wish, mine)
        return

    current = _current_of(wish, mine)
    for twin in (r for r in mine if r.generation == wish.generation and r is not current):
        yield Discard(wish.deployment, twin.handle)
    older = [r for r in mine if r.generation < wish.generation]
    yield from _older(wish, older, now_ms, policy)
    yield from _lost(wish, mine)
    generation = wish.current
    if current is not None and generation is not None:
        yield from _current(wish, generation, current, now_ms, bool(older))
        return
    is_free = current is None and (generation is None or not generation.is_alive)
    # At most two stand side by side, and only while one takes over from the other.
    if is_free and now_ms >= wish.retry_ms and len(older) <= 1:
        yield Launch(wish.deployment)


def _current_of(wish: Wish, mine: list[Running]) -> Running | None:
    """The container that was written down; of several that were not, one that runs."""
    known = wish.current.handle if wish.current is not None else None
    found = [r for r in mine if r.generation == wish.generation]
    return min(found, key=lambda r: (r.handle != known, r.state != "running"), default=None)


def _put_down(wish: Wish, mine: list[Running]) -> Iterator[Step]:
    for r in mine:
        if r.generation > wish.generation:
            continue
        if r.state in ("running", "paused"):
            yield Stop(wish.deployment, r.generation, r.handle, "stopped as asked")
        else:
            yield Bury(wish.deployment, r.generation, r.handle, expected=True)
    yield from _lost(wish, mine)
    if wish.desired in ("running", "paused"):
        if wish.is_cut_off and wish.current is not None:
            yield Observe(wish.deployment, "failed", wish.current.reason)
    elif wish.observed not in GIVEN_UP:
        is_up = any(r.state in ("running", "paused") for r in mine)
        yield Observe(wish.deployment, "stopping" if is_up else "stopped", "stopped as asked")


def _lost(wish: Wish, mine: list[Running]) -> Iterator[Step]:
    there = {r.generation for r in mine}
    for generation in wish.generations.values():
        if generation.is_alive and generation.number not in there:
            broken_off = generation.state == "launching"
            reason = "its launch was broken off" if broken_off else "its container was removed"
            yield Lose(wish.deployment, generation.number, reason)


def _older(wish: Wish, older: list[Running], now_ms: int, policy: Policy) -> Iterator[Step]:
    """During a hand-over the old one goes on until the new one's decisions count."""
    for r in older:
        generation = wish.generations.get(r.generation)
        if r.state in ("exited", "created"):
            yield Bury(wish.deployment, r.generation, r.handle, expected=True)
        elif generation is None or not generation.is_alive or _is_relieved(wish, now_ms, policy):
            yield Stop(wish.deployment, r.generation, r.handle, "a newer generation took over")


def _is_relieved(wish: Wish, now_ms: int, policy: Policy) -> bool:
    current = wish.current
    if wish.active_generation >= wish.generation:
        return True
    if current is None or current.state != "live" or current.started_ms is None:
        return False
    return now_ms - current.started_ms >= policy.ms(policy.hand_over)


def _current(
    wish: Wish, generation: Generation, found: Running, now_ms: int, handing_over: bool
) -> Iterator[Step]:
    place = (wish.deployment, generation.number, found.handle)
    if found.state == "created":
        # Between create and start we died: it never ran, and nobody knows its password any more.
        yield Bury(*place, expected=True)
    elif found.state == "exited":
        yield Bury(*place)
    elif not generation.is_alive:
        yield Stop(*place, reason="this generation has ended")
    elif generation.state == "launching":
        yield Adopt(*place)
    elif found.state == "paused":
        yield Stop(*place, reason="paused from outside: it stood still", crashed=True)
    elif wish.condition.ailment is not None:
        hopeless = wish.condition.hopeless
        yield Stop(*place, reason=wish.condition.ailment, crashed=True, hopeless=hopeless)
    else:
        yield observed_of(wish, generation, handing_over)
        is_free = not handing_over and now_ms >= wish.retry_ms
        if is_free and generation.revision < wish.revision:
            yield Launch(wish.deployment)
        elif is_free and wish.condition.strain is not None:
            yield Launch(wish.deployment, wish.condition.strain)


def observed_of(wish: Wish, generation: Generation, handing_over: bool) -> Observe:
    """What a person is told of a container that runs."""
    pulse = generation.pulse
    if handing_over:
        return Observe(wish.deployment, "running", "a new launch takes over")
    if pulse is None:
        return Observe(wish.deployment, "starting", "waits for its first word")
    if pulse.welcomed_ms is None or pulse.phase == "warming":
        return Observe(wish.deployment, "warming", "reads its history")
    match pulse.phase:
        case "paused":
            return Observe(wish.deployment, "paused", "decides nothing until it is resumed")
        case "lagging":
            return Observe(
                wish.deployment, "lagging", "too many of its decisions wait for an acknowledgement"
            )
        case "draining":
            return Observe(wish.deployment, "stopping", "hands in its last decisions")
        case _:
            return Observe(wish.deployment, "running", wish.condition.remark or _intent(wish))


def _intent(wish: Wish) -> str:
    return "takes no new position, and stops once its own is closed" if wish.draining else ""


def _is_known(wish: Wish, step: Observe) -> bool:
    return (wish.observed, wish.reason) == (step.observed, step.reason)
