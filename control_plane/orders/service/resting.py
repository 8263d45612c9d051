"""Orders that stand at a venue: what is left of an entry is taken back, an exit goes out again at
the price of the moment, and whatever stands is looked at now and then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from loguru import logger
from sqlalchemy.engine import Row

from control_plane.brokers.errors import NotSent, OrderRefused, OutcomeUnknown, VenueUnreachable
from control_plane.infra.db import Tx
from control_plane.orders.models.states import AT_VENUE
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.looking import Looker, Sought, sought_of
from control_plane.orders.store import intents

# A stop that rests is seen by its fills; a look only tells whether somebody took it away.
STOP_LOOK_SECONDS = 60.0
LOOK_SECONDS = {"entry": 1.0, "exit": 1.0, "sl": STOP_LOOK_SECONDS, "tp": STOP_LOOK_SECONDS}
CANCELLED_LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Rester:
    desk: Desk
    looker: Looker

    async def once(self, rows: Sequence[Row[Any]]) -> int:
        """Look at what is due; how many orders stand that somebody waits for."""
        now = self.desk.now_ms()
        standing = [row for row in rows if row.state in AT_VENUE]
        overdue = [row for row in standing if self._is_due(row, now)]
        isolation = self.desk.isolation
        for due in await isolation.together("intent", overdue, self._seek, attrgetter("id")):
            for sought in due:
                step = self.take_back if self._is_overdue(sought.intent) else self.looker.look
                await isolation.run("intent", sought.intent.id, step, sought)
        return len([row for row in standing if row.leg in ("entry", "exit")])

    async def _seek(self, rows: Sequence[Row[Any]]) -> list[Sought]:
        return await self.desk.db.read(sought_of, rows)

    async def take_back(self, sought: Sought) -> None:
        """Cancel, then look: an accepted cancel is not a cancelled order."""
        if not await self.desk.db.write(self._ask, sought):
            return
        try:
            broker = self.desk.brokers[sought.intent.venue]
            await broker.cancel(sought.request, sought.order.exchange_order_id)
            await self.desk.failpoints.hit("cancel.after_send")
        except OrderRefused:
            pass  # it was done before: the look says how
        except (OutcomeUnknown, NotSent, VenueUnreachable) as error:
            logger.warning("cancel_unclear", intent=sought.intent.id, reason=str(error))
        await self.looker.look(sought)

    def _is_due(self, row: Row[Any], now: int) -> bool:
        if self._is_overdue(row):
            return True
        is_cancelling = row.state == "CANCELLING"
        seconds = LOOK_SECONDS["exit"] if row.kind == "market" else LOOK_SECONDS[row.leg]
        if is_cancelling:
            seconds = CANCELLED_LOOK_SECONDS
        last = max(row.looked_ms or 0, row.signed_ms or 0)
        return now - last >= self.desk.scaled_ms(seconds)

    def _is_overdue(self, row: Row[Any]) -> bool:
        """It has rested long enough: an entry for good, an exit at this price."""
        settings = self.desk.settings
        if row.state not in ("OPEN", "PARTIAL") or row.kind == "market":
            return False
        rests = {"entry": settings.entry_rest_seconds, "exit": settings.reprice_seconds}
        if row.leg not in rests:
            return False
        age = self.desk.now_ms() - (row.signed_ms or 0)
        return age >= self.desk.scaled_ms(rests[row.leg])

    def _ask(self, tx: Tx, sought: Sought) -> bool:
        intent = intents.find(tx, sought.intent.id)
        order = intents.order_by_client_id(
            tx, sought.order.account_id, sought.order.client_order_id
        )
        if intent is None or order is None:
            return False
        return changes.move(tx, self.desk, intent, order, "cancel_asked") is not None
