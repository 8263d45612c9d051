"""Lending, which the product never does by itself: what is lent, lending, and taking it back."""

from decimal import Decimal

from control_plane.brokers.coindcx import parse, parse_futures
from control_plane.brokers.coindcx.calls import Call, NotOurs, act, post
from control_plane.brokers.coindcx.models import Ack, Lent

FUNDING = "/exchange/v1/funding"


def orders(page: int = 1, size: int = 100) -> Call[list[Lent]]:
    return post(f"{FUNDING}/fetch_orders", parse_futures.lent, page=page, size=size)


def lend(currency: str, amount: Decimal, days: int) -> Call[list[Lent]]:
    def read(value: object) -> list[Lent]:
        found = parse_futures.lent(value)
        if any((each.currency, each.amount) != (currency, amount) for each in found):
            raise NotOurs("the reply describes another loan")
        return found

    return act(f"{FUNDING}/lend", read, currency_short_name=currency, amount=amount, duration=days)


def settle(loan_id: str) -> Call[Ack]:
    return act(f"{FUNDING}/settle", parse.ack, id=loan_id)
