"""The process: everything is made here once, and nowhere else is it known which implementation is
used.

One TaskGroup holds every endless loop and the web server. A loop that keeps failing ends the
process; whatever starts it again recovers it, for starting up is recovering.
"""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from control_plane import roles, web
from control_plane.accounts.models import FirstUser
from control_plane.accounts.service import Accounts, Users
from control_plane.backtests.service import Backtests
from control_plane.core.ids import Rng
from control_plane.deployments.service import Deployments
from control_plane.infra import (
    checkpoints,
    db,
    failpoints,
    fleet_name,
    health,
    logging,
    operator,
    rootkey,
    schema,
    wall,
)
from control_plane.infra.bus import Bus
from control_plane.infra.checkpoints import Checkpoints
from control_plane.infra.clock import RealClock
from control_plane.infra.datafolder import DataFolder
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.health import Health
from control_plane.infra.http_server import HttpServer
from control_plane.infra.idempotency import Sweeper
from control_plane.infra.leases import Leases
from control_plane.infra.mail import ConsoleOutbox, FileOutbox, Mail
from control_plane.infra.net import HttpxNet
from control_plane.infra.passwords import Passwords
from control_plane.infra.rng import SystemRng
from control_plane.infra.smtp import Postman
from control_plane.infra.supervisor import Supervisor
from control_plane.infra.verifying import Verification
from control_plane.jobs.service import Jobs
from control_plane.keys.service import Keys
from control_plane.live.service import Hub
from control_plane.market.service import Market
from control_plane.orders.service import checking
from control_plane.orders.service.by_hand import Hands
from control_plane.orders.service.halting import Halts
from control_plane.orders.service.previewing import Previews
from control_plane.orders.service.reading import has_open_trade
from control_plane.roles import Machinery
from control_plane.sessions.service import guesses_of, identity
from control_plane.settings import Settings
from control_plane.strategies.service import Strategies
from control_plane.subscriptions.service import Subscriptions
from control_plane.web import Site

Started = Callable[["App"], Coroutine[Any, Any, None]]

REVIVE_SECONDS = 1.0


@dataclass
class App:
    machinery: Machinery
    started: asyncio.Event = field(default_factory=asyncio.Event)
    site: Site | None = None
    first_user: FirstUser | None = None  # made by this start, with a password to be shown once


async def up(settings: Settings, *, on_started: Started | None = None) -> None:
    """Run the roles of `settings` until a signal says stop, or until one of them cannot go on."""
    logging.configure(settings.log_level, as_json=settings.log_json)
    stop = asyncio.Event()
    _stop_on_signals(stop)
    async with AsyncExitStack() as stack:
        app = await build(settings, stack)
        # What is here now stays: without this a full collection looks at all of it again and again,
        # and nobody trades or hears a price meanwhile, for a tenth of a second and more.
        gc.freeze()
        await run(app, stop, on_started)


async def down(settings: Settings) -> int:
    """End what a crash or `--keep-fleet` left running here; how many containers that were."""
    logging.configure(settings.log_level, as_json=settings.log_json)
    async with AsyncExitStack() as stack:
        machinery = await _machinery(settings, stack)
        ended = await roles.end_fleet(machinery)
        if machinery.embedded is not None:
            await machinery.embedded.stop()
        return ended


async def build(settings: Settings, stack: AsyncExitStack) -> App:
    """Make everything; what holds a resource is let go when `stack` unwinds, in reverse."""
    machinery = await _machinery(settings, stack)
    app = App(machinery)
    loops = machinery.loops
    loops["bus"] = machinery.bus.run
    if machinery.embedded is not None:
        loops["embedded-redis"] = lambda: _keep_alive(machinery)
    for role, leases in machinery.leases.items():
        loops[f"{role}-leases"] = leases.run
    if "api" in settings.roles:
        await _open_site(app, stack)
        roles.add_checks(machinery)
    if "market" in settings.roles:
        await roles.add_market(machinery, stack)
    if "trading" in settings.roles:
        roles.add_trading(machinery, stack)
    if "fleet" in settings.roles:
        await roles.add_fleet(machinery)
    return app


async def _open_site(app: App, stack: AsyncExitStack) -> None:
    machinery = app.machinery
    settings = machinery.settings
    server = HttpServer(settings.host, settings.port)
    stack.callback(server.close)
    root = rootkey.ensure(machinery.folder.path, machinery.rng)
    signer = root.signer(checkpoints.PURPOSE)
    signs = Checkpoints(machinery.db, machinery.clock, machinery.folder.path, signer)
    machinery.loops["audit"] = signs.run
    verification = Verification(
        machinery.db, machinery.clock, machinery.folder.path, signer.public_key()
    )
    machinery.loops["audit-verification"] = verification.run
    machinery.loops["kept-answers"] = Sweeper(machinery.db, machinery.clock).run
    net = HttpxNet()  # to the provider that the settings name
    stack.push_async_callback(net.close)
    database = machinery.db.behind_the_wall()
    users = Users(
        database,
        machinery.clock,
        machinery.rng,
        Passwords(machinery.rng),
        guesses_of(settings.accounts),
    )
    who = identity(users, root, _mail(machinery), settings, net)
    market, checks = Market(database, machinery.bus), _health(machinery)
    screen = web.screen(database, machinery.clock, checks, market)
    live = Hub(database, machinery.clock, settings.live, who.standing.of, screen.picture)
    machinery.loops["live"] = live.run
    services = web.Services(
        db=database,
        users=users,
        identity=who,
        accounts=Accounts(database, machinery.rng, is_busy=has_open_trade),
        keys=Keys(
            database,
            machinery.rng,
            machinery.fleet_name,
            machinery.folder.path,
            machinery.bus,
        ),
        strategies=Strategies(database, machinery.rng, is_tried=True),
        market=market,
        jobs=Jobs(database, machinery.bus),
        backtests=Backtests(database, machinery.bus, machinery.rng, settings.jobs),
        deployments=Deployments(database, machinery.bus, machinery.rng, settings.fleet),
        subscriptions=Subscriptions(
            database, machinery.rng, machinery.bus, roles.capacities(settings)
        ),
        previews=Previews(database, roles.capacities(settings)),
        halts=Halts(database, machinery.bus),
        health=checks,
        dashboard=screen,
        live=live,
        hands=Hands(database, machinery.bus, machinery.rng),
    )
    token = operator.ensure_token(machinery.folder.path, machinery.rng)
    asgi = web.build(services, settings, machinery.clock, machinery.rng, token)
    app.site = Site(asgi, server)
    with wall.acting_for(wall.EVERYBODY):
        app.first_user = await users.ensure_first()
    operator.publish_address(machinery.folder.path, server.address)
    stack.callback(operator.withdraw_address, machinery.folder.path)


