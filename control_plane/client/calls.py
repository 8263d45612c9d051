"""Every operation, as a function that makes its call.

Made from the OpenAPI document by `make client`, never edited by hand.
"""

from decimal import Decimal
from typing import Any, Literal

from control_plane.client import shapes
from control_plane.client.call import Call, Items, given, part


def ask_backtest(
    *,
    strategy: str,
    name: str | None = None,
    instrument: str | None = None,
    resolution: str | None = None,
    since: str | None = None,
    until: str | None = None,
    days: int | None = None,
    parameters: dict[str, Any] | None = None,
    terms: shapes.Terms | None = None,
    search: shapes.Search | None = None,
    seconds: int | None = None,
) -> Call[shapes.BacktestOut]:
    """Run a version over recorded candles, in the sandbox, or search for its parameters."""
    return Call(
        "POST",
        "/backtests",
        body=given(
            {
                "strategy": strategy,
                "name": name,
                "instrument": instrument,
                "resolution": resolution,
                "since": since,
                "until": until,
                "days": days,
                "parameters": parameters,
                "terms": terms,
                "search": search,
                "seconds": seconds,
            }
        ),
        takes_key=True,
    )


def ask_password_reset(*, email: str) -> Call[shapes.Sent]:
    """Ask for a letter that lets you choose a new password."""
    return Call("POST", "/password-reset", body=given({"email": email}))


def begin_shadow(
    *,
    deployment_id: str,
    strategy: str | None = None,
    parameters: dict[str, Any] | None = None,
    memory_mb: int | None = None,
    cpus: float | None = None,
    on_crash: Literal["keep", "reduce", "flatten"] | None = None,
    max_leverage: Decimal | str | None = None,
) -> Call[shapes.DeploymentOut]:
    """Run another version, parameters or limits beside it; nobody acts on what it signals."""
    return Call(
        "POST",
        f"/deployments/{part(deployment_id)}/shadow",
        body=given(
            {
                "strategy": strategy,
                "parameters": parameters,
                "memory_mb": memory_mb,
                "cpus": cpus,
                "on_crash": on_crash,
                "max_leverage": max_leverage,
            }
        ),
        takes_key=True,
    )


def cancel_backtest(*, backtest_id: str) -> Call[shapes.BacktestOut]:
    """End it, whether it waits or runs."""
    return Call("POST", f"/backtests/{part(backtest_id)}/cancel", takes_key=True)


def cancel_job(*, job_id: str) -> Call[shapes.JobOut]:
    """End it, whether it waits or runs."""
    return Call("POST", f"/jobs/{part(job_id)}/cancel", takes_key=True)


def cancel_subscription(
    *, subscription_id: str, positions: Literal["keep", "close"] | None = None
) -> Call[shapes.SubscriptionDetail]:
    """End it for good. An open position is looked after until its stop, its target or the
    strategy closes it; or it is closed now.
    """
    return Call(
        "POST",
        f"/subscriptions/{part(subscription_id)}/cancel",
        body=given({"positions": positions}),
        takes_key=True,
    )


def change_deployment(
    *,
    deployment_id: str,
    strategy: str | None = None,
    parameters: dict[str, Any] | None = None,
    memory_mb: int | None = None,
    cpus: float | None = None,
    on_crash: Literal["keep", "reduce", "flatten"] | None = None,
    max_leverage: Decimal | str | None = None,
    if_match: str | None = None,
) -> Call[shapes.DeploymentOut]:
    """Another version, other parameters or limits: launched anew, keeping its state."""
    return Call(
        "PATCH",
        f"/deployments/{part(deployment_id)}",
        body=given(
            {
                "strategy": strategy,
                "parameters": parameters,
                "memory_mb": memory_mb,
                "cpus": cpus,
                "on_crash": on_crash,
                "max_leverage": max_leverage,
            }
        ),
        headers=given({"If-Match": if_match}),
        takes_key=True,
    )


def change_password(*, new_password: str, current_password: str | None = None) -> Call[None]:
    """Set another password. A one-time password opens nothing until this is done, and every
    other session of yours ends.
    """
    return Call(
        "POST",
        "/me/password",
        body=given({"current_password": current_password, "new_password": new_password}),
        takes_key=True,
    )


def change_terms(
    *,
    subscription_id: str,
    capital: Decimal | str,
    capital_currency: str,
    risk: Decimal | str | None = None,
    leverage: Decimal | str | None = None,
    sizing: Literal["fixed_risk", "leveraged_risk"] | None = None,
    margin_currency: str | None = None,
    max_positions: int | None = None,
    max_daily_loss: Decimal | str | None = None,
    max_notional: Decimal | str | None = None,
    slippage: Decimal | str | None = None,
    max_age_seconds: int | None = None,
    software_stop: bool | None = None,
    opposite: Literal["skip", "close"] | None = None,
    symbols_allowed: list[str] | None = None,
    symbols_denied: list[str] | None = None,
    if_match: str | None = None,
) -> Call[shapes.SubscriptionDetail]:
    """New terms for what comes; what is under way keeps its own."""
    return Call(
        "PUT",
        f"/subscriptions/{part(subscription_id)}/terms",
        body=given(
            {
                "capital": capital,
                "capital_currency": capital_currency,
                "risk": risk,
                "leverage": leverage,
                "sizing": sizing,
                "margin_currency": margin_currency,
                "max_positions": max_positions,
                "max_daily_loss": max_daily_loss,
                "max_notional": max_notional,
                "slippage": slippage,
                "max_age_seconds": max_age_seconds,
                "software_stop": software_stop,
                "opposite": opposite,
                "symbols_allowed": symbols_allowed,
                "symbols_denied": symbols_denied,
            }
        ),
        headers=given({"If-Match": if_match}),
        takes_key=True,
    )


