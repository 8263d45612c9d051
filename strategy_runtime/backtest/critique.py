"""What a careful reader would say about a result before believing it."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from strategy_runtime.backtest.chance import Chance
from strategy_runtime.backtest.metrics import Metrics
from strategy_runtime.backtest.trades import Skipped, Trade
from strategy_runtime.sdk.params import Param

FEW_TRADES = 30
SHORT_DAYS = 14
MANY_SKIPS = 0.2


class Remark(Struct, frozen=True):
    rule: str
    text: str


def criticise(
    metrics: Metrics,
    trades: Sequence[Trade],
    *,
    skipped: Sequence[Skipped] = (),
    errors: Mapping[str, int] | None = None,
    chance: Chance | None = None,
    at_bounds: Sequence[str] = (),
    lacks_ticks: bool = False,
    knew: int | None = None,
) -> list[Remark]:
    """`knew` is a bar that was decided otherwise without those behind it."""
    return [
        *_about_decisions(errors or {}, lacks_ticks, knew),
        *_about_trades(metrics, trades, skipped),
        *_about_money(metrics, trades),
        *_about_luck(metrics, chance, at_bounds),
    ]


def _about_decisions(
    errors: Mapping[str, int], lacks_ticks: bool, knew: int | None
) -> Iterator[Remark]:
    if knew is not None:
        yield Remark(
            "future",
            f"Without the candles behind it, candle {knew + 1} is decided otherwise: it looks "
            "ahead, or decides by chance. `slipway check` names the line; believe no figure here.",
        )
    for text, count in sorted(errors.items(), key=lambda item: -item[1])[:3]:
        yield Remark("failed", f"{count} decisions failed: {text}")
    if lacks_ticks:
        yield Remark("ticks", "on_tick was not called: there are candles only. Bring --ticks FILE.")


def _about_trades(
    metrics: Metrics, trades: Sequence[Trade], skipped: Sequence[Skipped]
) -> Iterator[Remark]:
    if not trades and not skipped:
        yield Remark("flat", "It never traded on these candles.")
    elif len(trades) < FEW_TRADES:
        yield Remark(
            "few_trades", f"{len(trades)} trades are too few to tell skill from luck: test longer."
        )
    if metrics.days < SHORT_DAYS:
        yield Remark("short", f"{metrics.days:.1f} days hold one mood of a market: test longer.")
    if skipped and len(skipped) >= MANY_SKIPS * (len(trades) + len(skipped)):
        reasons = sorted({skip.reason for skip in skipped})
        needed = max((skip.capital_needed or 0.0 for skip in skipped), default=0.0)
        more = f" A capital of {needed:,.2f} would do." if needed else ""
        yield Remark(
            "skipped", f"{len(skipped)} entries could not be traded ({', '.join(reasons)}).{more}"
        )
    naked = sum(trade.stop_loss is None for trade in trades)
    if naked:
        yield Remark("no_stop", f"{naked} trades had no stop: one bad day can take everything.")
    if any(trade.cause == "liquidation" for trade in trades):
        yield Remark("liquidated", "Positions were liquidated: trade smaller, or with stops.")


def _about_money(metrics: Metrics, trades: Sequence[Trade]) -> Iterator[Remark]:
    profit = sum(trade.pnl for trade in trades)
    best = max((trade.pnl for trade in trades), default=0.0)
    if len(trades) > 1 and 0 < profit < best:
        yield Remark("one_trade", "Without its best trade it would have lost.")
    before = profit + metrics.fees + metrics.funding
    if trades and before > 0 and metrics.fees > before / 2:
        share = metrics.fees / before
        yield Remark("fees", f"Fees eat {share:.0%} of what it made: trade less often.")
    if trades and metrics.total_return < metrics.buy_and_hold and metrics.buy_and_hold > 0:
        yield Remark("hold", f"Holding would have returned {metrics.buy_and_hold:.1%}.")


def _about_luck(
    metrics: Metrics, chance: Chance | None, at_bounds: Sequence[str]
) -> Iterator[Remark]:
    if chance is not None and metrics.total_return > 0 and chance.loses > 0.05:
        yield Remark(
            "luck", f"Drawn again, its trades lose money in {chance.loses:.0%} of the draws."
        )
    if chance is not None and chance.max_drawdown.high > 2 * metrics.max_drawdown > 0:
        yield Remark(
            "order",
            f"In another order the same trades fall by {chance.max_drawdown.high:.0%}, "
            f"not {metrics.max_drawdown:.0%}.",
        )
    if at_bounds:
        yield Remark("bounds", f"At the edge of their bounds: {', '.join(at_bounds)}.")


def at_bounds(values: Mapping[str, object], declared: Mapping[str, Param]) -> list[str]:
    """The parameters whose value is the last that is allowed."""
    found = []
    for name, parameter in declared.items():
        edges = {parameter.bounds[bound] for bound in ("ge", "le") if bound in parameter.bounds}
        if values.get(name, parameter.default) in edges:
            found.append(name)
    return found
