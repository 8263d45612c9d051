"""What each template makes of the shipped candles: its README tells the same, and a test compares.

python -m tests.unit.templates.figures    puts the line into every README
"""

from functools import cache
from pathlib import Path

from control_plane.market.models.catalogue import BY_ID
from strategy_runtime.backtest.author import candles_for, opened, read_subject, shipped
from strategy_runtime.backtest.run import Result, backtest

ROOT = Path(__file__).parents[3] / "strategy_templates"
OLDER = ("older_class", "older_function")
MARK = "Backtest: "
DAYS = {True: 3, False: 14}


@cache
def result(name: str) -> Result:
    """Over the whole shipped fortnight; three days for the older styles, which take their time."""
    kind, setting = opened(read_subject(ROOT / name))
    recorded = shipped(setting.instrument)
    assert recorded is not None
    candles = candles_for(setting, recorded.part(0, DAYS[name in OLDER] * 1_440))
    return backtest(
        kind,
        setting,
        candles.bars,
        instrument=BY_ID[setting.instrument].instrument,
        further=candles.further,
        finer=candles.finer,
    )


def line(name: str) -> str:
    found = result(name)
    m, setting, days = found.metrics, found.setting, DAYS[name in OLDER]
    return (
        f"{MARK}{m.trades} trades of {setting.instrument} on {setting.resolution} candles in the "
        f"first {days} shipped days, return {m.total_return:.1%} after {m.fees:,.0f} of fees on a "
        f"capital of 10,000, deepest drawdown {m.max_drawdown:.1%}, {m.win_rate or 0:.0%} won."
    )


def main() -> None:
    for folder in sorted(file.parent for file in ROOT.glob("*/strategy.py")):
        page = folder / "README.md"
        kept = [row for row in page.read_text().splitlines() if not row.startswith(MARK)]
        page.write_text("\n".join(kept).rstrip("\n") + f"\n\n{line(folder.name)}\n")


if __name__ == "__main__":
    main()