def _mail(machinery: Machinery) -> Mail:
    if machinery.settings.accounts.mail == "console":
        return ConsoleOutbox()
    outbox = machinery.folder.path / "outbox"
    if machinery.settings.accounts.mail == "smtp":
        server = machinery.settings.mail.server()
        machinery.loops["mail"] = Postman(outbox, server, machinery.clock).run
    return FileOutbox(outbox, machinery.clock, machinery.rng)


def _health(machinery: Machinery) -> Health:
    checks = machinery.checks  # roles that are added later add theirs
    checks["database"] = health.database_answers(machinery.db)
    checks["schema"] = health.schema_is_current(machinery.db)
    checks["redis"] = health.redis_answers(machinery.bus)
    checks["loops"] = health.loops_run(machinery.supervisor)
    for role, leases in machinery.leases.items():
        checks[f"{role}-leases"] = health.leases_held(leases)
    return Health(checks, {"invariants": checking.holds(machinery.db)})


async def run(app: App, stop: asyncio.Event, on_started: Started | None = None) -> None:
    """The process is one group of tasks; a stop ends it in order, a failure at once."""
    machinery = app.machinery
    # Before anything acts: who owns what is settled first.
    for leases in machinery.leases.values():
        await leases.once()

    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(machinery.supervisor.keep(name, loop), name=name)
            for name, loop in machinery.loops.items()
        ]
        if app.site is not None:
            group.create_task(app.site.run(), name="http")
        app.started.set()
        if on_started is not None:
            running.append(group.create_task(on_started(app), name="on-started"))
        await stop.wait()
        logger.info("stopping")
        if app.site is not None:
            app.site.stop()
        for step in machinery.before_stop:
            await step()
        for task in running:
            task.cancel()

    for leases in machinery.leases.values():
        await leases.release()
    logger.info("stopped")


async def _machinery(settings: Settings, stack: AsyncExitStack) -> Machinery:
    os.umask(0o077)  # whatever lies in the data folder is ours alone, whoever made the folder
    clock, rng = RealClock(), SystemRng()
    folder = DataFolder(settings.data_dir.absolute())
    folder.open()
    stack.callback(folder.close)
    for role in settings.roles:
        folder.take(role)

    database = db.connect(settings.database_at(), clock, pool=settings.database.pool())
    stack.callback(database.close)
    if settings.database.migrate:
        await asyncio.to_thread(schema.upgrade, database)

    embedded, url = await _bus_at(settings, folder, clock, rng, stack)
    bus = Bus(url, clock)
    stack.push_async_callback(bus.close)
    await bus.ping()

    points = Failpoints(clock, armed=dict(failpoints.parse(settings.failpoints)))
    installation = folder.installation(rng)
    holder = f"{socket.gethostname()}:{os.getpid()}:{rng.bytes(4).hex()}"
    return Machinery(
        settings,
        clock,
        rng,
        folder,
        installation,
        await database.write(fleet_name.settle, installation),
        holder,
        database,
        bus,
        embedded,
        points,
        Supervisor(clock),
        {
            role: Leases(role, holder, installation, database, clock, points, settings.time_scale)
            for role in settings.roles
            if role != "api"
        },
    )


async def _bus_at(
    settings: Settings, folder: DataFolder, clock: RealClock, rng: Rng, stack: AsyncExitStack
) -> tuple[EmbeddedServer | None, str]:
    """The Redis of the settings, or a private one that ends with the last process that uses it."""
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        return None, url

    server = EmbeddedServer(folder.path, clock, rng)
    shared = folder.share("redis")
    stack.callback(shared.close)

    async def end() -> None:
        if not settings.fleet.keep and folder.is_last(shared):
            await server.stop()

    stack.push_async_callback(end)
    return server, await server.start()


async def _keep_alive(machinery: Machinery) -> None:
    """A server of ours that died is started again, empty: nothing on it was the only copy."""
    assert machinery.embedded is not None
    while True:
        await machinery.clock.sleep(REVIVE_SECONDS)
        if await machinery.embedded.revive():
            logger.warning("embedded_redis_restarted")


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first signal stops in order; a second one ends the process as a crash would."""

    def asked() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked)
