"""What stands in the way of a subscription: whatever could never trade is refused when it is asked
for, with what would do, and not at each signal.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

from control_plane.accounts import service as accounts
from control_plane.accounts.models import Account
from control_plane.brokers.capacity import Capacity
from control_plane.core.ids import DeploymentId, Shard, SubscriptionId
from control_plane.deployments import service as deployments
from control_plane.deployments.service import Standing as Ship
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.market.errors import UnclearInstrument
from control_plane.subscriptions import store
from control_plane.subscriptions.errors import (
    AccountClosed,
    AlreadySubscribed,
    BadTerms,
    NoRoom,
    NoSuchDeployment,
    Unfollowable,
)
from control_plane.subscriptions.models import (
    Leverage,
    Smallest,
    Subscription,
    Terms,
    agreed,
    check_reaches,
    leverage_of,
    permits,
    smallest,
)
from strategy_runtime.rules.instruments import Instrument


@dataclass(frozen=True)
class Room:
    """How many live subscribers of one signal are served before it is too old."""

    capacity: Capacity
    age_ms: int
    following: int  # live ones behind the same address; of no account, behind the fullest

    @property
    def in_time(self) -> int:
        """Behind one address."""
        return self.capacity.in_time(self.age_ms)


@dataclass(frozen=True)
class Fit:
    """What would be followed, on which terms, and what stands beside it."""

    deployment: Ship
    instrument: Instrument
    terms: Terms
    leverage: Leverage
    price: Decimal | None  # at the last close
    smallest: Smallest | None  # none while nothing says what it costs
    room: Room | None  # none on paper


def fit(
    tx: Tx,
    capacities: Mapping[str, Capacity],
    account: Account,
    deployment_id: DeploymentId,
    terms: Terms,
) -> Fit:
    """Or the first thing that stands in its way."""
    _check_open(account)
    deployment = _followable(tx, deployment_id)
    instrument = market.instrument(tx, deployment.instrument)
    _check_prices(tx, account, instrument)
    terms = agreed(named(tx, terms), instrument, account.venue)
    _check_would_trade(terms, instrument)
    leverage = leverage_of(terms, instrument, deployment.max_leverage)
    price, least = reached(tx, terms, instrument, leverage)
    found = room_of(tx, capacities, account, deployment_id, terms)
    return Fit(deployment, instrument, terms, leverage, price, least, found)


def reached(
    tx: Tx, terms: Terms, instrument: Instrument, leverage: Leverage
) -> tuple[Decimal | None, Smallest | None]:
    """The smallest order of now, which the terms must reach."""
    price, least = least_of(tx, terms, instrument, leverage)
    if price is not None and least is not None:
        check_reaches(terms, instrument, price, least)
    return price, least


def least_of(
    tx: Tx, terms: Terms, instrument: Instrument, leverage: Leverage
) -> tuple[Decimal | None, Smallest | None]:
    """The price of now, and the smallest order at it, where anything says what it costs."""
    price = market.close_of(tx, instrument.id)
    rate = market.rate_of(tx, terms.capital_currency, instrument.quote)
    if price is None or rate is None:
        return price, None
    return price, smallest(instrument, price, rate, leverage.effective)


def room_of(
    tx: Tx,
    capacities: Mapping[str, Capacity],
    account: Account,
    deployment: DeploymentId,
    terms: Terms,
    *,
    beside: SubscriptionId | None = None,
) -> Room | None:
    """For one more live subscriber of this deployment, other than `beside`; or there is none."""
    capacity = capacities.get(account.venue)
    if capacity is None:
        return None
    crowd = _crowd(tx, account.venue, capacity, deployment, beside)
    address = capacity.address_of(account.id)
    found = Room(capacity, terms.max_age_seconds * 1000, crowd[address])
    if found.following >= found.in_time:
        raise NoRoom(
            f"{account.venue}'s limits let {found.in_time} live subscribers of one signal enter "
            f"within {terms.max_age_seconds} s through one address; {found.following} follow this "
            "deployment already.",
            field="max_age_seconds",
            remedy="Allow an older signal, follow another deployment, or ask the operator for "
            "another address.",
        )
    return found


def room(
    tx: Tx, capacity: Capacity, venue: str, deployment: DeploymentId, age_seconds: int
) -> Room:
    """For whoever asks before subscribing."""
    _followable(tx, deployment)
    crowd = _crowd(tx, venue, capacity, deployment, None)
    return Room(capacity, age_seconds * 1000, max(crowd.values(), default=0))


def _crowd(
    tx: Tx,
    venue: str,
    capacity: Capacity,
    deployment: DeploymentId,
    beside: SubscriptionId | None,
) -> Counter[str]:
    """Live subscribers of a deployment, behind each address."""
    with tx.for_everybody():  # numbers, of whomever they are
        followers = store.following(tx, deployment, tx.now_ms(), beside)
        places = accounts.places(tx, set(followers))
    return Counter(
        capacity.address_of(account)
        for account in followers
        if account in places and places[account].venue == venue
    )


def proposed(tx: Tx, account: Account, found: Fit, identity: SubscriptionId) -> Subscription:
    return Subscription(
        id=identity,
        tenant=account.tenant,
        shard=Shard(account.shard),
        account_id=account.id,
        deployment_id=found.deployment.deployment,
        instrument=found.deployment.instrument,
        created_ms=tx.now_ms(),
        **asdict(found.terms),
    )


def named(tx: Tx, terms: Terms) -> Terms:
    """What a person typed into the lists, as instruments and base currencies."""
    if not terms.symbols_allowed and not terms.symbols_denied:
        return terms
    bases = {one.base for one in market.instruments(tx)}

    def meant(field: str) -> tuple[str, ...]:
        return tuple(
            typed.upper() if typed.upper() in bases else _resolved(tx, typed, field)
            for typed in getattr(terms, field)
        )

    return replace(
        terms, symbols_allowed=meant("symbols_allowed"), symbols_denied=meant("symbols_denied")
    )


def _resolved(tx: Tx, typed: str, field: str) -> str:
    try:
        return market.resolve(tx, typed)
    except UnclearInstrument as error:
        raise BadTerms(error.what, field=field, remedy=error.remedy) from error


def _check_would_trade(terms: Terms, instrument: Instrument) -> None:
    """Asked of a new one alone: an old one may be told to enter nothing for a while."""
    if not permits(terms, instrument):
        field = "symbols_denied" if terms.symbols_denied else "symbols_allowed"
        raise BadTerms(
            f"The deployment trades {instrument.id}, which your lists do not let it: it would "
            "never trade.",
            field=field,
            remedy="Change the list, or follow another deployment.",
        )
    if not instrument.active or instrument.exit_only:
        raise BadTerms(
            f"{instrument.id} takes no entries at its exchange now: it would not trade.",
            field="deployment_id",
            remedy="Subscribe once the exchange lists it again.",
        )


def _check_open(account: Account) -> None:
    if account.state != "active":
        raise AccountClosed(
            f"The account {account.name!r} is {account.state}.",
            field="account_id",
            remedy=account.reason,
        )


def _check_prices(tx: Tx, account: Account, instrument: Instrument) -> None:
    """Real money follows real prices only, and those of its own exchange."""
    feed = market.feed_of(tx, instrument.id)
    if account.venue in ("paper", feed):
        return
    raise BadTerms(
        f"The prices of {instrument.id} are {feed}; the account {account.name!r} trades at "
        f"{account.venue}.",
        field="account_id",
        remedy=f"Put {account.venue} first in SLIPWAY_MARKET__FEEDS, or use a paper account.",
    )


def _followable(tx: Tx, identity: DeploymentId) -> Ship:
    with tx.for_everybody():  # an author's deployment is there to be followed
        found = deployments.standings(tx, [identity]).get(identity)
    if found is None or found.desired == "deleted":
        raise NoSuchDeployment(
            f"There is no deployment {identity!r}.",
            field="deployment_id",
            remedy="`slipway list` shows what can be followed.",
        )
    if found.shadow_of is not None:
        raise Unfollowable(
            "A shadow's signals are not acted on.",
            field="deployment_id",
            remedy=f"Follow the deployment that it stands beside, {found.shadow_of}.",
        )
    return found


def check_alone(tx: Tx, account: Account, deployment: Ship, terms: Terms) -> None:
    found = store.rival(
        tx, account.id, deployment.deployment, deployment.instrument, terms.margin_currency
    )
    if found is None:
        return
    if found.deployment_id == deployment.deployment:
        what = f"The account {account.name!r} follows this deployment already, by {found.id}."
        raise AlreadySubscribed(what, field="deployment_id", remedy="Change that one instead.")
    raise AlreadySubscribed(
        f"{found.id} trades the {terms.margin_currency} position of {deployment.instrument} in the "
        f"account {account.name!r}; a venue keeps only one.",
        field="account_id",
        remedy="Use another account or the other margin currency, or cancel that one.",
    )
