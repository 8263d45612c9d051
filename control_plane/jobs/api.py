"""Jobs: what runs once in the sandbox. Checks of uploads are among them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from control_plane.core.ids import JobId
from control_plane.infra.http_callers import Me
from control_plane.infra.http_shapes import Items, Moment, Shape, listing
from control_plane.infra.paging import Asked
from control_plane.jobs.service import Jobs

JOB = "jbq3v5m2k7a4c6d8e2"


class JobOut(Shape):
    id: str = Field(examples=[JOB])
    kind: str = Field(examples=["check"])
    subject: str = Field(
        description="What it is for: a version, or a backtest.", examples=["bt7a4c6d8e2q3v5m2k"]
    )
    state: str = Field(examples=["running"])
    reason: str = Field(description="Why it stands as it does, for people.", examples=[""])
    fault: str = Field(description="Of a failure: `strategy`, or `platform`.", examples=[""])
    progress: float = Field(description="How much of it is done, 0 to 1.", examples=[0.4])
    said: str = Field(examples=["candle 2000 of 5000"])
    attempt: int = Field(description="Launches so far.", examples=[1])
    memory_mb: int
    cpus: float
    seconds: int = Field(description="The longest that it may take.", examples=[900])
    created_at: Moment = Field(validation_alias="created_ms")
    started_at: Moment | None = Field(validation_alias="started_ms")
    ended_at: Moment | None = Field(validation_alias="ended_ms")


class JobDetail(JobOut):
    code_sha256: str
    candles_sha256: str | None = Field(
        description="The file of candles that it was given.",
        examples=["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
    )
    log_tail: str = Field(description="What its process printed last, if it failed.")


def routes(jobs: Jobs) -> APIRouter:
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.get("")
    async def list_jobs(
        me: Me, asked: Annotated[Asked, listing("kind", "subject", "state")]
    ) -> Items[JobOut]:
        """Your jobs: checks of uploads, backtests, searches."""
        return Items.page(JobOut, await jobs.list(me.tenant, asked))

    @router.get("/{job_id}")
    async def get_job(me: Me, job_id: JobId) -> JobDetail:
        """One job, and what its process printed if it failed."""
        return JobDetail.model_validate(await jobs.get(me.tenant, job_id))

    @router.post("/{job_id}/cancel")
    async def cancel_job(me: Me, job_id: JobId) -> JobOut:
        """End it, whether it waits or runs."""
        return JobOut.model_validate(await jobs.cancel(me.tenant, job_id))

    return router