def check_version_again(*, version_id: str) -> Call[shapes.VersionOut]:
    """Check a version anew, as on its upload."""
    return Call("POST", f"/versions/{part(version_id)}/check", takes_key=True)


def claim_with_google(
    *, claim: str, verifier: str, code: str | None = None
) -> Call[shapes.SignedInOut]:
    """What is left to do for a command line: claim its session."""
    return Call(
        "POST",
        "/sign-in/google/claim",
        body=given({"claim": claim, "verifier": verifier, "code": code}),
    )


def close_trade(*, trade_id: str) -> Call[shapes.AskedOut]:
    """Leave this position now, whatever its strategy says."""
    return Call("POST", f"/trades/{part(trade_id)}/close", takes_key=True)


def compare_backtests(*, ids: str) -> Call[shapes.ComparedOut]:
    """Some of them side by side, in this order."""
    return Call("GET", "/backtests/compared", query=given({"ids": ids}))


def compare_shadow(*, deployment_id: str) -> Call[shapes.ComparisonOut]:
    """What its shadow decided otherwise."""
    return Call("GET", f"/deployments/{part(deployment_id)}/shadow")


def confirm_second_factor(*, code: str) -> Call[None]:
    """Confirm it with a code that the app shows."""
    return Call("POST", "/me/second-factor/confirm", body=given({"code": code}), takes_key=True)


def confirm_sign_up(*, proof: str, password: str) -> Call[None]:
    """Confirm your address with what the letter has, and the password you chose."""
    return Call("POST", "/sign-up/confirm", body=given({"proof": proof, "password": password}))


def delete_deployment(*, deployment_id: str) -> Call[None]:
    """Stop it for good and take it off the list."""
    return Call("DELETE", f"/deployments/{part(deployment_id)}", takes_key=True)


def deploy(
    *,
    strategy: str,
    name: str | None = None,
    instrument: str | None = None,
    resolution: str | None = None,
    parameters: dict[str, Any] | None = None,
    memory_mb: int | None = None,
    cpus: float | None = None,
    on_crash: Literal["keep", "reduce", "flatten"] | None = None,
    max_leverage: Decimal | str | None = None,
) -> Call[shapes.DeploymentOut]:
    """Run a strategy on an instrument, in a container of its own."""
    return Call(
        "POST",
        "/deployments",
        body=given(
            {
                "strategy": strategy,
                "name": name,
                "instrument": instrument,
                "resolution": resolution,
                "parameters": parameters,
                "memory_mb": memory_mb,
                "cpus": cpus,
                "on_crash": on_crash,
                "max_leverage": max_leverage,
            }
        ),
        takes_key=True,
    )


