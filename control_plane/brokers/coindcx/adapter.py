"""CoinDCX behind the broker port."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeVar

from loguru import logger

from control_plane.brokers.coindcx import futures_positions, public, spot
from control_plane.brokers.coindcx.answers import told
from control_plane.brokers.coindcx.catalogue import Catalogue
from control_plane.brokers.coindcx.fills import Fills
from control_plane.brokers.coindcx.futures_desk import FuturesDesk
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.models import Wallet
from control_plane.brokers.coindcx.outcomes import Reason, Refused
from control_plane.brokers.coindcx.spot_desk import SpotDesk
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.brokers.coindcx.views import position_view
from control_plane.brokers.errors import VenueUnreachable
from control_plane.brokers.models import (
    Accepted,
    Balance,
    OrderRequest,
    Position,
    Profile,
    VenueFill,
    VenueOrder,
)
from control_plane.core.clock import ms
from control_plane.core.ids import AccountId
from control_plane.errors import SlipwayError
from control_plane.infra.tasks import in_its_own_task
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import ZERO

T = TypeVar("T")
AT_ONCE = 50


@dataclass
class CoinDcxBroker:
    lanes: Lanes
    settings: VenueSettings
    catalogue: Catalogue = field(default_factory=Catalogue)
    catalogue_at: float = -1e9

    def __post_init__(self) -> None:
        self.spot = SpotDesk(self.lanes, self.settings)
        self.futures = FuturesDesk(self.lanes, self.settings)
        self.fills = Fills(self.spot, self.futures)

    @property
    def profile(self) -> Profile:
        return Profile(
            venue="coindcx",
            window_seconds=self.settings.window_seconds,
            timestamp_enforced=self.settings.timestamp_enforced,
            client_ids=frozenset({"spot"}),
            free_is_live=False,  # balances lag a fill by a second or two
        )

    async def place(self, order: OrderRequest) -> Accepted:
        desk = self.futures if order.instrument.is_futures else self.spot
        return await desk.place(order, lane_of(order))

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> None:
        desk = self.futures if order.instrument.is_futures else self.spot
        await desk.cancel(order, exchange_order_id)

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        desk = self.futures if order.instrument.is_futures else self.spot
        return await desk.find(order, exchange_order_id)

    async def open_orders(self, account: AccountId, instrument: Instrument) -> Sequence[VenueOrder]:
        desk = self.futures if instrument.is_futures else self.spot
        return await desk.open_orders(account, instrument)

    async def fills_since(self, cursors: Mapping[AccountId, str]) -> Sequence[VenueFill]:
        """An account that does not answer is asked again from its own cursor; it holds up none."""
        catalogue = await self._catalogue()
        now_ms = ms(self.lanes.clock.now())
        silent: list[str] = []

        async def read(account: AccountId) -> list[VenueFill]:
            try:
                return await self.fills.since(account, cursors[account], catalogue, now_ms)
            except SlipwayError as error:
                logger.warning("fills_not_read", account=account, reason=str(error))
                silent.append(str(error))
                return []

        found = await _each(sorted(cursors), read)
        if silent and len(silent) == len(cursors):
            raise VenueUnreachable(silent[0])
        return [fill for fills in found.values() for fill in fills]

    async def balances(
        self, accounts: Sequence[AccountId]
    ) -> Mapping[AccountId, Sequence[Balance]]:
        return await _each(accounts, self._balances)

    async def positions(self, accounts: Sequence[AccountId]) -> Sequence[Position]:
        found = await _each(accounts, self.futures.positions)
        return [
            position_view(account, each)
            for account, held in found.items()
            for each in held
            if not each.is_flat
        ]

    async def protect(
        self,
        account: AccountId,
        instrument: Instrument,
        margin_currency: str,
        stop_loss: Decimal,
        take_profit: Decimal | None,
    ) -> None:
        await self.futures.protect(account, instrument, margin_currency, stop_loss, take_profit)

    async def _balances(self, account: AccountId) -> list[Balance]:
        free = told(await self.lanes.ask(account, spot.balances(), Lane.LOOK_UP))
        outcome = await self.lanes.ask(account, futures_positions.wallets(), Lane.LOOK_UP)
        if isinstance(outcome, Refused) and outcome.reason in (Reason.NO_WALLET, Reason.NOT_FOUND):
            held = []  # it never opened one
        else:
            held = [await self._spendable(account, each) for each in told(outcome)]
        if self.settings.balance_includes_locked:
            free = [replace(each, free=max(ZERO, each.free - each.locked)) for each in free]
        return [
            *(Balance("spot", each.currency, each.free, each.locked) for each in free),
            *held,
        ]

    async def _spendable(self, account: AccountId, wallet: Wallet) -> Balance:
        """Crossed positions, which a trader opened by hand, stand on a wallet's whole balance: what
        they use and have lost is not free, whatever the wallet says.
        """
        free = wallet.balance - wallet.crossed
        if wallet.crossed:
            call = futures_positions.cross_margin_details()
            details = told(await self.lanes.ask(account, call, Lane.LOOK_UP))
            free = min(free, details.available_isolated, details.available_cross)
        locked = wallet.locked + wallet.crossed
        return Balance("futures", wallet.currency, max(ZERO, free), locked)

    async def _catalogue(self) -> Catalogue:
        """An old rulebook names pairs as well as a new one: it is only ever replaced, not lost."""
        now = self.lanes.clock.monotonic()
        if now - self.catalogue_at > self.settings.catalogue_seconds:
            markets, odd = told(await self.lanes.look(public.markets_details()))
            if odd:
                logger.warning("markets_not_understood", count=len(odd), first=odd[0])
            self.catalogue, self.catalogue_at = Catalogue.of(markets), now
        return self.catalogue


def lane_of(order: OrderRequest) -> Lane:
    if order.closes:
        return Lane.EXIT
    if order.kind in ("stop_market", "stop_limit", "take_profit"):
        return Lane.STOP
    is_exit = order.side == "sell" and not order.instrument.is_futures
    return Lane.EXIT if is_exit else Lane.ENTRY


async def _each(
    accounts: Sequence[AccountId], ask: Callable[[AccountId], Awaitable[T]]
) -> dict[AccountId, T]:
    """Several at once; the first failure is everybody's, for a part of an answer would lie."""
    found: dict[AccountId, T] = {}
    waiting = iter(accounts)

    async def work() -> None:
        for account in waiting:
            found[account] = await ask(account)

    async def together() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(accounts))):
                group.create_task(work())

    try:
        await in_its_own_task(together())
    except* SlipwayError as errors:
        failed = errors
    else:
        return {account: found[account] for account in accounts}
    raise VenueUnreachable(str(failed.exceptions[0])) from failed.exceptions[0]
