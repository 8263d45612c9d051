"""Tests broker keys at their exchange: when somebody asks, and each now and then, one by one.

A test is three harmless questions. Only a definite answer changes anything: a refused key, and a
second key of the same user at the exchange, suspend their account until a test finds them good.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loguru import logger

from control_plane.accounts import service as accounts
from control_plane.brokers.coindcx import spot
from control_plane.brokers.coindcx.adapter import CoinDcxBroker
from control_plane.brokers.coindcx.egress import DIRECT, pinned
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.models import User
from control_plane.brokers.coindcx.outcomes import Accepted, Outcome, Reason, Refused
from control_plane.brokers.coindcx.skew import Skew
from control_plane.brokers.errors import OrderRefused, VenueUnreachable
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId, shard_of
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.infra.isolation import Isolation
from control_plane.infra.leases import Leases
from control_plane.keys import store
from control_plane.keys.errors import NoKey
from control_plane.keys.models.checks import REASON, Held, KeyCheck, suspends
from control_plane.keys.store import Kept

EXCHANGE = "coindcx"
APART_SECONDS = 5.0  # between two tests that nobody asked for
EVERY_SECONDS = 900.0  # no key more often than that
CLOCKS_DIFFER_MS = 5_000


@dataclass
class KeyChecks:
    db: Database
    clock: Clock
    leases: Leases
    broker: CoinDcxBroker
    skew: Skew
    isolation: Isolation = field(init=False)

    def __post_init__(self) -> None:
        self.isolation = Isolation(self.db, self.clock)

    async def asked(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The command of the api role."""
        found = await self.check(AccountId(str(body["account"])))
        return {"state": found.state, "reason": found.reason}

    async def run(self) -> None:
        while True:
            await self.once()
            await self.clock.sleep(APART_SECONDS)

    async def once(self) -> None:
        """The key that waited longest, if it waited long enough."""
        owned = self.leases.owned()
        for account in await self.db.read(_due):
            if shard_of(account) in owned:
                await self.isolation.run("broker_key", account, self.check, account)
                return

    async def check(self, account: AccountId) -> KeyCheck:
        kept = await self.db.read(store.kept, account)
        if kept is None or kept.exchange != EXCHANGE:
            raise NoKey(f"No broker key is kept for the account {account!r}.", field="account_id")
        found = await self._tested(kept)
        return await self.db.write(_conclude, found)

    async def _tested(self, kept: Kept) -> KeyCheck:
        lanes, account = self.broker.lanes, kept.account
        blank = KeyCheck(
            account,
            kept.tenant,
            kept.fingerprint,
            "unreachable",
            egress=pinned(account, lanes.egresses, lanes.by_hand).name,
        )
        try:
            who = await lanes.ask(account, spot.user(), Lane.LOOK_UP)
            if not isinstance(who, Accepted):
                return replace(_unwelcome(blank, who), skew_ms=self.skew.ms())
            held = (await self.broker.balances([account]))[account]
        except (VenueUnreachable, OrderRefused) as error:
            return replace(blank, reason=str(error))
        return replace(
            blank,
            state="good",
            reason=_doubts(self.skew.ms()),
            user=who.value.id_sha256,
            skew_ms=self.skew.ms(),
            held=tuple(
                Held(each.wallet, each.currency, f"{each.free:f}", f"{each.locked:f}")
                for each in held
                if each.free or each.locked
            ),
        )


def _unwelcome(blank: KeyCheck, answer: Outcome[User]) -> KeyCheck:
    if not isinstance(answer, Refused):
        return replace(blank, reason="CoinDCX did not answer clearly.")
    if answer.reason is Reason.NOT_AUTHORISED:
        why = (
            "CoinDCX refuses the key: it is wrong, withdrawn, or bound to another address than "
            f"{'this machine has' if blank.egress == DIRECT.name else repr(blank.egress)}."
        )
        return replace(blank, state="refused", reason=why)
    if answer.reason is Reason.STALE_TIMESTAMP:
        why = "CoinDCX finds our clock wrong: set this machine's by NTP."
        return replace(blank, reason=why)
    return replace(blank, reason=f"CoinDCX refuses to answer: {answer.message}")


def _doubts(skew_ms: int | None) -> str | None:
    if skew_ms is None or abs(skew_ms) < CLOCKS_DIFFER_MS:
        return None
    return (
        f"CoinDCX's clock differs from ours by {skew_ms / 1000:.0f} s: set this machine's by NTP."
    )


def _due(tx: Tx) -> list[AccountId]:
    return store.checked_before(tx, EXCHANGE, tx.now_ms() - int(EVERY_SECONDS * 1000))


def _conclude(tx: Tx, found: KeyCheck) -> KeyCheck:
    """Write it down, unless the key was replaced meanwhile, and let the account stand by it."""
    kept = store.kept(tx, found.account)
    if kept is None or kept.fingerprint != found.fingerprint:
        return found
    if found.user is not None and (others := store.others_of(tx, found.user, found.account)):
        found = replace(found, state="taken", reason=_taken(tx, found, others[0]))
    before = store.check_of(tx, found.account)
    store.put_check(tx, replace(found, checked_ms=tx.now_ms()))
    if before is None or before.state != found.state:
        told = {"state": found.state, "reason": found.reason}
        events.record(
            tx, "broker_key_checked", "account", found.account, tenant=found.tenant, **told
        )
        logger.info("broker_key_checked", account=found.account, state=found.state)
    _let_stand(tx, found)
    return found


def _taken(tx: Tx, found: KeyCheck, other: KeyCheck) -> str:
    if other.tenant != found.tenant:
        return "This user of CoinDCX trades here through somebody else's account already."
    name = accounts.owned_account(tx, other.tenant, other.account).name
    return f"This user of CoinDCX trades through your account {name!r} already."


def _let_stand(tx: Tx, found: KeyCheck) -> None:
    account = accounts.owned_account(tx, found.tenant, found.account)
    was_ours = (account.reason or "").startswith(REASON)
    if suspends(found) and account.state == "active":
        accounts.put_state(tx, account.id, "suspended", f"{REASON}{found.reason}")
    elif found.state == "good" and account.state == "suspended" and was_ours:
        accounts.put_state(tx, account.id, "active", None)