def drain_deployment(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Take no new position; stop once its own is closed, at once if it holds none."""
    return Call("POST", f"/deployments/{part(deployment_id)}/drain", takes_key=True)


def drop_second_factor() -> Call[None]:
    """Sign in with the password alone again."""
    return Call("DELETE", "/me/second-factor", takes_key=True)


def end_session(*, session_id: str) -> Call[None]:
    """End one of them."""
    return Call("DELETE", f"/sessions/{part(session_id)}", takes_key=True)


def end_shadow(*, deployment_id: str) -> Call[None]:
    """End the shadow; the deployment goes on as it is."""
    return Call("DELETE", f"/deployments/{part(deployment_id)}/shadow", takes_key=True)


def follow_lines(
    *,
    deployment_id: str,
    source: Literal["all", "author", "output"] | None = None,
    grep: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Call[shapes.LinesOut]:
    """What its author logs and what its process prints, to be followed with a cursor."""
    return Call(
        "GET",
        f"/deployments/{part(deployment_id)}/lines",
        query=given({"source": source, "grep": grep, "after": after, "limit": limit}),
    )


def get_backtest(*, backtest_id: str) -> Call[shapes.BacktestOut]:
    """One of them: how far it is, and what came of it."""
    return Call("GET", f"/backtests/{part(backtest_id)}")


def get_backtest_report(*, backtest_id: str) -> Call[shapes.ReportOut]:
    """Its report as one interactive page that works offline."""
    return Call("GET", f"/backtests/{part(backtest_id)}/report")


def get_backtest_result(*, backtest_id: str) -> Call[shapes.ResultOut]:
    """All of its result: every trade, curves, months, or every point tried."""
    return Call("GET", f"/backtests/{part(backtest_id)}/result")


def get_capacity(
    *, deployment_id: str, max_age_seconds: int | None = None
) -> Call[shapes.CapacityOut]:
    """How many live subscribers of one signal CoinDCX's limits serve in time, and how many
    there are.
    """
    return Call(
        "GET",
        f"/deployments/{part(deployment_id)}/capacity",
        query=given({"max_age_seconds": max_age_seconds}),
    )


def get_deployment(*, deployment_id: str) -> Call[shapes.DeploymentDetail]:
    """One deployment, with what its last process printed."""
    return Call("GET", f"/deployments/{part(deployment_id)}")


def get_intent(*, intent_id: str) -> Call[shapes.IntentDetail]:
    """One intent, with the record that recomputes its quantity."""
    return Call("GET", f"/intents/{part(intent_id)}")


def get_job(*, job_id: str) -> Call[shapes.JobDetail]:
    """One job, and what its process printed if it failed."""
    return Call("GET", f"/jobs/{part(job_id)}")


def get_key(*, account_id: str) -> Call[shapes.KeyOut]:
    """Which key is stored, without the key."""
    return Call("GET", f"/accounts/{part(account_id)}/key")


def get_key_check(*, account_id: str) -> Call[shapes.KeyCheckOut]:
    """What came of the last test of the key. Keys are tested now and then by themselves."""
    return Call("GET", f"/accounts/{part(account_id)}/key/check")


def get_preview(*, subscription_id: str, signals: int | None = None) -> Call[shapes.PreviewOut]:
    """What the terms of today would have done at the last signals."""
    return Call(
        "GET", f"/subscriptions/{part(subscription_id)}/preview", query=given({"signals": signals})
    )


def get_signal(*, signal_id: str) -> Call[shapes.SignalOut]:
    """One signal."""
    return Call("GET", f"/signals/{part(signal_id)}")


def get_subscription(*, subscription_id: str) -> Call[shapes.SubscriptionDetail]:
    """One subscription, and whose word its leverage is."""
    return Call("GET", f"/subscriptions/{part(subscription_id)}")


def get_version(*, version_id: str) -> Call[shapes.VersionDetail]:
    """One version: its code, what it declares, and what checking found."""
    return Call("GET", f"/versions/{part(version_id)}")


def get_vitals(*, deployment_id: str) -> Call[shapes.VitalsOut]:
    """A day of what it used, minute by minute, and the limits that this asks for."""
    return Call("GET", f"/deployments/{part(deployment_id)}/vitals")


def halt(
    *,
    scope: str,
    mode: Literal["halt_new", "reduce_only", "flatten"] | None = None,
    reason: str | None = None,
) -> Call[shapes.HaltedOut]:
    """Refuse entries in this scope from now on; `reduce_only` also takes back what is left of
    entries that rest, `flatten` also closes what is held. Exits and stops always go.
    """
    return Call(
        "POST",
        "/halts",
        body=given({"scope": scope, "mode": mode, "reason": reason}),
        takes_key=True,
    )


def intent_story(*, intent_id: str) -> Call[dict[str, Any]]:
    """All that led to an intent and came of it: code, candle, signal, sizing, risk decision,
    requests and replies, look-ups, fills, profit.
    """
    return Call("GET", f"/intents/{part(intent_id)}/story")


def invite(*, email: str) -> Call[None]:
    """Send somebody an invitation to sign up."""
    return Call("POST", "/invitations", body=given({"email": email}), takes_key=True)


def lift_halt(*, scope: str) -> Call[None]:
    """Let entries in this scope go again."""
    return Call("POST", "/halts/lift", body=given({"scope": scope}), takes_key=True)


def link_google(*, page: str | None = None) -> Call[shapes.Onwards]:
    """Be known by your Google account from now on: go to the address that this answers."""
    return Call("POST", "/me/google", body=given({"page": page}), takes_key=True)


def list_accounts(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    name: str | None = None,
    venue: str | None = None,
    state: str | None = None,
    home_currency: str | None = None,
) -> Call[Items[shapes.AccountOut]]:
    """Your accounts."""
    return Call(
        "GET",
        "/accounts",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "name": name,
                "venue": venue,
                "state": state,
                "home_currency": home_currency,
            }
        ),
    )


def list_alarms(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    rule: str | None = None,
    subject: str | None = None,
) -> Call[Items[shapes.AlarmOut]]:
    """What must always hold and does not now."""
    return Call(
        "GET",
        "/alarms",
        query=given(
            {"limit": limit, "cursor": cursor, "sort": sort, "rule": rule, "subject": subject}
        ),
    )


def list_backtests(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    kind: str | None = None,
    name: str | None = None,
    strategy_id: str | None = None,
    version_id: str | None = None,
    instrument: str | None = None,
    resolution: str | None = None,
) -> Call[Items[shapes.BacktestOut]]:
    """Your backtests and searches, and what came of them."""
    return Call(
        "GET",
        "/backtests",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "kind": kind,
                "name": name,
                "strategy_id": strategy_id,
                "version_id": version_id,
                "instrument": instrument,
                "resolution": resolution,
            }
        ),
    )


def list_balances(
    *,
    account_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["a-z", "z-a"] | None = None,
    wallet: str | None = None,
    currency: str | None = None,
) -> Call[Items[shapes.BalanceOut]]:
    """What the account holds, free and bound in orders."""
    return Call(
        "GET",
        f"/accounts/{part(account_id)}/balances",
        query=given(
            {"limit": limit, "cursor": cursor, "sort": sort, "wallet": wallet, "currency": currency}
        ),
    )


def list_candles(
    *,
    instrument: str,
    resolution: Literal["1m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "1d", "1w"]
    | None = None,
    limit: int | None = None,
    before: str | None = None,
) -> Call[Items[shapes.CandleOut]]:
    """The newest closed candles, oldest first; with `before`, the newest of those before."""
    return Call(
        "GET",
        "/candles",
        query=given(
            {"instrument": instrument, "resolution": resolution, "limit": limit, "before": before}
        ),
    )


def list_deployments(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    name: str | None = None,
    strategy_id: str | None = None,
    version_id: str | None = None,
    instrument: str | None = None,
    resolution: str | None = None,
    desired: str | None = None,
    observed: str | None = None,
) -> Call[Items[shapes.DeploymentOut]]:
    """Your deployments and how each does."""
    return Call(
        "GET",
        "/deployments",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "name": name,
                "strategy_id": strategy_id,
                "version_id": version_id,
                "instrument": instrument,
                "resolution": resolution,
                "desired": desired,
                "observed": observed,
            }
        ),
    )


def list_events(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    kind: str | None = None,
    subject_kind: str | None = None,
    subject_id: str | None = None,
) -> Call[Items[shapes.EventOut]]:
    """What happened to your things."""
    return Call(
        "GET",
        "/events",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "kind": kind,
                "subject_kind": subject_kind,
                "subject_id": subject_id,
            }
        ),
    )


def list_exchange_usage(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    name: str | None = None,
    process: str | None = None,
) -> Call[Items[shapes.UsageOut]]:
    """How much of CoinDCX's rate limits is used now, by address and by key."""
    return Call(
        "GET",
        "/exchanges/coindcx/usage",
        query=given(
            {"limit": limit, "cursor": cursor, "sort": sort, "name": name, "process": process}
        ),
    )


def list_executions(
    *,
    deployment_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    trigger: str | None = None,
    outcome: str | None = None,
    run: str | None = None,
    generation: int | None = None,
) -> Call[Items[shapes.ExecutionOut]]:
    """Each decision of a deployment: on which trigger, what came of it, how long it took."""
    return Call(
        "GET",
        f"/deployments/{part(deployment_id)}/executions",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "trigger": trigger,
                "outcome": outcome,
                "run": run,
                "generation": generation,
            }
        ),
    )


