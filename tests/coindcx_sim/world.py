"""Everything that the venue's parts share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from tests.coindcx_sim.accounts import Account, Purse
from tests.coindcx_sim.ledger import Ledger
from tests.coindcx_sim.markets import FuturesMarket, SpotMarket
from tests.coindcx_sim.switches import Switches
from tests.coindcx_sim.tape import Tape
from tests.coindcx_sim.timers import Timers

# What happened to whom; the rows are only made if somebody listens.
Emit = Callable[[Account, str, Callable[[], Any]], None]


def _silent(account: Account, name: str, rows: Callable[[], Any]) -> None:
    """Nobody listens."""


@dataclass
class World:
    switches: Switches
    timers: Timers
    tape: Tape
    spot: dict[str, SpotMarket]
    futures: dict[str, FuturesMarket]
    ledger: Ledger = field(default_factory=Ledger)
    accounts: dict[str, Account] = field(default_factory=dict)
    peg: Decimal = Decimal(102)
    emit: Emit = _silent
    counter: int = 815_052_512
    trade_counter: int = 252_949_809

    @property
    def now_ms(self) -> int:
        """The venue's clock."""
        return self.timers.now_ms + self.switches.skew_ms

    def next_id(self) -> int:
        self.counter += 1
        return self.counter

    def next_trade_id(self) -> int:
        self.trade_counter += 1
        return self.trade_counter

    def uuid(self, what: str) -> str:
        """The same history gives the same ids."""
        digest = sha256(f"{what}/{self.next_id()}".encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"

    def open_account(
        self, key: str, secret: str, balances: dict[str, Decimal], wallets: dict[str, Decimal]
    ) -> Account:
        number = len(self.accounts) + 1
        account = Account(
            number, key, secret.encode(), str(16_248_000 + number), self.uuid(f"user {key}")
        )
        account.purses = {currency: Purse(amount) for currency, amount in balances.items()}
        account.wallets = {currency: Purse(amount) for currency, amount in wallets.items()}
        self.accounts[key] = account
        return account

    def spot_at(self, pair: str) -> SpotMarket | None:
        return next((each for each in self.spot.values() if each.pair == pair), None)
