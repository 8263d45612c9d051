"""Which path is answered by what."""

import re
from collections.abc import Callable
from typing import Any

from tests.coindcx_sim.calls import SimCall
from tests.coindcx_sim.futures_routes import FuturesRoutes
from tests.coindcx_sim.margin_routes import MarginRoutes
from tests.coindcx_sim.public_routes import PublicRoutes, Query
from tests.coindcx_sim.spot_routes import SpotRoutes

F = "/exchange/v1/derivatives/futures"
O = "/exchange/v1/orders"  # noqa: E741
M = "/exchange/v1/margin"
L = "/exchange/v1/funding"
BOOK = re.compile(r"/market_data/v3/orderbook/([\w-]+)-futures/(10|20|50)")

Private = Callable[[SimCall], Any]
Public = Callable[[Query], Any]


class Routes:
    def __init__(
        self, spot: SpotRoutes, futures: FuturesRoutes, margin: MarginRoutes, public: PublicRoutes
    ) -> None:
        self._public = public
        self.private: dict[tuple[str, str], Private] = {
            ("POST", "/exchange/v1/users/balances"): spot.balances,
            ("POST", "/exchange/v1/users/info"): spot.info,
            ("POST", f"{O}/create"): spot.create,
            ("POST", f"{O}/create_multiple"): spot.create_multiple,
            ("POST", f"{O}/status"): spot.status,
            ("POST", f"{O}/status_multiple"): spot.status_multiple,
            ("POST", f"{O}/active_orders"): spot.active_orders,
            ("POST", f"{O}/active_orders_count"): spot.active_orders_count,
            ("POST", f"{O}/trade_history"): spot.trade_history,
            ("POST", f"{O}/cancel"): spot.cancel,
            ("POST", f"{O}/cancel_by_ids"): spot.cancel_by_ids,
            ("POST", f"{O}/cancel_all"): spot.cancel_all,
            ("POST", f"{O}/edit"): spot.edit,
            **{("POST", f"{M}/{name}"): route for name, route in margin.routes().items()},
            **{("POST", f"{L}/{name}"): route for name, route in margin.lending().items()},
            ("POST", f"{F}/orders"): futures.orders,
            ("POST", f"{F}/orders/create"): futures.create,
            ("POST", f"{F}/orders/cancel"): futures.cancel,
            ("POST", f"{F}/orders/edit"): futures.edit,
            ("POST", f"{F}/positions"): futures.positions,
            ("POST", f"{F}/positions/update_leverage"): futures.update_leverage,
            ("POST", f"{F}/positions/add_margin"): futures.add_margin,
            ("POST", f"{F}/positions/remove_margin"): futures.remove_margin,
            ("POST", f"{F}/positions/cancel_all_open_orders"): futures.cancel_all,
            (
                "POST",
                f"{F}/positions/cancel_all_open_orders_for_position",
            ): futures.cancel_all_of_position,
            ("POST", f"{F}/positions/exit"): futures.exit,
            ("POST", f"{F}/positions/create_tpsl"): futures.create_tpsl,
            ("POST", f"{F}/positions/margin_type"): futures.margin_type,
            ("POST", f"{F}/positions/transactions"): futures.transactions,
            ("GET", f"{F}/positions/cross_margin_details"): futures.cross_margin,
            ("POST", f"{F}/trades"): futures.trades,
            ("GET", f"{F}/wallets"): futures.wallets,
            ("GET", f"{F}/wallets/transactions"): futures.wallet_transactions,
        }
        self._open: dict[str, Public] = {
            "/exchange/ticker": public.ticker,
            "/exchange/v1/markets": public.markets,
            "/exchange/v1/markets_details": public.markets_details,
            "/market_data/trade_history": public.trade_history,
            "/market_data/orderbook": public.order_book,
            "/market_data/candles": public.candles,
            "/market_data/candlesticks": public.candlesticks,
            "/market_data/v3/current_prices/futures/rt": public.current_prices,
            f"{F}/data/active_instruments": public.active_instruments,
            f"{F}/data/instrument": public.instrument,
            f"{F}/data/trades": public.futures_trades,
            "/api/v1/derivatives/futures/data/stats": public.stats,
            "/api/v1/derivatives/futures/data/conversions": public.conversions,
        }

    def public(self, method: str, path: str) -> Public | None:
        if method != "GET":
            return None
        if (found := self._open.get(path)) is not None:
            return found
        if book := BOOK.fullmatch(path):
            return lambda _: self._public.futures_order_book(book[1], book[2])
        return None