def list_fills(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    account_id: str | None = None,
    instrument: str | None = None,
    order_id: str | None = None,
    trade_id: str | None = None,
    side: str | None = None,
) -> Call[Items[shapes.FillOut]]:
    """What the exchange did."""
    return Call(
        "GET",
        "/fills",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "account_id": account_id,
                "instrument": instrument,
                "order_id": order_id,
                "trade_id": trade_id,
                "side": side,
            }
        ),
    )


def list_fleet(
    *,
    everybody: bool | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    name: str | None = None,
    instrument: str | None = None,
    desired: str | None = None,
    observed: str | None = None,
) -> Call[Items[shapes.BerthOut]]:
    """Your containers, for an admin everybody's: how each stands and what it uses."""
    return Call(
        "GET",
        "/fleet",
        query=given(
            {
                "everybody": everybody,
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "name": name,
                "instrument": instrument,
                "desired": desired,
                "observed": observed,
            }
        ),
    )


def list_fleet_events(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    kind: str | None = None,
    subject_id: str | None = None,
) -> Call[Items[shapes.HappenedOut]]:
    """What happened to all of your deployments, newest first."""
    return Call(
        "GET",
        "/fleet/events",
        query=given(
            {"limit": limit, "cursor": cursor, "sort": sort, "kind": kind, "subject_id": subject_id}
        ),
    )


def list_halts(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    scope: str | None = None,
    mode: str | None = None,
    by_user: str | None = None,
    active: bool | None = None,
) -> Call[Items[shapes.HaltOut]]:
    """Every halt there was, and whether it stands."""
    return Call(
        "GET",
        "/halts",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "scope": scope,
                "mode": mode,
                "by_user": by_user,
                "active": active,
            }
        ),
    )


def list_history(
    *,
    deployment_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    kind: str | None = None,
) -> Call[Items[shapes.HappenedOut]]:
    """Each state that it was in and why, newest first."""
    return Call(
        "GET",
        f"/deployments/{part(deployment_id)}/history",
        query=given({"limit": limit, "cursor": cursor, "sort": sort, "kind": kind}),
    )


