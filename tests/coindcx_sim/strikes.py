"""What happens to an account from outside: its owner at the app, the venue, a lagging replica."""

from dataclasses import dataclass
from decimal import Decimal

from tests.coindcx_sim import futures_views, spot_views
from tests.coindcx_sim.accounts import Account
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.futures import Futures
from tests.coindcx_sim.spot import Spot
from tests.coindcx_sim.world import World


@dataclass
class Strikes:
    world: World
    spot: Spot
    futures: Futures

    def strike(self, account: Account, fault: Fault) -> None:
        match fault.name:
            case "both_sl_and_tp_fill":
                for position in account.positions.values():
                    position.both_fire = True
            case "liquidate":
                self._close(account, "liquidate")
            case "user_closes_position":
                self._close(account, "exit")
            case "user_cancels_our_sl":
                self._cancel_stops(account)
            case "foreign_order":
                self._foreign(account, fault)
            case "balance_lag":
                account.balances_before = spot_views.balances(self.world, account)
                account.balance_shown_ms = self.world.now_ms + int(fault.value * 1000)
            case _:
                raise ValueError(f"{fault.name} strikes no account")

    def _close(self, account: Account, stage: str) -> None:
        for position in list(account.positions.values()):
            if position.quantity:
                self.futures.matching.close(account, position, stage)

    def _cancel_stops(self, account: Account) -> None:
        for position in account.positions.values():
            stop = futures_views.stops_of(account, position)["stop_loss"]
            if stop is not None:
                self.futures.book.cancel(account, stop)
        for order in list(account.open_spot.values()):
            if order.kind == "stop_limit" and order.status == "open":
                self.spot.cancel(account, order)

    def _foreign(self, account: Account, fault: Fault) -> None:
        """An order by hand: `detail` is a market or a pair, `value` its quantity."""
        quantity = Decimal(str(fault.value))
        if fault.detail in self.world.spot:
            line = self.world.tape.line(fault.detail)
            fields = {
                "market": fault.detail,
                "side": "buy",
                "order_type": "limit_order",
                "total_quantity": quantity,
                "price_per_unit": line.last,
            }
            self.spot.create(account, fields, foreign=True)
            return
        book = "USDT" if "USDT" in account.wallets else "INR"
        self.futures.create(
            account,
            {
                "pair": fault.detail,
                "side": "buy",
                "order_type": "market_order",
                "total_quantity": quantity,
                "notification": "no_notification",
                "margin_currency_short_name": book,
            },
            foreign=True,
        )
