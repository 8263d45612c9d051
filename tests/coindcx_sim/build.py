"""Puts the venue together."""

from decimal import Decimal

from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.futures import Futures
from tests.coindcx_sim.futures_book import FuturesBook
from tests.coindcx_sim.futures_matching import FuturesMatching
from tests.coindcx_sim.futures_routes import FuturesRoutes
from tests.coindcx_sim.margin_routes import MarginRoutes
from tests.coindcx_sim.markets import futures_catalogue, spot_catalogue
from tests.coindcx_sim.outbox import Outbox
from tests.coindcx_sim.positions import Positions
from tests.coindcx_sim.public_routes import PublicRoutes
from tests.coindcx_sim.routes import Routes
from tests.coindcx_sim.spot import Spot
from tests.coindcx_sim.spot_book import SpotBook
from tests.coindcx_sim.spot_routes import SpotRoutes
from tests.coindcx_sim.strikes import Strikes
from tests.coindcx_sim.switches import Switches
from tests.coindcx_sim.tape import Tape
from tests.coindcx_sim.timers import Timers
from tests.coindcx_sim.world import World

START_MS = 1_788_000_000_000
RICH = {
    "INR": Decimal(10_000_000),
    "USDT": Decimal(100_000),
    "BTC": Decimal(5),
    "ETH": Decimal(50),
}
WALLETS = {"USDT": Decimal(50_000), "INR": Decimal(5_000_000)}


def exchange(switches: Switches | None = None, now_ms: int = START_MS) -> Exchange:
    timers = Timers(now_ms)
    tape = Tape(timers, lambda name, at_ms: None)
    world = World(switches or Switches(), timers, tape, spot_catalogue(), futures_catalogue())
    for market in world.spot.values():
        tape.add(market.name, market.price, Decimal(1).scaleb(-market.price_decimals))
    for instrument in world.futures.values():
        tape.add(instrument.pair, instrument.price, instrument.tick)
    spot = Spot(world, SpotBook(world))
    book = FuturesBook(world, Positions(world))
    matching = FuturesMatching(world, book)
    futures = Futures(world, book, matching)
    outbox = Outbox(timers)
    world.emit = outbox.emit

    def moved(name: str, at_ms: int) -> None:
        if name in world.spot:
            spot.moved(name)
        else:
            matching.moved(name)
        for listener in made.on_move:
            listener(name, at_ms)

    tape.moved = moved
    book.positions.start_funding(now_ms)
    routes = Routes(
        SpotRoutes(world, spot),
        FuturesRoutes(world, futures),
        MarginRoutes(world),
        PublicRoutes(world),
    )
    made = Exchange(world, routes, Strikes(world, spot, futures), outbox)
    return made


def populated(count: int, switches: Switches | None = None, now_ms: int = START_MS) -> Exchange:
    """With that many rich accounts, `key-0` and `secret-0` onwards."""
    made = exchange(switches, now_ms)
    for n in range(count):
        made.world.open_account(f"key-{n}", f"secret-{n}", dict(RICH), dict(WALLETS))
    return made
