"""Broker keys: sealed by the api role, opened by the trading role just before it signs, sealed anew
by a rotation that nobody has to wait for.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from loguru import logger

from control_plane.accounts import service as accounts
from control_plane.accounts.models import Account
from control_plane.brokers.coindcx.store import current_usage
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.ids import AccountId, Rng, Shard, Tenant, shard_of
from control_plane.infra import audit, commands, keyring
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.http_match import ANY, Expected
from control_plane.infra.keyring import Keyring
from control_plane.keys import store
from control_plane.keys.errors import KeyTampered, NoKey, NotLive
from control_plane.keys.models.checks import KeyCheck
from control_plane.keys.models.envelope import Place, Unopened, kek_id_of, open_, rewrap, seal
from control_plane.keys.store import Kept

PAGE = 100
NO_KEY = "no broker key yet"
TEST = "test_key"  # what the trading role is asked


def in_use(tx: Tx, exchange: str, shards: Collection[Shard]) -> dict[AccountId, str]:
    """Accounts of these shards that may trade there, each with the fingerprint of its key."""
    found = {
        account: fingerprint
        for account, fingerprint in store.fingerprints(tx, exchange)
        if shard_of(account) in shards
    }
    places = accounts.places(tx, found.keys())
    return {one: found[one] for one, place in places.items() if place.state == "active"}


@dataclass(frozen=True)
class Keys:
    """What the api role can do: store and look at the outside. It has no private key."""

    db: Database
    rng: Rng
    installation: str
    folder: Path
    bus: Bus

    async def put(
        self,
        tenant: Tenant,
        account: AccountId,
        key: str,
        secret: str,
        expected: Expected = ANY,
    ) -> Kept:
        return await self.db.write(self._put, tenant, account, key, secret, expected)

    async def look(self, tenant: Tenant, account: AccountId) -> Kept:
        return await self.db.read(_look, tenant, account)

    async def checked(self, tenant: Tenant, account: AccountId) -> KeyCheck:
        """What came of the last test of this key."""
        return await self.db.read(_checked, tenant, account)

    async def check(self, tenant: Tenant, account: AccountId) -> KeyCheck:
        """Have it tested at its exchange by the role that can open it; what is known till then."""
        return await self.db.write(self._check, tenant, account)

    def _check(self, tx: Tx, tenant: Tenant, account: AccountId) -> KeyCheck:
        known = _checked(tx, tenant, account)
        self._ask(tx, account)
        return known

    def _ask(self, tx: Tx, account: AccountId) -> None:
        body = {"account": account}
        commands.ask(tx, self.bus, self.rng, "trading", shard_of(account), TEST, body)

    async def usage(self) -> Sequence[Any]:
        """How full the exchange's limits are, of every address and the busiest keys."""
        return await self.db.read(current_usage)

    async def revoke(self, tenant: Tenant, account: AccountId) -> None:
        """From the commit on nothing is signed for this account."""
        await self.db.write(_revoke, tenant, account)

    def _put(
        self,
        tx: Tx,
        tenant: Tenant,
        account: AccountId,
        key: str,
        secret: str,
        expected: Expected,
    ) -> Kept:
        owned = _live(tx, tenant, account)
        expected.check(store.version(tx, account), f"The key of {owned.name!r}")
        recipient = keyring.recipient(self.folder)
        version = store.next_version(tx, account)

        def sealed(name: str, text: str) -> bytes:
            place = Place(self.installation, tenant, account, owned.venue, name, version)
            return seal(text.encode(), place, recipient, self.rng)

        new = Kept(
            account,
            tenant,
            owned.venue,
            version,
            kek_id_of(recipient).hex(),
            sealed("key", key),
            sealed("secret", secret),
            key[-4:],
            sha256(key.encode()).hexdigest()[:16],
            tx.now_ms(),
        )
        store.put(tx, new)
        accounts.put_state(tx, account, "active", None)
        self._ask(tx, account)
        audit.record(
            tx,
            "broker_key_set",
            "account",
            account,
            tenant=tenant,
            fingerprint=new.fingerprint,
            version=version,
        )
        return new


