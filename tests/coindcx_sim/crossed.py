"""Crossed margin: positions that stand on the whole USDT wallet together, and fall together.

Nothing of theirs is locked in the wallet: its balance and what they have gained or lost is their
equity. Once that is no more than the maintenance margin of all of them, all are liquidated.
"""

from decimal import Decimal
from typing import Any

from tests.coindcx_sim.accounts import ZERO, Account, FuturesOrder, Position, Purse
from tests.coindcx_sim.world import World

BOOK = "USDT"


def held(account: Account) -> list[Position]:
    found = account.positions.values()
    return [each for each in found if each.margin_type == "crossed" and each.quantity]


def waiting(account: Account) -> list[FuturesOrder]:
    return [each for each in account.open_futures.values() if each.margin_type == "crossed"]


def pnl(world: World, account: Account) -> Decimal:
    return sum(
        (
            each.quantity * (world.tape.line(each.pair).mark_price - each.average)
            for each in held(account)
        ),
        ZERO,
    )


def maintenance(world: World, account: Account) -> Decimal:
    return sum(
        (
            world.futures[each.pair].maintenance(
                abs(each.quantity) * world.tape.line(each.pair).mark_price
            )
            for each in held(account)
        ),
        ZERO,
    )


def initial(account: Account) -> Decimal:
    return sum((each.user_margin for each in held(account)), ZERO)


def ordered(account: Account) -> Decimal:
    return sum((each.locked for each in waiting(account)), ZERO)


def equity(world: World, account: Account) -> Decimal:
    return _free(account) + pnl(world, account)


def available(world: World, account: Account) -> Decimal:
    """What a further crossed order may take."""
    return equity(world, account) - initial(account) - ordered(account)


def spare(world: World, account: Account, book: str) -> Decimal:
    """What an isolated order may take: gains that were not realised lend nothing to it."""
    free = account.wallets.get(book, Purse()).free
    if book != BOOK:
        return free
    return min(free, free - initial(account) - ordered(account) + pnl(world, account))


def is_sunk(world: World, account: Account) -> bool:
    return bool(held(account)) and equity(world, account) <= maintenance(world, account)


def details(world: World, account: Account) -> dict[str, Any]:
    """What isolated positions have locked is no part of it: so the documented sums hold."""
    purse = account.wallets.get(BOOK, Purse())
    due, gained, worth = (
        maintenance(world, account),
        pnl(world, account),
        equity(world, account),
    )
    usable = available(world, account)
    return {
        "pnl": gained,
        "maintenance_margin": due,
        "available_wallet_balance": purse.free,
        "total_wallet_balance": purse.free,
        "total_initial_margin": initial(account) + purse.locked,
        "total_initial_margin_isolated": purse.locked,
        "total_initial_margin_crossed": initial(account),
        "total_open_order_initial_margin_crossed": ordered(account),
        "available_balance_cross": usable,
        "available_balance_isolated": max(ZERO, spare(world, account, BOOK)),
        "margin_ratio_cross": due / worth if worth else ZERO,
        "withdrawable_balance": max(ZERO, spare(world, account, BOOK)),
        "total_account_equity": worth,
        "updated_at": world.now_ms,
    }


def _free(account: Account) -> Decimal:
    return account.wallets.get(BOOK, Purse()).free
