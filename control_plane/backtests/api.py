"""Backtests and searches on the platform: jobs in the sandbox whose results never change."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field, field_validator

from control_plane.backtests.models import Ask
from control_plane.backtests.service import Backtests
from control_plane.core.clock import ms
from control_plane.core.ids import BacktestId
from control_plane.infra.http_callers import Me
from control_plane.infra.http_shapes import Body, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked

Share = Annotated[Decimal, Field(ge=0, le=1, max_digits=18, decimal_places=12)]
Amount = Annotated[Decimal, Field(gt=0, le=Decimal(10) ** 15, max_digits=30, decimal_places=12)]


class Terms(Body):
    """Under which terms it trades: what a subscription and a venue would set."""

    capital: Amount = Field(Decimal(10_000), description="In the quote currency.")
    risk: Share = Field(Decimal("0.01"), description="Share of the capital, lost at a stop.")
    leverage: Annotated[Decimal, Field(ge=1, le=100)] = Decimal(1)
    mode: Literal["fixed_risk", "leveraged_risk"] = "fixed_risk"
    entry: Literal["open", "close"] = Field("open", description="Of the next candle, or the close.")
    spread: Share = Field(Decimal("0.0002"), description="Between bid and ask.")
    slippage: Share = Decimal("0.0002")
    funding: Share = Field(Decimal("0.0001"), description="Every eight hours, futures.")
    fee: Share | None = Field(None, description="Of a fill; if not given, the instrument's.")
    compound: bool = Field(False, description="Size by what the account has become.")
    max_notional: Amount | None = None


class Search(Body):
    """Which parameters are tried, how, and what is best."""

    method: Literal["grid", "random", "optuna"] = "grid"
    goal: Literal[
        "sharpe",
        "sortino",
        "calmar",
        "total_return",
        "profit_factor",
        "expectancy",
        "win_rate",
    ] = "sharpe"
    trials: int = Field(200, ge=1, le=20_000)
    steps: int | None = Field(None, ge=2, le=1_000, description="Values of a parameter.")
    unseen: float = Field(0.3, ge=0.05, le=0.9, description="Share of candles not searched on.")
    folds: int = Field(0, ge=0, le=50, description="Parts of a walk forward.")
    least_trades: int = Field(5, ge=1)
    seed: int = Field(1, ge=0, le=2**31)
    ranges: dict[str, Annotated[str, Field(max_length=200)]] = Field(
        default_factory=dict,
        max_length=50,
        description="`3:30`, `3:30:3`, `a,b`, or one value; the rest by its bounds.",
        examples=[{"fast": "3:30:3"}],
    )


class AskBacktest(Body):
    """Of the last 30 days, unless `days`, or `since` and `until`, say otherwise."""

    strategy: str = Field(max_length=100, description="Its name or id, or the id of a version.")
    name: str | None = Field(None, max_length=100)
    instrument: str | None = Field(None, max_length=60)
    resolution: str | None = Field(None, max_length=10)
    since: datetime | None = None
    until: datetime | None = None
    days: int | None = Field(None, ge=1, le=36_500)
    parameters: dict[str, Any] = Field(default_factory=dict, examples=[{"fast": 10}])
    terms: Terms = Terms()
    search: Search | None = Field(None, description="Search for parameters instead.")
    seconds: int | None = Field(None, ge=1, description="The longest that it may take.")

    @field_validator("since", "until")
    @classmethod
    def _is_aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("say the offset, such as Z")
        return value

    def ask(self) -> Ask:
        return Ask(
            self.strategy,
            self.name,
            self.instrument,
            self.resolution,
            None if self.since is None else ms(self.since),
            None if self.until is None else ms(self.until),
            self.days,
            self.parameters,
            self.terms.model_dump(mode="json", exclude_none=True),
            None if self.search is None else self.search.model_dump(exclude_none=True),
            self.seconds,
        )


BACKTEST = {"metrics": {"total_return": 0.042, "trades": 61, "sharpe": 1.3}, "remarks": []}


class BacktestOut(Shape):
    id: str = Field(examples=["bt7a4c6d8e2q3v5m2k"])
    job_id: str
    kind: str = Field(examples=["backtest"])
    name: str
    state: str = Field(examples=["done"])
    reason: str = Field(description="Why it stands as it does, for people.", examples=[""])
    progress: float = Field(description="How much of it is done, 0 to 1.", examples=[1.0])
    said: str = Field(examples=[""])
    strategy_id: str
    version_id: str
    code_sha256: str
    instrument: str
    resolution: str
    since: Moment = Field(validation_alias="since_ms")
    until: Moment = Field(validation_alias="until_ms")
    parameters: dict[str, Any]
    terms: dict[str, Any] = Field(examples=[{"capital": "10000"}])
    search: dict[str, Any]
    candles_sha256: str | None = Field(
        description="Of the file of candles that it was given.",
        examples=["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
    )
    created_at: Moment = Field(validation_alias="created_ms")
    ended_at: Moment | None = Field(validation_alias="ended_ms")
    headline: dict[str, Any] | None = Field(
        description="What its result says first: figures, remarks, the hash of the data.",
        examples=[BACKTEST],
    )


class ComparedOut(Shape):
    items: list[BacktestOut]


class ResultOut(Shape):
    """All of a result, beside the settings that it belongs to."""

    backtest: BacktestOut
    result: dict[str, Any] = Field(examples=[BACKTEST])


class ReportOut(Shape):
    """A page that needs nothing else: no server, no network, no other file."""

    file: str = Field(examples=["bt7a4c6d8e2q3v5m2k.html"])
    html: str = Field(examples=["<!doctype html>…"])


def routes(backtests: Backtests) -> APIRouter:
    router = APIRouter(prefix="/backtests", tags=["backtests"])

    @router.post("", status_code=201)
    async def ask_backtest(me: Me, body: AskBacktest) -> BacktestOut:
        """Run a version over recorded candles, in the sandbox, or search for its parameters."""
        return BacktestOut.model_validate(await backtests.ask(me.tenant, body.ask()))

    @router.get("")
    async def list_backtests(
        me: Me,
        asked: Annotated[
            Asked,
            listing("kind", "name", "strategy_id", "version_id", "instrument", "resolution"),
        ],
    ) -> Items[BacktestOut]:
        """Your backtests and searches, and what came of them."""
        return Items.page(BacktestOut, await backtests.list(me.tenant, asked))

    @router.get("/compared")
    async def compare_backtests(
        me: Me,
        ids: Annotated[
            str,
            Query(
                max_length=500,
                description="Up to 20, separated by commas.",
                examples=["bt7a4c6d8e2q3v5m2k,bt2q3v5m2k7a4c6d8e"],
            ),
        ],
    ) -> ComparedOut:
        """Some of them side by side, in this order."""
        named = [one.strip() for one in ids.split(",") if one.strip()]
        found = await backtests.compare(me.tenant, named)
        return ComparedOut(items=[BacktestOut.model_validate(one) for one in found])

    @router.get("/{backtest_id}")
    async def get_backtest(me: Me, backtest_id: BacktestId) -> BacktestOut:
        """One of them: how far it is, and what came of it."""
        return BacktestOut.model_validate(await backtests.get(me.tenant, backtest_id))

    @router.get("/{backtest_id}/result")
    async def get_backtest_result(me: Me, backtest_id: BacktestId) -> ResultOut:
        """All of its result: every trade, curves, months, or every point tried."""
        found = await backtests.get(me.tenant, backtest_id)
        result = await backtests.result(me.tenant, backtest_id)
        return ResultOut(backtest=BacktestOut.model_validate(found), result=result)

    @router.get("/{backtest_id}/report")
    async def get_backtest_report(me: Me, backtest_id: BacktestId) -> ReportOut:
        """Its report as one interactive page that works offline."""
        html = await backtests.report(me.tenant, backtest_id)
        return ReportOut(file=f"{backtest_id}.html", html=html)

    @router.post("/{backtest_id}/cancel")
    async def cancel_backtest(me: Me, backtest_id: BacktestId) -> BacktestOut:
        """End it, whether it waits or runs."""
        return BacktestOut.model_validate(await backtests.cancel(me.tenant, backtest_id))

    return router
