"""The last look before an order may leave, in the transaction that writes it ahead.

Halts, the account's and the subscription's standing, age, the venue's rules: all are read again
here, for they may have changed since the plan. They hold back entries only. A batch is looked at,
let out and written down together.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Row

from control_plane.accounts import service as accounts
from control_plane.brokers.models import OrderRequest
from control_plane.core.ids import AccountId, IntentId, SubscriptionId, client_order_id
from control_plane.infra import events
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models import prices
from control_plane.orders.models.halts import covering
from control_plane.orders.models.releasing import Refusal, Standing, abreast
from control_plane.orders.models.requests import Written, body_hash, request_of
from control_plane.orders.models.scene import position_key
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import halts, intents, releasing, trades
from control_plane.orders.store.releasing import Asked
from control_plane.subscriptions import service as subscriptions
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.legality import Draft, check

# After so many re-pricings the price is left to the market, where it takes such orders.
PATIENT_PRICINGS = 10
OWNED = Refusal("denied", "the position is another subscription's")


@dataclass(frozen=True)
class Released:
    intent: str
    version: int  # of the intent, once it was let out
    leg: str
    shard: int
    venue: str
    tenant: str
    request: OrderRequest


@dataclass(frozen=True)
class Leaving:
    """One order as it would leave, and the intent that it is for."""

    row: Row[Any]
    written: Written
    request: OrderRequest
    epoch: int


@dataclass(frozen=True)
class Releaser:
    desk: Desk

    def release(self, tx: Tx, batch: Sequence[Row[Any]], committed: list[float]) -> list[Released]:
        now = tx.now_ms()
        rows = abreast(batch)
        named = sorted({row.instrument for row in rows})
        instruments = {name: market.instrument(tx, name) for name in named}
        permitted = self._permitted(tx, rows, instruments, now)
        made = [self._made(tx, row, instruments[row.instrument], now) for row in permitted]
        leaving = [one for one in made if one is not None]

        asked = [
            Asked(one.row.id, one.row.version, one.epoch, _decision(one, now)) for one in leaving
        ]
        let_out = releasing.release(tx, asked, holder=self.desk.leases.holder, now=now)
        leaving = [one for one in leaving if one.row.id in let_out]
        _keep_orders(tx, leaving)
        told = {"state": "SENDING", "signed_ms": now}
        rows_told = [(one.row.id, one.row.tenant, told) for one in leaving]
        events.record_many(tx, "intent_released", "intent", rows_told)
        # Monotonic, from the commit on: what waits too long after it does not leave.
        tx.after_commit(lambda: committed.append(self.desk.clock.monotonic()))
        return [_released(one) for one in leaving]

    def _permitted(
        self,
        tx: Tx,
        rows: Sequence[Row[Any]],
        instruments: dict[str, Instrument],
        now: int,
    ) -> list[Row[Any]]:
        """Those that nothing holds back; what the others are denied for is written down."""
        standing = _look(tx, rows)
        refused = {row.id: standing.refusal(row, now) for row in rows}
        entering = [row for row in rows if row.leg == "entry" and refused[row.id] is None]
        refused |= dict.fromkeys(_crowded_out(tx, entering, instruments), OWNED)
        for row in rows:
            refusal = refused[row.id]
            if refusal is not None:
                order = intents.last_order(tx, row.id)
                changes.move(tx, self.desk, row, order, refusal.event, reason=refusal.reason)
        return [row for row in rows if refused[row.id] is None]

    def _made(self, tx: Tx, row: Row[Any], instrument: Instrument, now: int) -> Leaving | None:
        written = self._written(row, instrument, now)
        if written is None:
            retry = now + self.desk.scaled_ms(1.0)
            intents.touch(tx, row, retry_ms=retry, reason="there is no price to sell at")
            return None
        illegal = check(_draft(written), instrument)
        if illegal is not None and row.leg != "exit":
            changes.move(tx, self.desk, row, None, "denied", reason=illegal.what)
            return None
        epoch = self.desk.epoch(row.shard)
        return Leaving(row, written, request_of(written, instrument), epoch)

    def _written(self, row: Row[Any], instrument: Instrument, now: int) -> Written | None:
        kind, price = row.kind, row.limit_price
        if row.leg == "exit" and not instrument.is_futures:
            quote = self.desk.quote(row.instrument)
            takes_market = "market" in instrument.order_types
            if quote is not None and not (takes_market and row.number >= PATIENT_PRICINGS):
                kind, price = (
                    "limit",
                    prices.marketable(row.side, quote.price, row.slippage, instrument),
                )
            elif takes_market:
                kind, price = "market", None
            else:
                return None
        return Written(
            account_id=row.account_id,
            client_order_id=client_order_id(IntentId(row.id), row.leg, row.number),
            side=row.side,
            kind=kind,
            quantity=row.quantity - row.filled,
            price=price,
            trigger_price=row.trigger_price,
            stop_loss=row.stop_loss if instrument.is_futures else None,
            take_profit=row.take_profit if instrument.is_futures else None,
            leverage=row.leverage,
            margin_currency=row.margin_currency,
            signed_ms=now,
            closes=row.leg == "exit" and instrument.is_futures,
        )


def _look(tx: Tx, rows: Sequence[Row[Any]]) -> Standing:
    entries = [row for row in rows if row.leg == "entry"]
    places = accounts.places(tx, {AccountId(row.account_id) for row in entries})
    following = {SubscriptionId(row.subscription_id) for row in entries}
    ways_out = {row.trade_id for row in rows if row.leg != "entry" and row.trade_id is not None}
    return Standing(
        halts.active(tx),
        frozenset(account for account, place in places.items() if place.state == "active"),
        subscriptions.active_among(tx, following),
        frozenset(trades.holding(tx, following)),
        trades.still_open(tx, ways_out),
    )


def _crowded_out(
    tx: Tx, entries: Sequence[Row[Any]], instruments: dict[str, Instrument]
) -> Collection[str]:
    """Entries into a futures position that is another subscription's."""
    claims = {
        row.id: (
            row.account_id,
            position_key(instruments[row.instrument], row.margin_currency),
            row.subscription_id,
        )
        for row in entries
        if instruments[row.instrument].is_futures
    }
    owned = trades.claim_each(tx, list(claims.values()))
    return [identity for identity, claim in claims.items() if claim not in owned]


