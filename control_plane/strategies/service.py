"""The use cases of strategies: upload, check, look. A version is named by what it is, so that the
same upload twice is one version.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.core.ids import Rng, StrategyId, Tenant, VersionId, random_id
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import canonical_json, record
from control_plane.strategies import store
from control_plane.strategies.errors import BadUpload, NoSuchStrategy, NotDeployable
from control_plane.strategies.models.checking import (
    DEADLINE_SECONDS,
    MAX_CODE_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_REPORT_BYTES,
    UNREADABLE,
    Job,
    Report,
)
from control_plane.strategies.models.findings import Finding, first_error
from control_plane.strategies.models.outline import Outline

MAX_NAME = 100
ROOT = Path(__file__).parents[2]

Check = Callable[[str, Mapping[str, Any]], Awaitable[Report]]


@dataclass(frozen=True)
class Version:
    id: VersionId
    strategy_id: StrategyId
    tenant: Tenant
    number: int
    code: str
    code_sha256: str
    manifest: Mapping[str, Any]
    outline: Outline
    state: str
    findings: tuple[Finding, ...]
    created_ms: int


@dataclass(frozen=True)
class Strategy:
    id: StrategyId
    tenant: Tenant
    name: str
    versions: tuple[Version, ...]

    @property
    def newest(self) -> Version:
        return self.versions[-1]


async def check_apart(code: str, manifest: Mapping[str, Any]) -> Report:
    """Check in a process of its own, which may die of what it reads."""
    start = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        " from control_plane.strategies.models.checking import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", start, str(ROOT)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    answer = b""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            answer, _ = await process.communicate(msgspec.json.encode(Job(code, dict(manifest))))
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or len(answer) > MAX_REPORT_BYTES:
        return Report(Outline(), [UNREADABLE])
    return msgspec.json.decode(answer, type=Report)


@dataclass(frozen=True)
class Strategies:
    db: Database
    rng: Rng
    check: Check = check_apart

    async def upload(
        self, tenant: Tenant, name: str, code: str, manifest: Mapping[str, Any] | None = None
    ) -> Version:
        """Store the text as a version and check it. The same text again is the same version."""
        text = _checked_upload(name, code, manifest or {})
        version = await self.db.write(_keep, self.rng, tenant, name.strip(), code, text)
        return await self.finish(version)

    async def finish(self, version: VersionId) -> Version:
        """Check it unless that was done; a check that broke off is done again."""
        found = await self.db.write(_take_up, version)
        if found is not None:
            report = await self.check(found.code, found.manifest)
            await self.db.write(_conclude, version, report)
        return await self.db.read(find, version)

    async def unfinished(self) -> list[VersionId]:
        rows = await self.db.read(store.unchecked)
        return [VersionId(row.id) for row in rows]

    async def list(self, tenant: Tenant) -> list[Strategy]:
        return await self.db.read(_list, tenant)

    async def get(self, tenant: Tenant, name: str) -> Strategy:
        return await self.db.read(_get, tenant, name)

    async def version(self, tenant: Tenant, version: VersionId) -> Version:
        found = await self.db.read(find, version)
        if found.tenant != tenant:
            raise _no_version(version)
        return found


def find(tx: Tx, version: VersionId) -> Version:
    row = store.find_version(tx, version)
    if row is None:
        raise _no_version(version)
    return _version(row)


def deployable(tx: Tx, tenant: Tenant, wanted: str) -> Version:
    """The version that `wanted` names by its id, or the newest of the strategy of that name, if it
    has passed its check.
    """
    row = store.find_version(tx, wanted)
    if row is None:
        strategy = store.find_strategy(tx, tenant, wanted)
        row = store.newest_version(tx, strategy.id) if strategy is not None else None
    if row is None or row.tenant != tenant:
        raise NoSuchStrategy(
            f"There is no strategy {wanted[:100]!r}.", field="strategy", remedy="Upload it first."
        )
    version = _version(row)
    error = first_error(list(version.findings))
    if version.state != "passed":
        why = error.says() if error is not None else "Its check has not ended."
        raise NotDeployable(
            f"Version {version.number} of {wanted[:100]!r} has not passed its check: {why}",
            field="strategy",
        )
    return version


def names(tx: Tx, tenant: Tenant) -> dict[StrategyId, str]:
    return {StrategyId(row.id): row.name for row in store.list_strategies(tx, tenant)}


def _checked_upload(name: str, code: str, manifest: Mapping[str, Any]) -> str:
    """The manifest's canonical text."""
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise BadUpload(f"A name has 1 to {MAX_NAME} printable characters.", field="name")
    try:
        size = len(code.encode())
    except UnicodeEncodeError as error:
        raise BadUpload("The code is no valid text.", field="code") from error
    if not code.strip() or size > MAX_CODE_BYTES or "\0" in code:
        raise BadUpload(
            f"The code must be text of 1 to {MAX_CODE_BYTES} bytes without NUL; it has {size}.",
            field="code",
        )
    try:
        text = canonical_json(dict(manifest))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadUpload("The manifest must be a JSON object.", field="manifest") from error
    if len(text) > MAX_MANIFEST_BYTES:
        raise BadUpload(f"The manifest is above {MAX_MANIFEST_BYTES} bytes.", field="manifest")
    return text