def list_instruments(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["a-z", "z-a"] | None = None,
    kind: str | None = None,
    base: str | None = None,
    quote: str | None = None,
    pair: str | None = None,
) -> Call[Items[shapes.PricedOut]]:
    """What can be traded, with its rules and its latest price."""
    return Call(
        "GET",
        "/instruments",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "kind": kind,
                "base": base,
                "quote": quote,
                "pair": pair,
            }
        ),
    )


def list_intents(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    account_id: str | None = None,
    instrument: str | None = None,
    signal_id: str | None = None,
    deployment_id: str | None = None,
    leg: str | None = None,
    state: str | None = None,
) -> Call[Items[shapes.IntentOut]]:
    """What we mean to do, or did, in your accounts."""
    return Call(
        "GET",
        "/intents",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "account_id": account_id,
                "instrument": instrument,
                "signal_id": signal_id,
                "deployment_id": deployment_id,
                "leg": leg,
                "state": state,
            }
        ),
    )


def list_jobs(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    kind: str | None = None,
    subject: str | None = None,
    state: str | None = None,
) -> Call[Items[shapes.JobOut]]:
    """Your jobs: checks of uploads, backtests, searches."""
    return Call(
        "GET",
        "/jobs",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "kind": kind,
                "subject": subject,
                "state": state,
            }
        ),
    )


def list_lagging(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    instrument: str | None = None,
    feed: str | None = None,
) -> Call[Items[shapes.LagOut]]:
    """Instruments whose feed is behind: no entry is made on them until it has caught up."""
    return Call(
        "GET",
        "/instruments/lagging",
        query=given(
            {"limit": limit, "cursor": cursor, "sort": sort, "instrument": instrument, "feed": feed}
        ),
    )


def list_log_lines(
    *,
    deployment_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    level: str | None = None,
    generation: int | None = None,
) -> Call[Items[shapes.LogLineOut]]:
    """What the strategy's author wrote with self.log, newest first."""
    return Call(
        "GET",
        f"/deployments/{part(deployment_id)}/logs",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "level": level,
                "generation": generation,
            }
        ),
    )


def list_nodes(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["a-z", "z-a"] | None = None,
    state: str | None = None,
) -> Call[Items[shapes.NodeOut]]:
    """The machines that strategies run on, and what they have to spare."""
    return Call(
        "GET",
        "/fleet/nodes",
        query=given({"limit": limit, "cursor": cursor, "sort": sort, "state": state}),
    )


def list_orders(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    account_id: str | None = None,
    instrument: str | None = None,
    intent_id: str | None = None,
    side: str | None = None,
    kind: str | None = None,
    state: str | None = None,
) -> Call[Items[shapes.OrderOut]]:
    """What the exchange was asked."""
    return Call(
        "GET",
        "/orders",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "account_id": account_id,
                "instrument": instrument,
                "intent_id": intent_id,
                "side": side,
                "kind": kind,
                "state": state,
            }
        ),
    )


def list_sessions(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
) -> Call[Items[shapes.SessionOut]]:
    """Where you are signed in, the last used first."""
    return Call("GET", "/sessions", query=given({"limit": limit, "cursor": cursor, "sort": sort}))


def list_signals(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    deployment_id: str | None = None,
    instrument: str | None = None,
    trigger: str | None = None,
    kind: str | None = None,
    action: str | None = None,
    state: str | None = None,
) -> Call[Items[shapes.SignalOut]]:
    """Entries and exits, with what became of each."""
    return Call(
        "GET",
        "/signals",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "deployment_id": deployment_id,
                "instrument": instrument,
                "trigger": trigger,
                "kind": kind,
                "action": action,
                "state": state,
            }
        ),
    )


def list_skips(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    signal_id: str | None = None,
    subscription_id: str | None = None,
    instrument: str | None = None,
    reason: str | None = None,
) -> Call[Items[shapes.SkipOut]]:
    """Why a subscription did nothing at a signal."""
    return Call(
        "GET",
        "/skips",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "signal_id": signal_id,
                "subscription_id": subscription_id,
                "instrument": instrument,
                "reason": reason,
            }
        ),
    )


def list_strategies(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["a-z", "z-a"] | None = None,
    name: str | None = None,
) -> Call[Items[shapes.StrategyOut]]:
    """Your strategies, by name, with their newest versions."""
    return Call(
        "GET",
        "/strategies",
        query=given({"limit": limit, "cursor": cursor, "sort": sort, "name": name}),
    )


def list_subscription_versions(
    *,
    subscription_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    changed_by: str | None = None,
) -> Call[Items[shapes.SubscriptionVersionOut]]:
    """Each change of it: who made it, when, and what it was."""
    return Call(
        "GET",
        f"/subscriptions/{part(subscription_id)}/versions",
        query=given({"limit": limit, "cursor": cursor, "sort": sort, "changed_by": changed_by}),
    )


