"""`slipway run --paper`: a strategy live on this machine with play money, reloaded when saved."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from control_plane.cli.making import Market, Resolution, Seed, Set, Strategy, parameters
from control_plane.cli.session import Api, AsJson, call
from control_plane.cli.subjects import refusing, subject_at
from control_plane.errors import Invalid, Missing

if TYPE_CHECKING:
    from control_plane.cli.feeding import Feed, Step
    from strategy_runtime.backtest.author import Subject
    from strategy_runtime.backtest.paper import Paper
    from strategy_runtime.engine.engine import Decision, Setting

WATCHED = ("strategy.py", "parameters.json", "manifest.json")


def run(
    path: Strategy,
    paper: Annotated[bool, typer.Option("--paper", help="With play money.")] = False,
    server: Annotated[
        bool, typer.Option("--server", help="On a running Slipway's candles, not simulated ones.")
    ] = False,
    instrument: Market = None,
    resolution: Resolution = None,
    set_: Set = None,
    speed: Annotated[float, typer.Option(min=0.1, max=100_000, help="Simulated.")] = 60.0,
    candles: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Run it live on this machine until Ctrl-C; save the file, and the new one goes on.

    The simulated market needs no server. With --json each decision is a line.
    """
    if not paper:
        raise Invalid(
            "On this machine a strategy runs with play money only.",
            field="--paper",
            remedy="Add --paper; `slipway push` and `slipway deploy` run it for subscribers.",
        )
    watched = Watched(path, instrument, resolution, parameters(set_))
    with suppress(KeyboardInterrupt, BrokenPipeError):
        if server:
            call(lambda api: _sail(watched, api, speed, seed, candles, as_json=as_json))
        else:
            asyncio.run(_sail(watched, None, speed, seed, candles, as_json=as_json))


class Watched:
    """A strategy's files: read again when one of them was saved."""

    def __init__(
        self,
        path: Path,
        instrument: str | None,
        resolution: str | None,
        texts: dict[str, str],
    ) -> None:
        self.path = path
        self._instrument, self._resolution, self._texts = instrument, resolution, texts
        self._saved = self._stamps()

    def has_changed(self) -> bool:
        before, self._saved = self._saved, self._stamps()
        return before != self._saved

    def opened(self) -> "tuple[Subject, Any, Setting]":
        """Invalid if what stands there does not load."""
        from strategy_runtime.backtest import author

        subject = subject_at(self.path)
        kind, setting = refusing(
            lambda: author.opened(subject, instrument=self._instrument, resolution=self._resolution)
        )
        values = {**subject.parameters, **author.typed(kind, self._texts)}
        return subject, kind, msgspec.structs.replace(setting, parameters=values)

    def _stamps(self) -> tuple[int, ...]:
        folder = self.path if self.path.is_dir() else self.path.parent
        files = [folder / name for name in WATCHED] if self.path.is_dir() else [self.path]
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


async def _sail(
    watched: Watched,
    api: Api | None,
    speed: float,
    seed: int,
    candles: int | None,
    *,
    as_json: bool,
) -> None:
    from control_plane.cli.paper_page import screen
    from control_plane.market.models.catalogue import BY_ID
    from strategy_runtime.backtest.paper import Paper
    from strategy_runtime.backtest.terms import Terms, generic

    subject, kind, setting = watched.opened()
    feed = _feed(kind, setting, api, speed, seed)
    window = max(setting.window, kind.lookback)
    listing, past = BY_ID.get(setting.instrument), await feed.past(window)
    price = past[-1].closed[-1][1].close if past else 1.0
    rules = generic(setting.instrument, price) if listing is None else listing.instrument
    sailing = refusing(lambda: Paper(kind, setting, rules, Terms()))
    _warm(sailing, past)
    refusing(lambda: sailing.start(kind, setting))
    with screen(subject.name, sailing, as_json=as_json) as shown:
        left = candles
        async for step in feed.steps():
            if watched.has_changed():
                shown.say(_reloaded(watched, sailing))
            for decision in _taken(sailing, step):
                shown.decided(decision)
            shown.draw()
            if left is not None:
                left -= sum(name == setting.resolution for name, _ in step.closed)
                if left <= 0:
                    return


def _feed(kind: Any, setting: "Setting", api: Api | None, speed: float, seed: int) -> "Feed":
    from control_plane.cli.feeding import Remote, Simulated
    from control_plane.infra.clock import RealClock
    from control_plane.market.models.catalogue import BY_ID

    resolutions = (setting.resolution, *setting.resolutions)
    if api is not None:
        return Remote(api, setting.instrument, resolutions, RealClock())
    listing = BY_ID.get(setting.instrument)
    if listing is None:
        raise Missing(
            f"There is no simulated market {setting.instrument!r}.",
            field="--instrument",
            remedy=f"There are: {', '.join(BY_ID)}. --server takes a running Slipway's.",
        )
    return Simulated(
        listing, resolutions, RealClock(), speed=speed, seed=seed, ticks=bool(kind.ticks)
    )


def _warm(sailing: "Paper", past: "list[Step] | Any") -> None:
    base = []
    for step in past:
        for name, candle in step.closed:
            if name == sailing.setting.resolution:
                base.append(candle)
            else:
                sailing.learn(name, candle)
    sailing.warm(base)


def _taken(sailing: "Paper", step: "Step") -> "list[Decision]":
    said = [sailing.take_tick(tick) for tick in step.ticks]
    for name, candle in step.closed:
        if name == sailing.setting.resolution:
            said.append(sailing.take(candle))
        else:
            sailing.learn(name, candle)
    return [decision for decision in said if decision is not None]


def _reloaded(watched: Watched, sailing: "Paper") -> str:
    """What to say about it; the old one goes on where the new one does not start."""
    before = sailing.setting
    try:
        _, kind, setting = watched.opened()
        if (setting.instrument, setting.resolution, setting.resolutions) != (
            before.instrument,
            before.resolution,
            before.resolutions,
        ):
            return "not reloaded: it asks for another market or resolution; start it again"
        refusing(lambda: sailing.start(kind, setting))
    except Invalid as error:
        return f"not reloaded, the one before goes on: {error.what}"
    return "reloaded"
