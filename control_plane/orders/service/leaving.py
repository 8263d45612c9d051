"""What becomes of positions whose deployment was given up, where their owner wanted more than that
they keep their stops.

A command asks; the process that owns the deployment's shard answers, and hands the trades of other
shards on to whoever owns those. Asked twice it changes nothing: a trade has one way out at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.core.ids import Shard
from control_plane.infra import commands
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import intents, trades

LOOKS = 8  # over twice the time for which an entry may rest


@dataclass(frozen=True)
class Leaver:
    desk: Desk

    async def reduce(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Spot positions: their stops may be ours to watch; a future's stands at the exchange."""
        return await self._once_all_are_in("reduce", body)

    async def flatten(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._once_all_are_in("flatten", body)

    async def _once_all_are_in(self, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is held is left at once, and so is what an entry under way still brings."""
        desk, deployment = self.desk, str(body["deployment"])
        found = await desk.db.write(self._leave, kind, body)
        for _ in range(LOOKS):
            if not await desk.db.read(intents.live_entries, deployment):
                break
            await desk.clock.sleep(desk.settings.entry_rest_seconds * desk.scale / 4)
            again = await desk.db.write(self._leave, kind, body)
            found = {**found, "left": found["left"] + again["left"]}
        return found

    def _leave(self, tx: Tx, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        deployment, reason = str(body["deployment"]), str(body["reason"])
        denied = intents.deny_unsent(
            tx, f"deployment:{deployment}", f"given up: {reason}", tx.now_ms()
        )
        owned = {body["shard"]} if "shard" in body else self.desk.owned()
        left, elsewhere = 0, set()
        for trade in trades.open_of_deployment(tx, deployment):
            instrument = market.instrument(tx, trade.instrument)
            if kind == "reduce" and instrument.is_futures:
                continue
            if trade.shard in owned:
                left += changes.begin_exit(tx, self.desk, trade, "crash", instrument)
            elif "shard" not in body:
                elsewhere.add(trade.shard)
        for shard in sorted(elsewhere):
            ours = {**body, "shard": shard}
            commands.ask(tx, self.desk.bus, self.desk.rng, "trading", Shard(shard), kind, ours)
        return {"left": left, "denied": denied, "handed_on": len(elsewhere)}
