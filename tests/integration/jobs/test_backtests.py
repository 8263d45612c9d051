"""Backtests and searches asked for on the platform, over the candles that it has stored."""

from dataclasses import asdict, replace
from typing import Any

import msgspec
import pytest

from control_plane.backtests.errors import NoResult
from control_plane.backtests.models import Ask, Backtest
from control_plane.backtests.service import Backtests
from control_plane.errors import Conflict
from control_plane.infra.paging import Asked
from control_plane.infra.rng import SystemRng
from control_plane.market import store as market
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.models.simulation import past
from control_plane.market.models.trades import Closed
from control_plane.strategies.service import Strategies
from strategy_runtime.backtest.recorded import bars_of
from strategy_runtime.backtest.run import backtest
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.engine.engine import Setting
from strategy_runtime.loader import load
from tests.conftest import wait_until
from tests.fakes.strategies import check_here
from tests.integration.jobs.conftest import GOOD, ME, YOU, Yard

pytestmark = [pytest.mark.redis, pytest.mark.timeout(180)]

INSTRUMENT = "fut:B-BTC_USDT"
UNTIL = 1_755_475_200_000
SPAN = 3 * 86_400_000
TERMS = {"capital": "20000", "leverage": "3"}


@pytest.fixture
async def candles(dry_yard: Yard) -> list[Closed]:
    found = list(past(BY_ID[INSTRUMENT], 3, UNTIL, (("5m", 3 * 288),)))
    await dry_yard.db.write(market.add_candles, found)
    return [one for one in found if one.resolution == "5m"]


@pytest.fixture
async def backtests(dry_yard: Yard) -> Backtests:
    """A version that has passed, without the run that this is not about."""
    await Strategies(dry_yard.db, SystemRng(), check_here).upload(ME, "good", GOOD)
    return Backtests(dry_yard.db, dry_yard.bus, SystemRng(), dry_yard.limits)


def ask(**changes: Any) -> Ask:
    usual = {"since_ms": UNTIL - SPAN, "until_ms": UNTIL, "terms": TERMS}
    return Ask("good", **{**usual, **changes})


async def over(backtests: Backtests, one: Backtest) -> Backtest:
    found = one

    async def is_over() -> bool:
        nonlocal found
        found = await backtests.get(ME, one.id)
        return found.state in ("done", "failed", "cancelled")

    await wait_until(is_over, 60, f"its end ({found.said})")
    return found


async def test_a_backtest_there_is_the_backtest_here(
    dry_yard: Yard, backtests: Backtests, candles: list[Closed]
) -> None:
    async with dry_yard.sails():
        found = await over(backtests, await backtests.ask(ME, ask(parameters={"fast": 5})))

    assert found.state == "done", found.reason
    inside = [c.candle for c in candles if UNTIL - SPAN <= c.candle.open_ms < UNTIL]
    bars = bars_of("5m", inside)
    here = backtest(
        load(GOOD),
        Setting(INSTRUMENT, "5m", {"fast": 5, "slow": 21}),
        bars,
        terms=msgspec.convert(TERMS, Terms, strict=False),
        instrument=BY_ID[INSTRUMENT].instrument,
    )
    assert found.headline is not None
    assert found.headline["metrics"] == pytest.approx(msgspec.to_builtins(here.metrics))
    assert found.headline["data_sha256"] == bars.sha256()
    result = await backtests.result(ME, found.id)
    assert len(result["trades"]) == len(here.trades) > 0


async def test_a_result_stays_with_its_settings_and_is_its_owner_s(
    dry_yard: Yard, backtests: Backtests, candles: list[Closed]
) -> None:
    async with dry_yard.sails():
        first = await over(backtests, await backtests.ask(ME, ask(name="one")))
        other = await over(backtests, await backtests.ask(ME, ask(name="</script>two")))
        again = await backtests.get(ME, first.id)

    assert asdict(again) == asdict(first)
    assert (first.terms, first.parameters) == (TERMS, {"fast": 8, "slow": 21})
    both = await backtests.compare(ME, [other.id, first.id])
    assert [one.name for one in both] == ["</script>two", "one"]
    assert len((await backtests.list(ME, Asked())).rows) == 2
    assert (await backtests.list(YOU, Asked())).rows == []
    page = await backtests.report(ME, other.id)
    assert page.count("</script>") == 1
    with pytest.raises(Conflict, match="has ended"):
        await backtests.cancel(ME, first.id)


async def test_a_search_tells_its_best_point_and_doubts_it(
    dry_yard: Yard, backtests: Backtests, candles: list[Closed]
) -> None:
    search = {"ranges": {"fast": "3,8", "slow": "20:30:10"}, "least_trades": 1, "folds": 2}
    async with dry_yard.sails():
        asked = await backtests.ask(ME, ask(search=search))
        assert asked.kind == "optimise"
        with pytest.raises(NoResult, match="it is"):
            await backtests.result(ME, asked.id)
        found = await over(backtests, asked)

    assert (found.state, found.reason) == ("done", "")
    assert found.headline is not None
    assert found.headline["tried"] == 4
    assert found.headline["best"]["point"].keys() == {"fast", "slow"}
    assert any("points were tried" in remark for remark in found.headline["remarks"])
    page = await backtests.report(ME, found.id)
    told = msgspec.json.decode(page.partition("const result = ")[2].partition(";\n")[0])
    assert told["search"]["map"]["scores"]
    assert len(told["search"]["folds"]) == 2
    assert told["parameters"].items() >= found.headline["best"]["point"].items()
    assert len(told["curves"]["equity"]) > 0


async def test_a_search_on_several_processors_finds_the_same(
    dry_yard: Yard, backtests: Backtests, candles: list[Closed]
) -> None:
    search = {"method": "random", "trials": 12, "least_trades": 1, "folds": 1}
    alone = replace(backtests, limits=dry_yard.limits.model_copy(update={"search_cpus": 1.0}))
    async with dry_yard.sails():
        one = await over(alone, await alone.ask(ME, ask(search=search)))
        two = await over(backtests, await backtests.ask(ME, ask(search=search)))

    assert (one.state, two.state) == ("done", "done"), (one.reason, two.reason)
    assert await backtests.result(ME, one.id) == await backtests.result(ME, two.id)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"search": {"ranges": {"none": "1:2"}}}, "there is no parameter 'none'"),
        ({"since_ms": UNTIL - 400 * SPAN, "until_ms": UNTIL - 399 * SPAN}, "There are no 5m"),
        ({"terms": {"capital": "much"}}, "terms make no sense"),
    ],
)
async def test_what_cannot_be_done_fails_with_a_sentence(
    dry_yard: Yard,
    backtests: Backtests,
    candles: list[Closed],
    changes: dict[str, Any],
    reason: str,
) -> None:
    async with dry_yard.sails():
        found = await over(backtests, await backtests.ask(ME, ask(**changes)))

    assert found.state == "failed"
    assert reason in found.reason
