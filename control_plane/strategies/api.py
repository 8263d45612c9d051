"""Strategies and their versions: upload, list, look at what checking found."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, UploadFile
from pydantic import Field

from control_plane.core.ids import VersionId
from control_plane.infra.http_callers import Me
from control_plane.infra.http_refusals import Listed
from control_plane.infra.http_shapes import Body, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked
from control_plane.strategies.errors import BadUpload
from control_plane.strategies.models.findings import first_error
from control_plane.strategies.service import Strategies, Strategy, Version

Name = Annotated[str, Field(min_length=1, max_length=100, examples=["SMA cross"])]

EXAMPLE = "from strategy_runtime import BaseStrategy\n\nclass Crossover(BaseStrategy):\n    ..."


class Upload(Body):
    name: Name
    code: str = Field(max_length=300_000, description="Python", examples=[EXAMPLE])
    manifest: dict[str, Any] = Field(default_factory=dict, examples=[{"resolution": "5m"}])


class FindingOut(Shape):
    rule: str = Field(examples=["syntax"])
    message: str
    hint: str
    line: int = Field(description="0: the file as a whole")
    column: int
    severity: str = Field(examples=["error"])


class ParameterOut(Shape):
    name: str
    kind: str = Field(examples=["int"])
    default: int | float | str | bool
    bounds: dict[str, float] = Field(examples=[{"ge": 2, "le": 200}])
    choices: tuple[int | float | str | bool, ...] | None
    description: str


class OutlineOut(Shape):
    class_name: str
    description: str
    instrument: str
    resolution: str
    resolutions: tuple[str, ...]
    ticks: bool
    lookback: int
    parameters: tuple[ParameterOut, ...]


class VersionOut(Shape):
    id: str
    strategy_id: str
    number: int
    code_sha256: str
    state: str = Field(examples=["passed"])
    note: str = Field(description="What its check waits for.", examples=["is run in the sandbox"])
    outline: OutlineOut
    findings: tuple[FindingOut, ...]
    created_at: Moment = Field(validation_alias="created_ms")


class VersionDetail(VersionOut):
    code: str
    manifest: dict[str, Any]
    figures: dict[str, Any] = Field(
        description="Measured while it was run: milliseconds a candle, peak memory.",
        examples=[{"milliseconds": 0.05, "peak_mb": 61.5}],
    )


class StrategyOut(Shape):
    id: str
    name: str
    newest: VersionOut
    versions: int


def routes(strategies: Strategies) -> APIRouter:
    router = APIRouter(tags=["strategies"])

    @router.post("/strategies", status_code=201)
    async def upload_strategy(me: Me, body: Upload) -> VersionOut:
        """Upload code as a new version and check it. The same text again is the same version.

        Reading it ends at once; then it is `checking` until it was run in the sandbox.
        """
        return _passed(await strategies.upload(me.tenant, body.name, body.code, body.manifest))

    @router.post("/strategies/files", status_code=201)
    async def upload_strategy_files(
        me: Me,
        name: Annotated[Name, Form()],
        code: UploadFile,
        manifest: UploadFile | None = None,
    ) -> VersionOut:
        """The same, as files of a form."""
        text = await _text(code, "code")
        described = {} if manifest is None else _object(await _text(manifest, "manifest"))
        return _passed(await strategies.upload(me.tenant, name, text, described))

    @router.get("/strategies")
    async def list_strategies(
        me: Me, asked: Annotated[Asked, listing("name", by_name=True)]
    ) -> Items[StrategyOut]:
        """Your strategies, by name, with their newest versions."""
        found = [_strategy(one) for one in await strategies.list(me.tenant)]
        return Items.some(found, asked, by="name")

    @router.get("/strategies/{name}/versions")
    async def list_versions(
        me: Me, name: str, asked: Annotated[Asked, listing("state", "code_sha256")]
    ) -> Items[VersionOut]:
        """Every upload of a strategy (by its name or id)."""
        found = await strategies.get(me.tenant, name)
        return Items.some(map(VersionOut.model_validate, found.versions), asked, at="created_at")

    @router.get("/versions/{version_id}")
    async def get_version(me: Me, version_id: VersionId) -> VersionDetail:
        """One version: its code, what it declares, and what checking found."""
        return VersionDetail.model_validate(await strategies.version(me.tenant, version_id))

    @router.post("/versions/{version_id}/check")
    async def check_version_again(me: Me, version_id: VersionId) -> VersionOut:
        """Check a version anew, as on its upload."""
        return VersionOut.model_validate(await strategies.check_again(me.tenant, version_id))

    return router


def _passed(version: Version) -> VersionOut:
    """A version that failed its check is kept and can be looked at, but its upload is refused."""
    error = first_error(list(version.findings))
    if error is None:
        return VersionOut.model_validate(version)
    raise Listed(
        error.says(),
        field="code",
        remedy=f"Correct it and upload again; GET /api/v1/versions/{version.id} has the report.",
        errors=[
            {"field": "code", "what": found.says(), "rule": found.rule, "line": str(found.line)}
            for found in version.findings
        ],
    )


def _strategy(one: Strategy) -> StrategyOut:
    return StrategyOut(
        id=one.id,
        name=one.name,
        newest=VersionOut.model_validate(one.newest),
        versions=len(one.versions),
    )


async def _text(file: UploadFile, field: str) -> str:
    try:
        return (await file.read()).decode()
    except UnicodeDecodeError as error:
        raise BadUpload(
            f"The file {field} is no UTF-8 text.", field=field, remedy="Save it as UTF-8."
        ) from error


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadUpload(
            f"The manifest is no JSON: {error}.", field="manifest", remedy="Send one JSON object."
        ) from error
    if not isinstance(found, dict):
        raise BadUpload(
            "The manifest is no JSON object.", field="manifest", remedy="Send one JSON object."
        )
    return found
