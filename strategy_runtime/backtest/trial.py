"""The dynamic check: what a strategy does when it is driven, told as findings.

It is run twice, in another process on another day, once restarted half-way with what is durable,
and with the future cut off. Where a decision differs, the finding names what did not belong:
chance, an attribute, or a candle that was not there yet, and the line where the runs part. Whoever
calls this gives it a process of its own, with limits.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from strategy_runtime.backtest.driven import Case, Said, differs, mark, shared
from strategy_runtime.backtest.found import Found, column_of, raised, where_kept
from strategy_runtime.backtest.restart import restarted
from strategy_runtime.backtest.track import parting, path_of
from strategy_runtime.engine.engine import Setting
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.loader import LoadError
from strategy_runtime.sdk.bars import Bars

SLOW_MS = 50.0
LARGE_MB = 450
MAX_SAID = 20
MAX_CUTS = 4
MAX_ASKED = 20

# Processor time: a strategy that hangs is told soon, one that calculates has its time.
FIRST_CANDLES = 50
FIRST_SECONDS = 3.0
REST_SECONDS = 50.0
ALL_SECONDS = 12.0  # about, of all runs together
LEAST_CANDLES = 300
RUNS = 8  # of as many candles as there are, about

_SAME = "Decisions may depend on candles, parameters, state and position only."
_FASTER = "Declare indicators in on_start: they cost next to nothing a candle."


class Trial(Struct, frozen=True):
    findings: tuple[Found, ...]
    candles: int = 0
    signals: int = 0
    milliseconds: float = 0.0  # of one candle, on average
    peak_mb: int = 0


class Echo(Struct, frozen=True):
    """What another process said on the same candles: decisions by their marks, or one's lines."""

    marks: list[tuple[int, str]] = []
    path: tuple[int, ...] = ()


# Asked without a number: the marks. With one: the lines of the decision on that bar.
Elsewhere = Callable[[int | None], Echo | None]


def unlimited(seconds: float) -> None:
    """Nobody counts."""


def trial(
    source: str,
    setting: Setting,
    bars: Bars,
    clock: Callable[[], float],
    *,
    allow: Callable[[float], None] = unlimited,
    elsewhere: Elsewhere | None = None,
) -> Trial:
    """`allow` grants processor seconds for what follows; exceeding them ends the process."""
    try:
        allow(FIRST_SECONDS)
        bars = _affordable(Case.of(source, setting), bars, clock)
        allow(REST_SECONDS)
        case = Case.of(source, setting)
        began = clock()
        first = case.decisions(bars)
        took = 1000.0 * (clock() - began) / max(1, len(bars))
        findings = list(_findings(case, bars, first, elsewhere))
    except (LoadError, StrategyFailed) as error:
        text = str(error)
        found = raised("start", text, "", source)
        return Trial((_starting(found),))
    if took > SLOW_MS:
        message = f"A candle takes {took:.0f} ms."
        findings.append(Found("slow", message, _FASTER, *case.hook, "warning"))
    signals = sum(len(decision.signals) for _, decision in first)
    if not signals and not any(f.severity == "error" for f in findings):
        message = f"It gave no signal on {len(bars)} candles."
        hint = "Try other candles with --data, or log what its conditions see."
        findings.append(Found("silent", message, hint, *case.hook, "warning"))
    return Trial(tuple(findings), len(bars), signals, took)


def echo(source: str, setting: Setting, bars: Bars, bar: int | None) -> Echo:
    """The other process' side."""
    case = Case.of(source, setting)
    if bar is None:
        return Echo([(at, mark(decision)) for at, decision in case.decisions(bars)])
    return Echo(path=path_of(bar, lambda: case.decisions(bars.part(0, bar + 1))))


def _starting(found: Found) -> Found:
    return Found(
        "start", f"It does not start: {found.message}", found.hint, found.line, found.column
    )


def _affordable(case: Case, bars: Bars, clock: Callable[[], float]) -> Bars:
    """As many candles as the time is enough for; what hangs, hangs here."""
    some = bars.part(0, FIRST_CANDLES)
    began = clock()
    case.decisions(some)
    each = (clock() - began) / max(1, len(some))
    enough = ALL_SECONDS / RUNS
    if each * len(bars) <= enough:
        return bars
    return bars.part(0, max(LEAST_CANDLES, int(enough / each)))


def _findings(case: Case, bars: Bars, first: Said, elsewhere: Elsewhere | None) -> Iterator[Found]:
    yield from _failures(case, bars, first)
    by_chance = _about_chance(case, bars, first) or (
        None if elsewhere is None else _about_other_days(case, bars, first, elsewhere)
    )
    if by_chance is not None:
        yield by_chance  # what differs by itself says nothing about restarts and the future
        return
    for about in (_about_memory, _about_future):
        found = about(case, bars, first)
        if found is not None:
            yield found


