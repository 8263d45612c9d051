"""Checks of uploads: each version that reads well is run in the sandbox before it may be deployed.

They run on made candles, the same for ever, so a verdict depends on the code, what was written
beside it, and the image: what was checked once, of whomever, is not run again.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from control_plane.core.ids import Rng
from control_plane.infra.bus import Bus
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx
from control_plane.jobs import store
from control_plane.jobs.models.job import CandlesWish, Order
from control_plane.jobs.service.hearing import conclude_check
from control_plane.jobs.service.queueing import add
from control_plane.market.models.catalogue import BY_ID
from control_plane.settings import JobSettings
from control_plane.strategies import service as strategies
from control_plane.strategies.errors import BadParameter
from control_plane.strategies.models.findings import Finding
from control_plane.strategies.models.outline import resolve
from control_plane.strategies.service import Version

AT_ONCE = 20
CANDLES = 1_500
INSTRUMENT = "fut:B-BTC_USDT"
RESOLUTION = "5m"
RECIPE = 1  # of the candles and of what is looked for: another number is another verdict


@dataclass(frozen=True)
class Checking:
    bus: Bus
    rng: Rng
    limits: JobSettings
    image: str

    def is_due(self, tx: Tx) -> bool:
        return bool(strategies.awaiting(tx, 1))

    def open_due(self, tx: Tx) -> int:
        """Put those that wait into the queue; how many there were."""
        due = strategies.awaiting(tx, AT_ONCE)
        for version in due:
            if strategies.claim_trial(tx, version.id):
                self._open(tx, version)
        return len(due)

    def _open(self, tx: Tx, version: Version) -> None:
        try:
            order = self._order(version)
        except BadParameter as error:
            strategies.conclude_trial(tx, version.id, [Finding("manifest", error.what)], {})
            return
        known = store.done_like(tx, order.key)
        if known is not None:
            conclude_check(tx, version.id, msgspec.json.decode(known.headline))
            return
        add(tx, self.bus, self.rng, order, self.limits)

    def _order(self, version: Version) -> Order:
        outline = version.outline
        market = outline.instrument
        instrument = market if market in BY_ID else f"fut:{market}"
        if instrument not in BY_ID:  # another market's prices do: what is looked for is not profit
            instrument = INSTRUMENT
        resolution = outline.resolution or RESOLUTION
        parameters = dict(resolve(outline, version.manifest, {}))
        return Order(
            kind="check",
            tenant=version.tenant,
            subject=version.id,
            code=version.code,
            code_sha256=version.code_sha256,
            instrument=instrument,
            resolution=resolution,
            resolutions=tuple(r for r in outline.resolutions if r != resolution),
            lookback=outline.lookback,
            candles=CandlesWish("made", instrument, (resolution,), count=CANDLES),
            memory_mb=self.limits.memory_mb,
            cpus=self.limits.cpus,
            seconds=self.limits.check_seconds,
            parameters=parameters,
            manifest=dict(version.manifest),
            key=self._key(version, instrument, resolution),
        )

    def _key(self, version: Version, *asked: Any) -> str:
        what = [
            RECIPE,
            CANDLES,
            self.image,
            version.code_sha256,
            dict(version.manifest),
            self.limits.memory_mb,
            self.limits.check_seconds,
            *asked,
        ]
        return sha256(canonical_json(what).encode()).hexdigest()
