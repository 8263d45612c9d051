"""Upload, check, look. A version is named by what it is, so that the same upload twice is one
version.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from control_plane.core.ids import Rng, Tenant, VersionId, random_id
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import record
from control_plane.strategies import store
from control_plane.strategies.errors import BadUpload, StillChecked
from control_plane.strategies.models.checking import MAX_CODE_BYTES, MAX_MANIFEST_BYTES, Report
from control_plane.strategies.service.apart import check_apart
from control_plane.strategies.service.trials import tell_verdict
from control_plane.strategies.service.versions import (
    Strategy,
    Version,
    find,
    got,
    listed,
    no_version,
)

MAX_NAME = 100

Check = Callable[[str, Mapping[str, Any]], Awaitable[Report]]


@dataclass(frozen=True)
class Strategies:
    db: Database
    rng: Rng
    check: Check = check_apart
    is_tried: bool = False  # what reads well is run in the sandbox, too, before it has passed

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
            await self.db.write(_conclude, version, report, self.is_tried)
        return await self.db.read(find, version)

    async def unfinished(self) -> list[VersionId]:
        rows = await self.db.read(store.unchecked)
        return [VersionId(row.id) for row in rows]

    async def list(self, tenant: Tenant) -> list[Strategy]:
        return await self.db.read(listed, tenant)

    async def get(self, tenant: Tenant, name: str) -> Strategy:
        return await self.db.read(got, tenant, name)

    async def check_again(self, tenant: Tenant, version: VersionId) -> Version:
        """For one whose run broke off, or that was checked by an older image."""
        await self.version(tenant, version)
        await self.db.write(_reopen, version)
        return await self.finish(version)

    async def version(self, tenant: Tenant, version: VersionId) -> Version:
        found = await self.db.read(find, version)
        if found.tenant != tenant:
            raise no_version(version)
        return found


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
    store.add_strategy(
        tx, {"id": random_id("st", rng), "tenant": tenant, "name": name, "created_ms": now}
    )
    strategy = store.strategy_named(tx, tenant, name)
    version = VersionId(sha256("\0".join((strategy, code, manifest)).encode()).hexdigest())
    row = {
        "id": version,
        "strategy_id": strategy,
        "tenant": tenant,
        "code": code,
        "code_sha256": sha256(code.encode()).hexdigest(),
        "manifest": manifest,
        "outline": "{}",
        "report": "[]",
        "created_ms": now,
    }
    # Of two uploads at once, one takes the next number first.
    while store.find_version(tx, version) is None:
        if store.add_version(tx, row):
            record(tx, "version_uploaded", "version", version, tenant=tenant, strategy=name)
    return version


def _take_up(tx: Tx, version: VersionId) -> Version | None:
    if not store.move_version(tx, version, ("pending", "checking"), "checking"):
        return None
    return find(tx, version)


def _reopen(tx: Tx, version: VersionId) -> None:
    found = find(tx, version)
    reset = {"trial": "", "note": "", "report": "[]", "figures": "{}"}
    if not store.move_version(tx, version, ("passed", "failed"), "pending", **reset):
        raise StillChecked(
            f"Version {found.number} is being checked: {found.note or 'it is under way'}."
        )
    record(tx, "version_checked_again", "version", version, tenant=found.tenant)


def _conclude(tx: Tx, version: VersionId, report: Report, is_tried: bool) -> None:
    read = {
        "outline": msgspec.json.encode(report.outline).decode(),
        "report": msgspec.json.encode(report.findings).decode(),
    }
    if report.passed and is_tried:
        waits = {"trial": "due", "note": "waits for its run in the sandbox"}
        store.move_version(tx, version, ("checking",), "checking", **read, **waits)
        return
    state = "passed" if report.passed else "failed"
    if store.move_version(tx, version, ("checking",), state, **read):
        tell_verdict(tx, version)
