"""The market's endless work: feeding, and saying what was fed."""

from control_plane.market.worker.feeding import MarketWorker
from control_plane.market.worker.simulated import SimulatedFeed

__all__ = ["MarketWorker", "SimulatedFeed"]
