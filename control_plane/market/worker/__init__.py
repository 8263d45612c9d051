"""The market's endless work: feeding, and saying what was fed."""

from control_plane.market.worker.running import MarketWorker, Real
from control_plane.market.worker.simulated import SimulatedFeed
from control_plane.market.worker.upstream import Upstream

__all__ = ["MarketWorker", "Real", "SimulatedFeed", "Upstream"]
