"""A new key for every broker key while signing goes on and keys are set: how long, and whether any
signature failed.

python -m benchmarks.rotation [KEYS] [DATABASE_URL]
"""

import asyncio
import hmac
import sys
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from control_plane.core.ids import AccountId, Tenant
from control_plane.infra import db, keyring
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.rng import SystemRng
from control_plane.keys import store
from control_plane.keys.models.envelope import Place, kek_id_of, seal
from control_plane.keys.service import Opener, Rotation
from control_plane.keys.store import Kept
from control_plane.tables import SCHEMA

SIGNERS = 4
SET_EVERY = 50  # signatures: now and then somebody stores another key
PAUSE_SECONDS = 0.01
HERE = "in"


@dataclass
class Result:
    keys: int
    resealed: int
    seconds: float
    signatures: int
    failures: list[str]
    left: int  # rows that are sealed for another key than the new primary


async def run(database: Database, folder: Path, count: int) -> Result:
    rng, clock = SystemRng(), RealClock()
    keyring.ensure(folder, rng)
    names = [AccountId(f"ac{number:06}") for number in range(count)]
    for start in range(0, count, 500):
        await database.write(_put_all, folder, names[start : start + 500])

    rotation = Rotation(database, rng, HERE, folder, Failpoints(clock))
    opener = Opener(database, HERE, folder)
    done, signed, failures = asyncio.Event(), 0, []

    async def sign(which: int) -> None:
        nonlocal signed
        while not done.is_set():
            number = (signed * 7919 + which) % count
            try:
                if signed % SET_EVERY == SET_EVERY - 1:
                    await database.write(_put_all, folder, [names[number]])
                found = await opener.credentials(names[number])
                hmac.digest(found.secret.encode(), b"{}", sha256)
                assert found.secret == secret_of(names[number])
            except Exception as error:  # noqa: BLE001 # each of them is what is looked for
                failures.append(f"{names[number]}: {error!r}")
            signed += 1
            await clock.sleep(PAUSE_SECONDS)  # the machine is the rotation's too

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for which in range(SIGNERS):
            group.create_task(sign(which))
        ring = await rotation.begin()
        resealed = await rotation.finish(ring)
        done.set()
    took = perf_counter() - began
    left = await database.read(store.count_for_others, ring.primary_id)
    return Result(count, resealed, took, signed, failures, left)


def secret_of(account: str) -> str:
    return f"the secret of {account}, long enough for any exchange"


def _put_all(tx: Tx, folder: Path, accounts: list[AccountId]) -> None:
    recipient, rng = keyring.recipient(folder), SystemRng()
    for account in accounts:
        version = store.next_version(tx, account)

        def sealed(name: str, text: str, account: AccountId = account, at: int = version) -> bytes:
            place = Place(HERE, "us", account, "coindcx", name, at)
            return seal(text.encode(), place, recipient, rng)

        key, secret = sealed("key", f"key of {account}"), sealed("secret", secret_of(account))
        kek = kek_id_of(recipient).hex()
        store.put(tx, Kept(account, Tenant("us"), "coindcx", version, kek, key, secret))


async def main(count: int, url: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        database = db.connect(url or f"sqlite:///{folder}/keys.db", RealClock())
        SCHEMA.drop_all(database.engine)
        SCHEMA.create_all(database.engine)
        try:
            found = await run(database, Path(folder), count)
        finally:
            database.close()
    print(
        f"{found.resealed} of {found.keys} keys sealed anew in {found.seconds:.1f} s"
        f" ({found.resealed / found.seconds:.0f}/s), {found.signatures} signatures meanwhile,"
        f" {len(found.failures)} failed, {found.left} left behind"
    )
    for failure in found.failures[:10]:
        print(failure)
    return 1 if found.failures or found.left else 0


if __name__ == "__main__":
    asked = sys.argv[1:]
    how_many = int(asked[0]) if asked else 10_000
    sys.exit(asyncio.run(main(how_many, asked[1] if len(asked) > 1 else "")))