@dataclass
class Opener:
    """The trading role's: it alone reads the keyring. A secret it opens is for one signature."""

    db: Database
    installation: str
    folder: Path
    _ring: Keyring | None = field(default=None, repr=False)

    async def credentials(self, account: AccountId) -> Credentials:
        found, version = await self.db.read(_for_opening, account)
        key = self._key(found.kek_id)

        def opened(name: str, envelope: bytes) -> str:
            place = Place(self.installation, found.tenant, account, found.exchange, name, version)
            return open_(envelope, place, key).decode()

        try:
            return Credentials(opened("key", found.key), opened("secret", found.secret))
        except Unopened as error:
            logger.error("broker_key_tampered", account=account)
            raise _tampered(account) from error

    def _key(self, kek_id: str) -> X25519PrivateKey:
        ring = self._ring
        if ring is None or kek_id not in ring.private:
            ring = self._ring = keyring.read(self.folder)  # a rotation may have added it
        found = ring.private.get(kek_id)
        if found is None:
            raise KeyTampered(f"No key of the keyring is named {kek_id!r}.")
        if ring.is_disabled(kek_id):
            logger.error("disabled_key_used", kek=kek_id)
        return found


@dataclass
class Rotation:
    """Seals every data key for a new primary. Stopped at any place, it goes on where it was."""

    db: Database
    rng: Rng
    installation: str
    folder: Path
    failpoints: Failpoints
    say: Callable[[int], None] = lambda _done: None

    async def begin(self) -> Keyring:
        """A new primary; while an older rotation is unfinished, that one goes on."""
        ring = keyring.read(self.folder)
        if not await self.db.read(store.count_for_others, ring.primary_id):
            ring = ring.with_new_primary(self.rng)
        keyring.write(self.folder, ring)  # also the public half that a crash may have left out
        return ring

    async def finish(self, ring: Keyring) -> int:
        """Seal what is left, then disable the older keys; how many rows that were."""
        done = 0
        private, primary = ring.private, ring.primary_id
        while page := await self.db.read(store.sealed_for_others, primary, PAGE):
            for row in page:
                await self.db.write(self._rewrap, row, private, primary)
                await self.failpoints.hit("kek.after_rewrap_row")
                done += 1
            self.say(done)
        keyring.write(self.folder, ring.with_disabled_others())
        return done

    def _rewrap(
        self, tx: Tx, row: Kept, private: Mapping[str, X25519PrivateKey], primary: str
    ) -> None:
        old, new = private.get(row.kek_id), private[primary].public_key()
        if old is None:
            raise KeyTampered(f"No key of the keyring is named {row.kek_id!r}.")

        def sealed(name: str, envelope: bytes) -> bytes:
            place = Place(
                self.installation, row.tenant, row.account, row.exchange, name, row.row_version
            )
            return rewrap(envelope, place, old, new, self.rng)

        try:
            store.reseal(tx, row, primary, sealed("key", row.key), sealed("secret", row.secret))
        except Unopened as error:
            raise _tampered(row.account) from error


def _live(tx: Tx, tenant: Tenant, account: AccountId) -> Account:
    owned = accounts.owned_account(tx, tenant, account)
    if owned.venue == "paper":
        raise NotLive(
            f"{owned.name} is a paper account; it trades without a key.",
            field="account_id",
            remedy="Open an account at an exchange with POST /api/v1/accounts/live.",
        )
    return owned


def _look(tx: Tx, tenant: Tenant, account: AccountId) -> Kept:
    accounts.owned_account(tx, tenant, account)
    found = store.kept(tx, account)
    if found is None:
        raise _none(account)
    return found


def _checked(tx: Tx, tenant: Tenant, account: AccountId) -> KeyCheck:
    kept = _look(tx, tenant, account)
    found = store.check_of(tx, account)
    if found is None or found.fingerprint != kept.fingerprint:
        return KeyCheck(account, tenant, kept.fingerprint, "unchecked")
    return found


def _revoke(tx: Tx, tenant: Tenant, account: AccountId) -> None:
    _look(tx, tenant, account)
    store.drop(tx, account)
    accounts.put_state(tx, account, "suspended", NO_KEY)
    audit.record(tx, "broker_key_revoked", "account", account, tenant=tenant)


def _for_opening(tx: Tx, account: AccountId) -> tuple[Kept, int]:
    found = store.for_opening(tx, account)
    if found is None:
        raise _none(account)
    return found


def _none(account: AccountId) -> NoKey:
    return NoKey(
        f"No broker key is kept for the account {account!r}.",
        field="account_id",
        remedy="`slipway accounts connect NAME` gives it one, or PUT "
        "/api/v1/accounts/{account_id}/key.",
    )


def _tampered(account: AccountId) -> KeyTampered:
    return KeyTampered(
        f"The broker key of {account!r} does not open: it is not what was stored for it.",
        remedy="Store it again, and find out who could write to the database.",
    )
