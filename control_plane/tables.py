"""Every table, in one import: what migrations and tests mean by the schema."""

from control_plane.accounts import store as accounts
from control_plane.backtests import store as backtests
from control_plane.brokers.coindcx import store as coindcx
from control_plane.brokers.paper import store as paper
from control_plane.deployments.store import tables as deployments
from control_plane.infra import audit, commands, events, fleet_name, idempotency, leases
from control_plane.infra.db import metadata
from control_plane.jobs import store as jobs
from control_plane.keys import store as keys
from control_plane.market import store as market
from control_plane.orders.store import tables as orders
from control_plane.sessions.store import tables as sessions
from control_plane.signals.store import tables as signals
from control_plane.strategies import store as strategies
from control_plane.subscriptions import store as subscriptions

MODULES = (
    accounts,
    audit,
    backtests,
    coindcx,
    paper,
    deployments,
    commands,
    events,
    fleet_name,
    idempotency,
    leases,
    jobs,
    keys,
    market,
    orders,
    sessions,
    signals,
    strategies,
    subscriptions,
)
SCHEMA = metadata()