def list_subscriptions(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    deployment_id: str | None = None,
    account_id: str | None = None,
    instrument: str | None = None,
    state: Literal["active", "paused", "cancelled"] | None = None,
    sizing: Literal["fixed_risk", "leveraged_risk"] | None = None,
) -> Call[Items[shapes.SubscriptionOut]]:
    """Your subscriptions."""
    return Call(
        "GET",
        "/subscriptions",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "deployment_id": deployment_id,
                "account_id": account_id,
                "instrument": instrument,
                "state": state,
                "sizing": sizing,
            }
        ),
    )


def list_tokens(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    name: str | None = None,
) -> Call[Items[shapes.TokenOut]]:
    """Your personal API tokens."""
    return Call(
        "GET",
        "/tokens",
        query=given({"limit": limit, "cursor": cursor, "sort": sort, "name": name}),
    )


def list_trades(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    account_id: str | None = None,
    instrument: str | None = None,
    subscription_id: str | None = None,
    deployment_id: str | None = None,
    side: str | None = None,
    state: Literal["unprotected", "protected", "unstopped", "exiting", "closed"] | None = None,
) -> Call[Items[shapes.TradeOut]]:
    """Positions from flat to flat, with what they came to."""
    return Call(
        "GET",
        "/trades",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "account_id": account_id,
                "instrument": instrument,
                "subscription_id": subscription_id,
                "deployment_id": deployment_id,
                "side": side,
                "state": state,
            }
        ),
    )


def list_users(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["a-z", "z-a"] | None = None,
    email: str | None = None,
    role: Literal["trader", "author", "admin"] | None = None,
    is_verified: bool | None = None,
) -> Call[Items[shapes.UserOut]]:
    """Everybody, for admins."""
    return Call(
        "GET",
        "/users",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "email": email,
                "role": role,
                "is_verified": is_verified,
            }
        ),
    )


def list_versions(
    *,
    name: str,
    limit: int | None = None,
    cursor: str | None = None,
    sort: Literal["newest", "oldest"] | None = None,
    state: str | None = None,
    code_sha256: str | None = None,
) -> Call[Items[shapes.VersionOut]]:
    """Every upload of a strategy (by its name or id)."""
    return Call(
        "GET",
        f"/strategies/{part(name)}/versions",
        query=given(
            {
                "limit": limit,
                "cursor": cursor,
                "sort": sort,
                "state": state,
                "code_sha256": code_sha256,
            }
        ),
    )


def make_ticket() -> Call[shapes.TicketOut]:
    """A ticket for one live connection, for pages: a browser can send no header with it."""
    return Call("POST", "/live/tickets", takes_key=True)


def make_token(
    *, name: str, scopes: list[Literal["read", "trade", "author", "admin"]], days: int | None = None
) -> Call[shapes.MadeToken]:
    """Make one. Its text is shown this once."""
    return Call(
        "POST",
        "/tokens",
        body=given({"name": name, "scopes": scopes, "days": days}),
        takes_key=True,
    )


def open_live_account(*, name: str, home_currency: str | None = None) -> Call[shapes.LiveOut]:
    """Name an account of yours at CoinDCX. It trades once its key is stored."""
    return Call(
        "POST",
        "/accounts/live",
        body=given({"name": name, "home_currency": home_currency}),
        takes_key=True,
    )


def open_paper_account(
    *, name: str, currency: str, amount: Decimal | str
) -> Call[shapes.AccountOut]:
    """Open an account with play money."""
    return Call(
        "POST",
        "/accounts/paper",
        body=given({"name": name, "currency": currency, "amount": amount}),
        takes_key=True,
    )


