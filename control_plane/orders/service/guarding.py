"""Halts that nobody has to order: a venue that refuses or does not answer, an account whose books
are not ours. A person lifts them; what was before the lift does not count again.
"""

from dataclasses import dataclass

from loguru import logger

from control_plane.infra.db import Tx
from control_plane.orders.models.guarding import ORDERS_JUDGED, Record, why_halt
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.halting import Halts
from control_plane.orders.store import halts, intents, invariants

EVERY_SECONDS = 5.0
OURSELVES = "slipway"
BOOKS = ("I2", "I7")  # rules whose subject is an account's books


@dataclass(frozen=True)
class Guard:
    desk: Desk
    halts: Halts

    async def run(self) -> None:
        while True:
            await self.once()
            await self.desk.clock.sleep(EVERY_SECONDS * self.desk.scale)

    async def once(self) -> int:
        """How many scopes were halted now."""
        reasons = await self.desk.db.read(self._reasons)
        for scope, why in sorted(reasons.items()):
            logger.error("halted_by_itself", scope=scope, reason=why)
            await self.halts.halt(scope, by_user=OURSELVES, reason=why)
        return len(reasons)

    def _reasons(self, tx: Tx) -> dict[str, str]:
        rows = {row.scope: row for row in halts.listed(tx)}
        found: dict[str, str] = {}
        for venue in sorted(self.desk.brokers):
            scope = f"venue:{venue}"
            since = rows[scope].at_ms if scope in rows else 0
            refused = intents.refusals(tx, venue, since, ORDERS_JUDGED)
            why = why_halt(Record(refused, intents.count_in_doubt(tx, venue)))
            if why is not None:
                found[scope] = why
        for alarm in invariants.standing(tx):
            account, is_books, _ = alarm.subject.partition(":")
            scope = f"account:{account}"
            lifted = rows[scope].at_ms if scope in rows else 0
            if alarm.rule in BOOKS and is_books and alarm.since_ms > lifted:
                found[scope] = f"{alarm.rule}: {alarm.what}"
        return {scope: why for scope, why in found.items() if not _stands(rows.get(scope))}


def _stands(row: object) -> bool:
    return row is not None and bool(getattr(row, "active", False))