def _keep(tx: Tx, rng: Rng, tenant: Tenant, name: str, code: str, manifest: str) -> VersionId:
    now = tx.now_ms()
    found = store.find_strategy(tx, tenant, name)
    strategy = str(found.id) if found is not None else random_id("st", rng)
    if found is None:
        row = {"id": strategy, "tenant": tenant, "name": name, "created_ms": now}
        store.add_strategy(tx, row)
    version = VersionId(sha256("\0".join((strategy, code, manifest)).encode()).hexdigest())
    if store.find_version(tx, version) is None:
        store.add_version(
            tx,
            {
                "id": version,
                "strategy_id": strategy,
                "tenant": tenant,
                "code": code,
                "code_sha256": sha256(code.encode()).hexdigest(),
                "manifest": manifest,
                "outline": "{}",
                "report": "[]",
                "created_ms": now,
            },
        )
        record(tx, "version_uploaded", "version", version, tenant=tenant, strategy=name)
    return version


def _take_up(tx: Tx, version: VersionId) -> Version | None:
    if not store.move_version(tx, version, ("pending", "checking"), "checking"):
        return None
    return find(tx, version)


def _conclude(tx: Tx, version: VersionId, report: Report) -> None:
    state = "passed" if report.passed else "failed"
    moved = store.move_version(
        tx,
        version,
        ("checking",),
        state,
        outline=msgspec.json.encode(report.outline).decode(),
        report=msgspec.json.encode(report.findings).decode(),
    )
    if moved:
        found = find(tx, version)
        count = len(found.findings)
        record(tx, f"version_{state}", "version", version, tenant=found.tenant, findings=count)


def _list(tx: Tx, tenant: Tenant) -> list[Strategy]:
    versions = [_version(row) for row in store.list_versions(tx, tenant, None)]
    return [
        _strategy(row, [v for v in versions if v.strategy_id == row.id])
        for row in store.list_strategies(tx, tenant)
    ]


def _get(tx: Tx, tenant: Tenant, name: str) -> Strategy:
    row = store.find_strategy(tx, tenant, name)
    if row is None:
        raise NoSuchStrategy(f"There is no strategy {name[:100]!r}.")
    return _strategy(row, [_version(v) for v in store.list_versions(tx, tenant, row.id)])


def _strategy(row: Row[Any], versions: list[Version]) -> Strategy:
    return Strategy(StrategyId(row.id), Tenant(row.tenant), row.name, tuple(versions))


def _version(row: Row[Any]) -> Version:
    return Version(
        VersionId(row.id),
        StrategyId(row.strategy_id),
        Tenant(row.tenant),
        row.number,
        row.code,
        row.code_sha256,
        msgspec.json.decode(row.manifest),
        msgspec.json.decode(row.outline, type=Outline),
        row.state,
        tuple(msgspec.json.decode(row.report, type=list[Finding])),
        row.created_ms,
    )


def _no_version(version: str) -> NoSuchStrategy:
    return NoSuchStrategy(f"There is no version {version[:100]!r}.")