def pause_deployment(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Let it watch the market without deciding."""
    return Call("POST", f"/deployments/{part(deployment_id)}/pause", takes_key=True)


def pause_subscription(
    *, subscription_id: str, until: str | None = None
) -> Call[shapes.SubscriptionDetail]:
    """No entries from now on, or until a moment; exits and stops of what is open go on."""
    return Call(
        "POST",
        f"/subscriptions/{part(subscription_id)}/pause",
        body=given({"until": until}),
        takes_key=True,
    )


def plan_change(
    *,
    deployment_id: str,
    strategy: str | None = None,
    parameters: dict[str, Any] | None = None,
    memory_mb: int | None = None,
    cpus: float | None = None,
    on_crash: Literal["keep", "reduce", "flatten"] | None = None,
    max_leverage: Decimal | str | None = None,
    action: Literal[
        "start", "stop", "pause", "resume", "drain", "restart", "change", "roll_back", "delete"
    ]
    | None = None,
) -> Call[shapes.PlanOut]:
    """What an action on it would do."""
    return Call(
        "POST",
        f"/deployments/{part(deployment_id)}/plan",
        body=given(
            {
                "strategy": strategy,
                "parameters": parameters,
                "memory_mb": memory_mb,
                "cpus": cpus,
                "on_crash": on_crash,
                "max_leverage": max_leverage,
                "action": action,
            }
        ),
        takes_key=True,
    )


def plan_deployment(
    *,
    strategy: str,
    name: str | None = None,
    instrument: str | None = None,
    resolution: str | None = None,
    parameters: dict[str, Any] | None = None,
    memory_mb: int | None = None,
    cpus: float | None = None,
    on_crash: Literal["keep", "reduce", "flatten"] | None = None,
    max_leverage: Decimal | str | None = None,
) -> Call[shapes.PlanOut]:
    """What deploying this would do. Refuses what deploying would refuse."""
    return Call(
        "POST",
        "/deployments/plan",
        body=given(
            {
                "strategy": strategy,
                "name": name,
                "instrument": instrument,
                "resolution": resolution,
                "parameters": parameters,
                "memory_mb": memory_mb,
                "cpus": cpus,
                "on_crash": on_crash,
                "max_leverage": max_leverage,
            }
        ),
        takes_key=True,
    )


def preview_subscription(
    *,
    capital: Decimal | str,
    capital_currency: str,
    deployment_id: str,
    account_id: str,
    risk: Decimal | str | None = None,
    leverage: Decimal | str | None = None,
    sizing: Literal["fixed_risk", "leveraged_risk"] | None = None,
    margin_currency: str | None = None,
    max_positions: int | None = None,
    max_daily_loss: Decimal | str | None = None,
    max_notional: Decimal | str | None = None,
    slippage: Decimal | str | None = None,
    max_age_seconds: int | None = None,
    software_stop: bool | None = None,
    opposite: Literal["skip", "close"] | None = None,
    symbols_allowed: list[str] | None = None,
    symbols_denied: list[str] | None = None,
    signals: int | None = None,
) -> Call[shapes.PreviewOut]:
    """What subscribing on these terms would have done at the deployment's last signals.
    Refuses what subscribing would refuse.
    """
    return Call(
        "POST",
        "/subscriptions/preview",
        query=given({"signals": signals}),
        body=given(
            {
                "capital": capital,
                "capital_currency": capital_currency,
                "risk": risk,
                "leverage": leverage,
                "sizing": sizing,
                "margin_currency": margin_currency,
                "max_positions": max_positions,
                "max_daily_loss": max_daily_loss,
                "max_notional": max_notional,
                "slippage": slippage,
                "max_age_seconds": max_age_seconds,
                "software_stop": software_stop,
                "opposite": opposite,
                "symbols_allowed": symbols_allowed,
                "symbols_denied": symbols_denied,
                "deployment_id": deployment_id,
                "account_id": account_id,
            }
        ),
        takes_key=True,
    )


def promote_shadow(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Let the deployment run what its shadow runs; the shadow ends."""
    return Call("POST", f"/deployments/{part(deployment_id)}/shadow/promote", takes_key=True)


def put_key(
    *, account_id: str, api_key: str, api_secret: str, if_match: str | None = None
) -> Call[shapes.KeyOut]:
    """Store a key, or replace it. It is sealed at once; nobody reads it over HTTP again."""
    return Call(
        "PUT",
        f"/accounts/{part(account_id)}/key",
        body=given({"api_key": api_key, "api_secret": api_secret}),
        headers=given({"If-Match": if_match}),
        takes_key=True,
    )


def reset_account(
    *, account_id: str, currency: str, amount: Decimal | str
) -> Call[shapes.AccountOut]:
    """Begin again with fresh play money. Refused while a position is open."""
    return Call(
        "POST",
        f"/accounts/{part(account_id)}/reset",
        body=given({"currency": currency, "amount": amount}),
        takes_key=True,
    )


def reset_password(*, proof: str, new_password: str, code: str | None = None) -> Call[None]:
    """Choose a new password. Every session of yours ends."""
    return Call(
        "POST",
        "/password-reset/confirm",
        body=given({"proof": proof, "new_password": new_password, "code": code}),
    )


def resolve_instrument(*, text: str) -> Call[shapes.InstrumentOut]:
    """The instrument that a person means by BTCUSDT, BTC/USDT or I-BTC_INR."""
    return Call("GET", "/instruments/named", query=given({"text": text}))


def resolve_intent(
    *, intent_id: str, exchange_order_id: str | None = None
) -> Call[shapes.AskedOut]:
    """Say what you found out about a quarantined order: which one it is, or that there is
    none.
    """
    return Call(
        "POST",
        f"/intents/{part(intent_id)}/resolve",
        body=given({"exchange_order_id": exchange_order_id}),
        takes_key=True,
    )


def restart_deployment(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Launch it anew, with its state; the new process takes over without a gap."""
    return Call("POST", f"/deployments/{part(deployment_id)}/restart", takes_key=True)


def resume_deployment(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Let it decide again."""
    return Call("POST", f"/deployments/{part(deployment_id)}/resume", takes_key=True)


def resume_subscription(*, subscription_id: str) -> Call[shapes.SubscriptionDetail]:
    """Follow again."""
    return Call("POST", f"/subscriptions/{part(subscription_id)}/resume", takes_key=True)


def revoke_key(*, account_id: str) -> Call[None]:
    """Forget it. Nothing is signed for this account any more."""
    return Call("DELETE", f"/accounts/{part(account_id)}/key", takes_key=True)


def revoke_token(*, token_id: str) -> Call[None]:
    """Revoke one, at once."""
    return Call("DELETE", f"/tokens/{part(token_id)}", takes_key=True)


def roll_back_deployment(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Back to the version that ran before, with the parameters that it ran with."""
    return Call("POST", f"/deployments/{part(deployment_id)}/rollback", takes_key=True)


def set_role(*, user: str, role: Literal["trader", "author", "admin"]) -> Call[None]:
    """Make somebody a trader, an author or an admin."""
    return Call("PUT", f"/users/{part(user)}/role", body=given({"role": role}), takes_key=True)


def sign_in(*, email: str, password: str, code: str | None = None) -> Call[shapes.SignedInOut]:
    """Sign in. The refresh token comes as a cookie."""
    return Call(
        "POST", "/sessions", body=given({"email": email, "password": password, "code": code})
    )


def sign_up(*, email: str, password: str, invitation: str | None = None) -> Call[shapes.Sent]:
    """Ask for a user. A letter asks you to confirm your address."""
    return Call(
        "POST",
        "/sign-up",
        body=given({"email": email, "password": password, "invitation": invitation}),
    )


def signal_timeline(*, signal_id: str) -> Call[shapes.TimelineOut]:
    """When each step of a signal happened, over all accounts."""
    return Call("GET", f"/signals/{part(signal_id)}/timeline")


def start_deployment(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Run it, also after it was given up: what went wrong before is forgiven."""
    return Call("POST", f"/deployments/{part(deployment_id)}/start", takes_key=True)


def start_second_factor() -> Call[shapes.FactorOut]:
    """Set up an authenticator app. It counts once you confirm a first code."""
    return Call("POST", "/me/second-factor", takes_key=True)


def step_up(*, password: str | None = None, code: str | None = None) -> Call[shapes.SignedInOut]:
    """Prove once more that it is you, for what needs a fresh proof. It is a new session."""
    return Call(
        "POST", "/me/step-up", body=given({"password": password, "code": code}), takes_key=True
    )


def step_up_with_google(*, page: str | None = None) -> Call[shapes.Onwards]:
    """Prove once more that it is you, for who has no password here: go to the address that
    this answers, where Google asks again. It is a new session.
    """
    return Call("POST", "/me/step-up/google", body=given({"page": page}), takes_key=True)


def stop_deployment(*, deployment_id: str) -> Call[shapes.DeploymentOut]:
    """Stop its container. Open positions keep their stops."""
    return Call("POST", f"/deployments/{part(deployment_id)}/stop", takes_key=True)


def subscribe(
    *,
    capital: Decimal | str,
    capital_currency: str,
    deployment_id: str,
    account_id: str,
    risk: Decimal | str | None = None,
    leverage: Decimal | str | None = None,
    sizing: Literal["fixed_risk", "leveraged_risk"] | None = None,
    margin_currency: str | None = None,
    max_positions: int | None = None,
    max_daily_loss: Decimal | str | None = None,
    max_notional: Decimal | str | None = None,
    slippage: Decimal | str | None = None,
    max_age_seconds: int | None = None,
    software_stop: bool | None = None,
    opposite: Literal["skip", "close"] | None = None,
    symbols_allowed: list[str] | None = None,
    symbols_denied: list[str] | None = None,
) -> Call[shapes.SubscriptionDetail]:
    """Follow a deployment from now on, with this capital and this risk. What could never trade
    is refused, with what would do.
    """
    return Call(
        "POST",
        "/subscriptions",
        body=given(
            {
                "capital": capital,
                "capital_currency": capital_currency,
                "risk": risk,
                "leverage": leverage,
                "sizing": sizing,
                "margin_currency": margin_currency,
                "max_positions": max_positions,
                "max_daily_loss": max_daily_loss,
                "max_notional": max_notional,
                "slippage": slippage,
                "max_age_seconds": max_age_seconds,
                "software_stop": software_stop,
                "opposite": opposite,
                "symbols_allowed": symbols_allowed,
                "symbols_denied": symbols_denied,
                "deployment_id": deployment_id,
                "account_id": account_id,
            }
        ),
        takes_key=True,
    )


def test_key(*, account_id: str) -> Call[shapes.KeyCheckOut]:
    """Test the key at its exchange. The answer is what is known until then: look again."""
    return Call("POST", f"/accounts/{part(account_id)}/key/check", takes_key=True)


def unlink_google() -> Call[None]:
    """Be known by your password alone again."""
    return Call("DELETE", "/me/google", takes_key=True)


def upload_strategy(
    *, name: str, code: str, manifest: dict[str, Any] | None = None
) -> Call[shapes.VersionOut]:
    """Upload code as a new version and check it. The same text again is the same version.
    Reading it ends at once; then it is `checking` until it was run in the sandbox.
    """
    return Call(
        "POST",
        "/strategies",
        body=given({"name": name, "code": code, "manifest": manifest}),
        takes_key=True,
    )


def who_am_i() -> Call[shapes.MeOut]:
    """Who is signed in."""
    return Call("GET", "/me")