def _decision(one: Leaving, now: int) -> str:
    scopes = sorted(covering(one.row))
    return canonical_json({"at_ms": now, "epoch": one.epoch, "scopes_clear": scopes, "legal": True})


def _released(one: Leaving) -> Released:
    row = one.row
    return Released(row.id, row.version + 1, row.leg, row.shard, row.venue, row.tenant, one.request)


def _keep_orders(tx: Tx, leaving: Sequence[Leaving]) -> None:
    """The same order again, if it was held back or proved absent; else a new one."""
    made: list[dict[str, Any]] = []
    for one in leaving:
        row, written = one.row, one.written
        values = vars(written) | {
            "attempt": row.attempt + 1,
            "state": "SENDING",
            "body_sha256": body_hash(one.request),
            "epoch": one.epoch,
        }
        before = None
        if row.attempt:
            before = intents.order_by_client_id(tx, row.account_id, written.client_order_id)
        if before is not None:
            intents.change_order(tx, before, **values)
            continue
        made.append(
            values
            | {
                "id": f"or{written.client_order_id}",
                "intent_id": row.id,
                "tenant": row.tenant,
                "shard": row.shard,
                "venue": row.venue,
                "instrument": row.instrument,
                "number": row.number,
                "filled": Decimal(0),
                "version": 0,
            }
        )
    releasing.add_orders(tx, made)


def _draft(written: Written) -> Draft:
    return Draft(
        kind=written.kind,
        side=written.side,
        quantity=written.quantity,
        price=written.price,
        trigger_price=written.trigger_price,
        leverage=written.leverage,
        closes=written.closes,
    )
