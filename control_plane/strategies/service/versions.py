"""Strategies and versions as other slices and people see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.core.ids import StrategyId, Tenant, VersionId
from control_plane.infra.db import Tx
from control_plane.strategies import store
from control_plane.strategies.errors import NoSuchStrategy, NotDeployable
from control_plane.strategies.models.findings import Finding, first_error
from control_plane.strategies.models.outline import Outline


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
    note: str
    figures: Mapping[str, Any]
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


def find(tx: Tx, version: VersionId) -> Version:
    row = store.find_version(tx, version)
    if row is None:
        raise no_version(version)
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
        waits = (
            f"It has not ended yet: {version.note}." if version.note else "It has not ended yet."
        )
        why = error.says() if error is not None and version.state == "failed" else waits
        raise NotDeployable(
            f"Version {version.number} of {wanted[:100]!r} has not passed its check: {why}",
            field="strategy",
            remedy=None if version.state == "failed" else "Try again in a few seconds.",
        )
    return version


def names(tx: Tx, tenant: Tenant) -> dict[StrategyId, str]:
    return {StrategyId(row.id): row.name for row in store.list_strategies(tx, tenant)}


def listed(tx: Tx, tenant: Tenant) -> list[Strategy]:
    versions = [_version(row) for row in store.list_versions(tx, tenant, None)]
    return [
        _strategy(row, [v for v in versions if v.strategy_id == row.id])
        for row in store.list_strategies(tx, tenant)
    ]


def got(tx: Tx, tenant: Tenant, name: str) -> Strategy:
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
        row.note,
        msgspec.json.decode(row.figures),
        row.created_ms,
    )


def no_version(version: str) -> NoSuchStrategy:
    return NoSuchStrategy(f"There is no version {version[:100]!r}.")
