"""Halts: who may enter no longer, from the commit on. Exits always go."""

from dataclasses import dataclass
from typing import Any

from control_plane.infra import audit, events
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.orders.errors import NoSuchHalt, NoSuchScope
from control_plane.orders.models.guarding import LIFTS_ITSELF, Cause
from control_plane.orders.models.halts import Mode, covering, is_scope
from control_plane.orders.store import halts, intents, trades
from strategy_runtime.wire import names

OURSELVES = "slipway"


@dataclass(frozen=True)
class Halted:
    scope: str
    denied: int  # orders that had not left and never will


@dataclass(frozen=True)
class Halts:
    db: Database
    bus: Bus

    async def halt(
        self,
        scope: str,
        *,
        by_user: str,
        reason: str = "",
        mode: Mode = "halt_new",
        cause: Cause = "",
        holder: str = "",
    ) -> Halted:
        """Refuse entries in this scope from now on, also those that have not left."""
        return await self.db.write(self._halt, scope, mode, by_user, reason, cause, holder)

    async def lift(self, scope: str) -> bool:
        """Whether one that nobody ordered, and whose cause is over, stood until now."""
        return await self.db.write(_lift, scope)

    async def unhalt(self, scope: str, *, by_user: str) -> None:
        await self.db.write(_unhalt, scope, by_user)

    async def listed(self) -> list[dict[str, Any]]:
        """With what is still open where one stands."""
        return await self.db.read(_listed)

    def _halt(
        self,
        tx: Tx,
        scope: str,
        mode: Mode,
        by_user: str,
        reason: str,
        cause: Cause,
        holder: str,
    ) -> Halted:
        _check(scope)
        now = tx.now_ms()
        halts.put(
            tx,
            scope,
            mode,
            is_active=True,
            reason=reason,
            by_user=by_user,
            now=now,
            cause=cause,
            holder=holder,
        )
        if cause:
            events.record(tx, "incident", "halt", scope, rule=cause, what=reason)
        denied = intents.deny_unsent(tx, scope, f"halted: {scope}", now)
        audit.record(
            tx, "halted", "halt", scope, mode=mode, by=by_user, reason=reason, denied=denied
        )
        tx.after_commit(lambda: self.bus.hint(names.wake("orders")))
        return Halted(scope, denied)


def _listed(tx: Tx) -> list[dict[str, Any]]:
    rows = [dict(row._mapping) for row in halts.listed(tx)]
    held = [covering(row) for row in trades.open_anywhere(tx)] if rows else []
    return [row | {"open_trades": sum(row["scope"] in scopes for scopes in held)} for row in rows]


def _lift(tx: Tx, scope: str) -> bool:
    row = halts.find(tx, scope)
    if row is None or not row.active or row.cause not in LIFTS_ITSELF:
        return False
    _unhalt(tx, scope, OURSELVES)
    return True


def _unhalt(tx: Tx, scope: str, by_user: str) -> None:
    _check(scope)
    now, before = tx.now_ms(), halts.find(tx, scope)
    if before is not None and before.active and before.cause:
        events.record(tx, "incident_over", "halt", scope, rule=before.cause)
    if not halts.put(tx, scope, "halt_new", is_active=False, reason="", by_user=by_user, now=now):
        raise NoSuchHalt(f"{scope!r} is not halted.", field="scope")
    audit.record(tx, "unhalted", "halt", scope, by=by_user)


def _check(scope: str) -> None:
    if not is_scope(scope):
        raise NoSuchScope(
            f"{scope!r} is no scope.",
            field="scope",
            remedy="Use platform, or venue:, deployment:, user:, account: or instrument: and a "
            "name.",
        )