def _failures(case: Case, bars: Bars, said: Said) -> Iterator[Found]:
    """Each error once, with how often and where first."""
    counted: dict[tuple[int, str], tuple[str, list[int]]] = {}
    for bar, decision in said:
        if decision.error:
            key = case.error_key(decision.error)
            counted.setdefault(key, (decision.error, []))[1].append(bar)
    for (line, kind), (text, at) in list(counted.items())[:MAX_SAID]:
        beside = f" (on {len(at)} candles, first on candle {at[0] + 1})"
        rule = "signal" if kind.endswith("SignalError") else "raised"
        yield raised(rule, text, beside, case.source, line or case.last_line(bars, at[0]))


def _about_chance(case: Case, bars: Bars, first: Said) -> Found | None:
    bar = differs(first, case.decisions(bars))
    if bar is None:
        return None
    after = shared(case.kind)
    kept = sorted(name for name in after if after[name] != case.fresh.get(name))
    what = f": {', '.join(kept)} kept what the run before left" if kept else ""
    hint = f"{_SAME} Keep what must last in self.state." if kept else _SAME
    line = where_kept(case.source, kept) if kept else 0
    if not line:
        line = _where_it_parts(case, bars, bar)
    message = f"Run again on the same candles it decides otherwise, first on candle {bar + 1}"
    return Found("chance", f"{message}{what}.", hint, line, column_of(case.source, line))


def _where_it_parts(case: Case, bars: Bars, bar: int) -> int:
    """Chance may agree with itself now and then: it is asked until it does not."""
    some = bars.part(0, bar + 1)
    one = other = path_of(bar, lambda: case.decisions(some))
    for _ in range(MAX_ASKED):
        other = path_of(bar, lambda: case.decisions(some))
        if other != one:
            break
    return parting(one, other)


def _about_other_days(case: Case, bars: Bars, first: Said, elsewhere: Elsewhere) -> Found | None:
    mine = [(bar, mark(decision)) for bar, decision in first]
    said = elsewhere(None)
    if said is None or said.marks == mine:
        return None
    theirs = said.marks
    pairs = zip(mine, theirs, strict=False)
    longer = mine if len(mine) > len(theirs) else theirs
    bar = next(
        (min(a[0], b[0]) for a, b in pairs if a != b),
        longer[min(len(mine), len(theirs)) :][0][0] if len(mine) != len(theirs) else 0,
    )
    path = path_of(bar, lambda: case.decisions(bars.part(0, bar + 1)))
    theirs_path = elsewhere(bar)
    line = parting(path, () if theirs_path is None else theirs_path.path)
    return Found(
        "chance",
        "In another process, on another day, it decides otherwise on the same candles, first on "
        f"candle {bar + 1}.",
        f"{_SAME} The clock moves on, and sets and hash() have another order in each process: use "
        "candle.open_ms, and sort.",
        line,
        column_of(case.source, line),
    )


def _about_memory(case: Case, bars: Bars, first: Said) -> Found | None:
    found = restarted(case, bars)
    if found is None:
        return None
    bar, names = found
    line = where_kept(case.source, names)
    told = (
        f"{', '.join(names)} did not come back"
        if names
        else ("an indicator needs more candles than it looks back at")
    )
    return Found(
        "memory",
        f"Restarted half-way it decides otherwise, first on candle {bar + 1}: {told}.",
        "Keep what must last in self.state." if names else "Raise lookback.",
        *((line, column_of(case.source, line)) if line else case.hook),
        "warning",
    )


def _about_future(case: Case, bars: Bars, first: Said) -> Found | None:
    for end in _cuts(first, len(bars)):
        before = [(bar, decision) for bar, decision in first if bar < end]
        alone = bars.part(0, end).alone()
        bar = differs(before, case.decisions(alone))
        if bar is None:
            continue
        whole = path_of(bar, lambda: case.decisions(bars))
        cut = path_of(bar, lambda some=alone: case.decisions(some))  # type: ignore[misc]
        line = parting(whole, cut)
        return Found(
            "future",
            f"With the future cut off it decides otherwise, first on candle {bar + 1}: it looks "
            "ahead.",
            "Use what self.history shows, and nothing behind it.",
            line,
            column_of(case.source, line),
        )
    return None


def _cuts(first: Said, count: int) -> list[int]:
    """Half-way, and right behind some of the signals: what looks one candle ahead shows there."""
    signals = [bar + 1 for bar, decision in first if decision.signals]
    step = max(1, len(signals) // MAX_CUTS)
    return sorted({count // 2, *signals[::step][:MAX_CUTS]} - {0})
