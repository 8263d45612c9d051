"""What each role runs, put together from the slices; the one place that picks implementations.

Each function adds its loops to the process. A role that is not asked for makes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from importlib.resources import files

from control_plane.accounts.service import admins
from control_plane.backtests.worker import Tidier as JobTidier
from control_plane.brokers.capacity import Capacity as VenueCapacity
from control_plane.brokers.coindcx.capacity import capacity
from control_plane.brokers.coindcx.hearing import Hearing
from control_plane.brokers.coindcx.keeping import UsageKeeper
from control_plane.brokers.coindcx.lookout import Lookout
from control_plane.brokers.coindcx.opening import NoKeys, OpenBroker, open_broker, open_lanes
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.containers.access import Access
from control_plane.containers.choice import caution, choose
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.docker.engine import Engine
from control_plane.containers.environment import bus_address
from control_plane.containers.images import image_name
from control_plane.containers.models import Launcher
from control_plane.containers.process.adapter import ProcessLauncher
from control_plane.containers.swarm.adapter import SwarmLauncher
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId, Rng
from control_plane.deployments.models.health import Noise
from control_plane.deployments.models.wishes import Policy
from control_plane.deployments.worker.hands import Hands, Trusts
from control_plane.deployments.worker.keeper import Keeper
from control_plane.deployments.worker.reconciler import Budget, Reconciler
from control_plane.deployments.worker.scribe import Scribe
from control_plane.deployments.worker.senses import Senses
from control_plane.infra import keyring
from control_plane.infra.bus import Bus
from control_plane.infra.commands import Desk as CommandDesk
from control_plane.infra.datafolder import DataFolder
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.health import Check
from control_plane.infra.leases import Leases
from control_plane.infra.socket_io import SocketIoNet
from control_plane.infra.supervisor import Supervisor
from control_plane.jobs.models.queue import Capacity
from control_plane.jobs.service.checking import Checking
from control_plane.jobs.service.hearing import Register
from control_plane.jobs.worker import Chandler, JobHands, JobIntake, Runner
from control_plane.keys import service as keys
from control_plane.keys.service import Opener
from control_plane.keys.worker import KeyChecks
from control_plane.market import service as market
from control_plane.market.service.history import History
from control_plane.market.service.quotes import Quotes
from control_plane.market.service.recording import Recorder
from control_plane.market.worker import MarketWorker, Real, Upstream
from control_plane.orders.models.guarding import SKEW_FRESH_MS
from control_plane.orders.service.by_hand import ByHand
from control_plane.orders.service.checking import Checker
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.guarding import Guard
from control_plane.orders.service.halting import Halts
from control_plane.orders.service.leaving import Leaver
from control_plane.orders.service.tidying import Tidier
from control_plane.orders.worker import loops
from control_plane.settings import Role, Settings
from control_plane.signals.worker import Intake
from control_plane.strategies.service import Strategies
from control_plane.strategies.worker import Checks

Loop = Callable[[], Awaitable[None]]


@dataclass
class Machinery:
    """What every role is given."""

    settings: Settings
    clock: Clock
    rng: Rng
    folder: DataFolder
    installation: str
    fleet_name: str  # of all control planes on this database: their containers' label
    holder: str  # this process, in lease rows
    db: Database
    bus: Bus
    embedded: EmbeddedServer | None
    failpoints: Failpoints
    supervisor: Supervisor
    leases: Mapping[Role, Leases]
    loops: dict[str, Loop] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)  # what readiness asks
    before_stop: list[Loop] = field(default_factory=list)  # in order, while the loops still run


async def add_market(it: Machinery, stack: AsyncExitStack) -> None:
    settings = it.settings.market
    await it.db.read(market.refuse_other_pace, it.leases["market"], settings)
    worker = MarketWorker(
        it.db, it.bus, it.clock, it.leases["market"], settings, real=_real_market(it, stack)
    )
    it.loops["market"] = worker.run


def _real_market(it: Machinery, stack: AsyncExitStack) -> Real | None:
    if "coindcx" not in it.settings.market.feeds:
        return None
    section, record = it.settings.coindcx, it.settings.market.record
    ways = open_lanes(NoKeys(), it.clock, section)
    stack.push_async_callback(ways.close)
    recorder = None if record is None else Recorder(record, it.clock)
    if recorder is not None:
        stack.callback(recorder.close)
    urls = {"spot": section.spot_stream_url, "fut": section.stream_url}
    upstream = Upstream(SocketIoNet(), urls, it.clock, it.rng, recorder)
    return Real(ways.lanes, upstream, History(ways.lanes))


async def add_fleet(it: Machinery) -> None:
    leases, scale = it.leases["fleet"], it.settings.time_scale
    policy, noise = Policy(scale=scale), Noise()
    access = Access(it.bus, f"fleet:{it.holder}")
    hands = Hands(
        it.fleet_name,
        it.db,
        it.bus,
        it.rng,
        await choose(it.settings.fleet.launcher, launchers(it)),
        access,
        it.failpoints,
        policy,
        _trusts(),
    )
    reconciler = Reconciler(
        it.db,
        it.bus,
        it.clock,
        leases,
        hands,
        Senses(it.bus, it.clock, policy, noise),
        Budget(it.settings.fleet.spawn_per_second, it.clock),
        it.settings.fleet.sweep_seconds,
    )
    await caution(hands.launcher, it.bus)
    desk = CommandDesk("fleet", it.db, it.bus, it.clock, leases, {"cut_off": reconciler.cut_off})
    it.checks["launcher"] = hands.launcher.available
    it.loops["fleet"] = reconciler.run
    it.loops["fleet-engine"] = reconciler.listen
    it.loops["fleet-access"] = Keeper(it.db, it.clock, leases, access, scale).run
    it.loops["fleet-commands"] = desk.run
    scribe = Scribe(it.db, it.clock, leases, hands.launcher, scale, noise)
    it.loops["fleet-output"] = scribe.keep_output
    it.loops["fleet-vitals"] = scribe.keep_vitals
    jobs = _runner(it, hands.launcher)
    it.loops["jobs"] = jobs.run
    it.loops["fleet-census"] = scribe.keep_census
    if not it.settings.fleet.keep:
        it.before_stop.append(reconciler.stop_all)
        it.before_stop.append(jobs.stop_all)


def _runner(it: Machinery, launcher: Launcher) -> Runner:
    fleet, limits = it.settings.fleet, it.settings.jobs
    folder = fleet.candles_dir or it.folder.path / "candles"
    hands = JobHands(
        it.fleet_name,
        it.db,
        it.bus,
        it.clock,
        it.rng,
        launcher,
        Access(it.bus, f"jobs:{it.holder}"),
        it.failpoints,
        Chandler(it.db, it.clock, folder, limits.most_candles, launcher.name != "process"),
        _trusts(),
        it.settings.time_scale,
    )
    image = f"{launcher.name}:{fleet.image or image_name()}"
    checking = Checking(it.bus, it.rng, limits, image)
    capacity = Capacity(limits.parallel, limits.per_tenant)
    return Runner(it.db, it.bus, it.clock, it.leases["fleet"], hands, checking, capacity)


def add_trading(it: Machinery, stack: AsyncExitStack) -> None:
    keyring.ensure(it.folder.path, it.rng)
    leases, scale = it.leases["trading"], it.settings.time_scale
    intake = Intake(it.db, it.bus, it.clock, it.rng, leases, it.failpoints, scale)
    quotes = Quotes(it.bus)
    paper = PaperBroker(it.db, it.clock, it.settings.paper, scale)
    opener = Opener(it.db, it.fleet_name, it.folder.path)
    coindcx = open_broker(opener, it.clock, it.settings.coindcx, scale)
    leases.is_able = lambda: not coindcx.ways.sight.is_lost
    stack.push_async_callback(coindcx.close)
    desk = Desk(
        it.db,
        it.bus,
        it.clock,
        it.rng,
        leases,
        it.failpoints,
        {"paper": paper, "coindcx": coindcx.broker},
        quotes,
        it.settings.trading,
        scale,
        capacities=capacities(it.settings),
    )
    paper.on_fill = partial(desk.hear, "paper")
    ours = loops(desk, tick_driven=(paper,))
    register = Register(it.db, it.bus, leases)
    results = JobIntake(it.clock, it.bus, it.rng, leases, register, it.failpoints, scale)
    it.loops["intake"] = intake.run
    it.loops["job-intake"] = results.run
    it.loops["job-tidying"] = JobTidier(it.db, it.clock, leases, it.settings.jobs).run
    it.loops["quotes"] = quotes.run
    it.loops["prices"] = ours.need_prices
    it.loops["plan"] = ours.plan
    it.loops["send"] = ours.send
    it.loops["follow"] = ours.follow
    it.loops["pauses"] = ours.end_pauses
    it.loops["ticks"] = ours.let_ticks_through
    it.loops["invariants"] = Checker(desk).run
    it.loops["tidying"] = Tidier(desk).run
    skews = {"coindcx": partial(coindcx.ways.skew.lately_ms, SKEW_FRESH_MS)}
    it.loops["guard"] = Guard(desk, Halts(it.db, it.bus), skews).run
    leaver = Leaver(desk)
    checks = KeyChecks(it.db, it.clock, leases, coindcx.broker, coindcx.ways.skew)
    it.loops["broker-keys"] = checks.run
    ways = coindcx.ways
    it.loops["exchange-sight"] = Lookout(ways.lanes, ways.sight, it.clock, scale).run
    it.loops["exchange-usage"] = UsageKeeper(it.db, it.clock, it.holder, coindcx.ways).run
    asked = {
        "reduce": leaver.reduce,
        "flatten": leaver.flatten,
        keys.TEST: checks.asked,
        **ByHand(desk).handlers,
    }
    it.loops["trading-commands"] = CommandDesk(
        "trading", it.db, it.bus, it.clock, leases, asked
    ).run
    it.loops["coindcx-hear"] = _hearing(it, coindcx, desk).run


def _hearing(it: Machinery, coindcx: OpenBroker, desk: Desk) -> Hearing:
    section = it.settings.coindcx

    async def wanted() -> Mapping[AccountId, str]:
        return await it.db.read(keys.in_use, "coindcx", it.leases["trading"].owned())

    return Hearing(
        coindcx.broker.lanes,
        SocketIoNet(),
        (section.spot_stream_url, section.stream_url),
        it.rng,
        wanted,
        partial(desk.hear, "coindcx"),
        section.private_sockets,
    )


def capacities(settings: Settings) -> Mapping[str, VenueCapacity]:
    """Of the venues whose limits let only so many entries out in time."""
    return {"coindcx": capacity(settings.coindcx)}


def add_checks(it: Machinery) -> None:
    """Static checks of uploads that a crash broke off; the api role answers for them."""
    it.loops["checks"] = Checks(Strategies(it.db, it.rng, is_tried=True), it.clock).run


async def end_fleet(it: Machinery) -> int:
    """Stop and remove every container of this installation, whichever launcher made it."""
    ended = 0
    for launcher in launchers(it).values():
        if await launcher.available() is not None:
            continue
        for found in await launcher.list_ours():
            await launcher.stop(found.handle, Policy().grace)
            await launcher.remove(found.handle)
            ended += 1
        for job in await launcher.list_jobs():
            await launcher.remove(job.handle)
            ended += 1
    return ended


def launchers(it: Machinery) -> Mapping[str, Launcher]:
    fleet = it.settings.fleet
    authority = fleet.bus_ca.read_text() if fleet.bus_ca is not None else ""
    bus = bus_address(it.bus.url, fleet.bus_url, fleet.bus_volume, authority)
    swarm = SwarmLauncher(
        it.fleet_name,
        fleet.image or image_name(),
        bus,
        Engine(fleet.docker_host),
        it.clock,
        it.failpoints,
        fleet.swarm_network,
        fleet.swarm_constraints,
        fleet.swarm_engines_are_hardened,
        candles_volume=fleet.candles_volume,
    )
    docker = DockerLauncher(
        it.fleet_name,
        fleet.image or image_name(),
        bus,
        Engine(fleet.docker_host),
        it.failpoints,
        runtime=fleet.runtime,
        candles_volume=fleet.candles_volume,
    )
    process = ProcessLauncher(
        it.fleet_name, it.folder.path / "containers", bus, it.clock, it.failpoints
    )
    return {"docker": docker, "swarm": swarm, "process": process}


def _trusts() -> Trusts:
    """Whose code may run where there is no sandbox: the operator's own, and what ships with us."""
    shipped = {
        sha256(source.read_bytes()).hexdigest()
        for folder in files("strategy_templates").iterdir()
        if (source := folder / "strategy.py").is_file()
    }
    # Read at each launch: whoever is an admin now may have come after this process started.
    return lambda tx, tenant, code: code in shipped or tenant in admins(tx)
