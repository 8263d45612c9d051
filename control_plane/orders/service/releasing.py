"""The last look before an order may leave, in the transaction that writes it ahead.

Halts, the account's and the subscription's standing, age, the venue's rules: all are read again
here, for they may have changed since the plan. They hold back entries only.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Row

from control_plane.accounts import service as accounts
from control_plane.brokers.models import OrderRequest
from control_plane.core.ids import AccountId, IntentId, SubscriptionId, client_order_id
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.infra.events import canonical_json
from control_plane.market import service as market
from control_plane.orders.models import prices
from control_plane.orders.models.halts import covering
from control_plane.orders.models.planning import position_key
from control_plane.orders.models.requests import Written, body_hash, request_of
from control_plane.orders.models.states import Event
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import halts, intents, trades
from control_plane.subscriptions import service as subscriptions
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.legality import Draft, check

# After so many re-pricings the price is left to the market, where it takes such orders.
PATIENT_PRICINGS = 10


@dataclass(frozen=True)
class Released:
    intent: str
    leg: str
    shard: int
    venue: str
    tenant: str
    request: OrderRequest


@dataclass(frozen=True)
class Refusal:
    event: Event
    reason: str


@dataclass(frozen=True)
class Standing:
    """What may have changed for entries since they were planned."""

    halted: frozenset[str]
    open_accounts: frozenset[str]
    active: frozenset[str]  # subscriptions
    holding: frozenset[str]  # subscriptions with an open position

    def refusal(self, row: Row[Any], now: int) -> Refusal | None:
        """Why an entry stays here after all."""
        if row.expires_ms is not None and row.expires_ms <= now:
            return Refusal("expired", "the signal is too old")
        halted = self.halted & covering(row)
        if halted:
            return Refusal("denied", f"halted: {', '.join(sorted(halted))}")
        if row.account_id not in self.open_accounts:
            return Refusal("denied", "the account is suspended")
        if row.subscription_id not in self.active:
            return Refusal("denied", "the subscription is no longer active")
        if row.subscription_id in self.holding:
            return Refusal("denied", "the subscription holds a position already")
        return None


@dataclass(frozen=True)
class Releaser:
    desk: Desk

    def release(self, tx: Tx, batch: Sequence[Row[Any]], committed: list[float]) -> list[Released]:
        now = tx.now_ms()
        standing = _look(tx, [row for row in batch if row.leg == "entry"])
        released: list[Released] = []
        named = sorted({row.instrument for row in batch})
        instruments = {name: market.instrument(tx, name) for name in named}
        for row in batch:
            instrument = instruments[row.instrument]
            if row.leg == "entry":
                refusal = standing.refusal(row, now) or self._unclaimed(tx, row, instrument)
            else:
                refusal = _closed(tx, row)
            if refusal is not None:
                order = intents.last_order(tx, row.id)
                changes.move(tx, self.desk, row, order, refusal.event, reason=refusal.reason)
                continue
            one = self._write_ahead(tx, row, instrument, now)
            if one is not None:
                released.append(one)
        told = [
            (one.intent, one.tenant, {"state": "SENDING", "signed_ms": now}) for one in released
        ]
        events.record_many(tx, "intent_released", "intent", told)
        # Monotonic, from the commit on: what waits too long after it does not leave.
        tx.after_commit(lambda: committed.append(self.desk.clock.monotonic()))
        return released

    def _unclaimed(self, tx: Tx, row: Row[Any], instrument: Instrument) -> Refusal | None:
        if not instrument.is_futures:
            return None
        key = position_key(instrument, row.margin_currency)
        if trades.claim(tx, row.account_id, key, row.subscription_id):
            return None
        return Refusal("denied", "the position is another subscription's")

    def _write_ahead(
        self, tx: Tx, row: Row[Any], instrument: Instrument, now: int
    ) -> Released | None:
        written = self._written(row, instrument, now)
        if written is None:
            retry = now + self.desk.scaled_ms(1.0)
            intents.touch(tx, row, retry_ms=retry, reason="there is no price to sell at")
            return None
        illegal = check(_draft(written), instrument)
        if illegal is not None and row.leg != "exit":
            changes.move(tx, self.desk, row, None, "denied", reason=illegal.what)
            return None

        request = request_of(written, instrument)
        epoch = self.desk.epoch(row.shard)
        scopes = covering(row)
        decision = {"at_ms": now, "epoch": epoch, "scopes_clear": sorted(scopes), "legal": True}
        is_released = intents.release(
            tx,
            row,
            holder=self.desk.leases.holder,
            epoch=epoch,
            now=now,
            scopes=scopes,
            decision=canonical_json(decision),
        )
        if not is_released:
            return None
        self._keep_order(tx, row, written, body_hash(request), epoch)
        return Released(row.id, row.leg, row.shard, row.venue, row.tenant, request)

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

    def _keep_order(self, tx: Tx, row: Row[Any], written: Written, digest: str, epoch: int) -> None:
        """The same order again, if it was held back or proved absent; else a new one."""
        values = asdict(written) | {
            "attempt": row.attempt + 1,
            "state": "SENDING",
            "body_sha256": digest,
            "epoch": epoch,
        }
        before = None
        if row.attempt:
            before = intents.order_by_client_id(tx, row.account_id, written.client_order_id)
        if before is not None:
            intents.change_order(tx, before, **values)
            return
        intents.add_order(
            tx,
            {
                **values,
                "id": f"or{written.client_order_id}",
                "intent_id": row.id,
                "tenant": row.tenant,
                "shard": row.shard,
                "venue": row.venue,
                "instrument": row.instrument,
                "number": row.number,
                "filled": Decimal(0),
                "version": 0,
            },
        )


def _look(tx: Tx, entries: Sequence[Row[Any]]) -> Standing:
    places = accounts.places(tx, {AccountId(row.account_id) for row in entries})
    followed = subscriptions.by_ids(tx, {SubscriptionId(row.subscription_id) for row in entries})
    return Standing(
        halts.active(tx),
        frozenset(account for account, place in places.items() if place.state == "active"),
        frozenset(one.id for one in followed if one.state == "active"),
        frozenset(trades.holding(tx, {row.subscription_id for row in entries})),
    )


def _closed(tx: Tx, row: Row[Any]) -> Refusal | None:
    """A way out is bound to its position: it never closes the next one."""
    trade = trades.find(tx, row.trade_id)
    if trade is not None and trade.state != "closed":
        return None
    return Refusal("denied", "the position that it was for is closed")


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
