"""What Slipway takes and answers.

Made from the OpenAPI document by `make client`, never edited by hand.
"""

from typing import Any, Literal, NotRequired, TypedDict


class AccountOut(TypedDict):
    id: str
    name: str
    venue: str
    state: str
    reason: str | None
    home_currency: str
    created_at: str


class AlarmOut(TypedDict):
    rule: str
    subject: str
    what: str
    since: str


class AskedOut(TypedDict):
    command: str


class BacktestOut(TypedDict):
    id: str
    job_id: str
    kind: str
    name: str
    state: str
    reason: str
    progress: float
    said: str
    strategy_id: str
    version_id: str
    code_sha256: str
    instrument: str
    resolution: str
    since: str
    until: str
    parameters: dict[str, Any]
    terms: dict[str, Any]
    search: dict[str, Any]
    candles_sha256: str | None
    created_at: str
    ended_at: str | None
    headline: dict[str, Any] | None


class BalanceOut(TypedDict):
    wallet: str
    currency: str
    free: str
    locked: str


class BerthOut(TypedDict):
    """One container of the fleet, as an operator looks at it."""

    id: str
    tenant: str
    name: str
    instrument: str
    resolution: str
    desired: str
    draining: bool
    shadow_of: str | None
    observed: str
    reason: str
    launcher: str
    generation: int
    active_generation: int
    restarts: int
    signals: int
    last_trigger: str | None
    lag_ms: int | None
    loop_lag_ms: int | None
    cpus: float
    cpus_used: float | None
    cpu_seconds: float | None
    memory_mb: int
    memory_bytes: int | None
    observed_at: str
    created_at: str
    started_at: str | None
    beat_at: str | None


class CandleOut(TypedDict):
    open_at: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    gap_filled: bool


class CapacityOut(TypedDict):
    """Calls that entries may use × age limit × addresses ÷ calls of an entry until it is safe."""

    calls_per_minute: int
    calls_per_entry: int
    max_age_seconds: int
    addresses: int
    per_address: int
    in_all: int
    following: int


class DeploymentDetail(TypedDict):
    id: str
    name: str
    strategy_id: str
    version_id: str
    instrument: str
    resolution: str
    resolutions: list[str]
    ticks: bool
    parameters: dict[str, Any]
    memory_mb: int
    cpus: float
    launcher: str
    on_crash: str
    max_leverage: str | None
    shadow_of: str | None
    draining: bool
    desired: str
    observed: str
    reason: str
    observed_at: str
    generation: int
    active_generation: int
    last_trigger: str | None
    revision: int
    restarts: int
    created_at: str
    started_at: str | None
    beat_at: str | None
    lag_ms: int | None
    loop_lag_ms: int | None
    memory_bytes: int | None
    peak_memory_bytes: int | None
    cpu_seconds: float | None
    waiting: int | None
    dropped: int | None
    exit_code: int | None
    log_tail: str


class DeploymentOut(TypedDict):
    id: str
    name: str
    strategy_id: str
    version_id: str
    instrument: str
    resolution: str
    resolutions: list[str]
    ticks: bool
    parameters: dict[str, Any]
    memory_mb: int
    cpus: float
    launcher: str
    on_crash: str
    max_leverage: str | None
    shadow_of: str | None
    draining: bool
    desired: str
    observed: str
    reason: str
    observed_at: str
    generation: int
    active_generation: int
    last_trigger: str | None
    revision: int
    restarts: int
    created_at: str
    started_at: str | None
    beat_at: str | None
    lag_ms: int | None
    loop_lag_ms: int | None
    memory_bytes: int | None
    peak_memory_bytes: int | None
    cpu_seconds: float | None
    waiting: int | None
    dropped: int | None


class EventOut(TypedDict):
    number: int
    at: str
    kind: str
    subject_kind: str
    subject_id: str
    body: Any


class ExecutionOut(TypedDict):
    trigger: str
    outcome: str
    generation: int
    run: str
    took_us: int
    error: str | None
    decided_at: str
    committed_at: str


class FactorOut(TypedDict):
    secret: str
    uri: str


class FillOut(TypedDict):
    account_id: str
    exchange_fill_id: str
    order_id: str
    trade_id: str | None
    instrument: str
    side: str
    quantity: str
    price: str
    fee: str
    fee_currency: str
    at: str


class FindingOut(TypedDict):
    rule: str
    message: str
    hint: str
    line: int
    column: int
    severity: str


class HaltOut(TypedDict):
    scope: str
    mode: str
    active: bool
    reason: str
    by_user: str
    cause: str
    open_trades: int
    at: str


class HaltedOut(TypedDict):
    scope: str
    denied: int


class HappenedOut(TypedDict):
    number: int
    at: str
    kind: str
    subject_id: str
    body: Any


class HeldOut(TypedDict):
    wallet: str
    currency: str
    free: str
    locked: str


class HintOut(TypedDict):
    """The limits that would do, by what was measured."""

    memory_mb: int
    cpus: float
    sentence: str


class InstrumentOut(TypedDict):
    id: str
    kind: str
    pair: str
    base: str
    quote: str
    tick_size: str
    quantity_step: str
    min_quantity: str
    min_notional: str
    max_leverage: str
    maker_fee: str
    taker_fee: str
    order_types: list[str]


class IntentDetail(TypedDict):
    id: str
    signal_id: str | None
    subscription_id: str
    account_id: str
    deployment_id: str
    instrument: str
    leg: str
    side: str
    quantity: str
    filled: str
    limit_price: str | None
    stop_loss: str | None
    take_profit: str | None
    leverage: str
    state: str
    reason: str | None
    planned_at: str
    done_at: str | None
    explain: Any
    risk: Any


class IntentOut(TypedDict):
    id: str
    signal_id: str | None
    subscription_id: str
    account_id: str
    deployment_id: str
    instrument: str
    leg: str
    side: str
    quantity: str
    filled: str
    limit_price: str | None
    stop_loss: str | None
    take_profit: str | None
    leverage: str
    state: str
    reason: str | None
    planned_at: str
    done_at: str | None


class JobDetail(TypedDict):
    id: str
    kind: str
    subject: str
    state: str
    reason: str
    fault: str
    progress: float
    said: str
    attempt: int
    memory_mb: int
    cpus: float
    seconds: int
    created_at: str
    started_at: str | None
    ended_at: str | None
    code_sha256: str
    candles_sha256: str | None
    log_tail: str


class JobOut(TypedDict):
    id: str
    kind: str
    subject: str
    state: str
    reason: str
    fault: str
    progress: float
    said: str
    attempt: int
    memory_mb: int
    cpus: float
    seconds: int
    created_at: str
    started_at: str | None
    ended_at: str | None


class KeyOut(TypedDict):
    """What is shown of a key: enough to tell it from another."""

    exchange: str
    hint: str
    fingerprint: str
    created_at: str


class LagOut(TypedDict):
    instrument: str
    feed: str
    reason: str
    since_at: str


class LeverageOut(TypedDict):
    """The least counts; a larger position's tier may lower it further."""

    subscription: str
    deployment: str | None
    instrument: str
    effective: str


class LiveOut(TypedDict):
    id: str
    name: str
    venue: str
    state: str
    reason: str | None


class LogLineOut(TypedDict):
    at: str
    level: str
    text: str
    generation: int


class MadeToken(TypedDict):
    id: str
    token: str
    expires_at: str


class MeOut(TypedDict):
    id: str
    name: str
    is_admin: bool


class NodeOut(TypedDict):
    """A machine of the fleet, counted every ten seconds."""

    name: str
    launcher: str
    state: str
    cpus: float
    memory_mb: int
    promised_mb: int
    containers: int
    seen_at: str


class Onwards(TypedDict):
    address: str


class OrderOut(TypedDict):
    id: str
    intent_id: str
    account_id: str
    instrument: str
    client_order_id: str
    exchange_order_id: str | None
    side: str
    kind: str
    quantity: str
    price: str | None
    trigger_price: str | None
    filled: str
    state: str
    reason: str | None
    sent_at: str
    done_at: str | None


class ParameterOut(TypedDict):
    name: str
    kind: str
    default: int | float | str | bool
    bounds: dict[str, float]
    choices: list[int | float | str | bool] | None
    description: str


class PlanOut(TypedDict):
    """What the fleet would do, in order. Nothing of it was done."""

    steps: list[str]


class PricedOut(TypedDict):
    id: str
    kind: str
    pair: str
    base: str
    quote: str
    tick_size: str
    quantity_step: str
    min_quantity: str
    min_notional: str
    max_leverage: str
    maker_fee: str
    taker_fee: str
    order_types: list[str]
    price: str | None
    priced_at: str | None


class ReportOut(TypedDict):
    """A page that needs nothing else: no server, no network, no other file."""

    file: str
    html: str


class Search(TypedDict):
    """Which parameters are tried, how, and what is best."""

    method: NotRequired[Literal["grid", "random", "optuna"]]
    goal: NotRequired[
        Literal[
            "sharpe", "sortino", "calmar", "total_return", "profit_factor", "expectancy", "win_rate"
        ]
    ]
    trials: NotRequired[int]
    steps: NotRequired[int | None]
    unseen: NotRequired[float]
    folds: NotRequired[int]
    least_trades: NotRequired[int]
    seed: NotRequired[int]
    ranges: NotRequired[dict[str, str]]


class Sent(TypedDict):
    detail: str


class SessionOut(TypedDict):
    id: str
    agent: str
    address: str
    amr: list[str]
    created_at: str
    seen_at: str
    expires_at: str


class SignalOut(TypedDict):
    id: str
    deployment_id: str
    instrument: str
    trigger: str
    kind: str
    action: str
    price: str
    stop_loss: str | None
    take_profit: str | None
    reason: str
    state: str
    refusal: str | None
    generation: int
    decided_at: str
    accepted_at: str
    planned_at: str | None


class SignedInOut(TypedDict):
    access_token: str
    token_type: str
    expires_in_seconds: int
    csrf_token: str
    session_id: str
    must_change_password: bool


class SkipOut(TypedDict):
    signal_id: str
    subscription_id: str
    instrument: str
    reason: str
    detail: Any
    at: str


class SmallestOut(TypedDict):
    """The least that can be ordered at the last price, and the capital that reaches it."""

    quantity: str
    value: str
    capital: str


class SubscriptionOut(TypedDict):
    id: str
    deployment_id: str
    account_id: str
    instrument: str
    state: Literal["active", "paused", "cancelled"]
    capital: str
    capital_currency: str
    risk: str
    leverage: str
    sizing: Literal["fixed_risk", "leveraged_risk"]
    margin_currency: str
    max_positions: int
    max_daily_loss: str | None
    max_notional: str | None
    slippage: str
    max_age_seconds: int
    software_stop: bool
    opposite: Literal["skip", "close"]
    symbols_allowed: list[str]
    symbols_denied: list[str]
    paused_until: str | None
    positions: Literal["keep", "close", "closed"]
    version: int
    created_at: str


class SubscriptionVersionOut(TypedDict):
    """The subscription as it stood from this change to the next."""

    version: int
    changed_at: str
    changed_by: str
    changed: list[str]
    terms: dict[str, Any]


class Terms(TypedDict):
    """Under which terms it trades: what a subscription and a venue would set."""

    capital: NotRequired[float | str]
    risk: NotRequired[float | str]
    leverage: NotRequired[float | str]
    mode: NotRequired[Literal["fixed_risk", "leveraged_risk"]]
    entry: NotRequired[Literal["open", "close"]]
    spread: NotRequired[float | str]
    slippage: NotRequired[float | str]
    funding: NotRequired[float | str]
    fee: NotRequired[float | str | None]
    compound: NotRequired[bool]
    max_notional: NotRequired[float | str | None]


class ThoughtOut(TypedDict):
    action: str
    stop_loss: str | None
    take_profit: str | None


class TicketOut(TypedDict):
    ticket: str
    expires_in_seconds: int


class TimelineOut(TypedDict):
    signal: str
    candle_closed: str | None
    published: str
    decided: str
    accepted: str
    planned: str
    planning_took_us: int
    intents: int
    skips: int
    first_sent: str | None
    last_sent: str | None
    first_acknowledged: str | None
    last_acknowledged: str | None
    last_protected: str | None


class TokenOut(TypedDict):
    id: str
    name: str
    hint: str
    scopes: list[str]
    created_at: str
    expires_at: str
    used_at: str | None


class TradeOut(TypedDict):
    id: str
    subscription_id: str
    account_id: str
    deployment_id: str
    instrument: str
    side: str
    state: str
    quantity: str
    entered: str
    exited: str
    entry_value: str
    exit_value: str
    fees: str
    pnl: str | None
    currency: str
    stop_loss: str | None
    take_profit: str | None
    exit_reason: str | None
    opened_at: str
    closed_at: str | None


class UsageOut(TypedDict):
    """What one process used of the limits of an address or a key."""

    name: str
    second: int
    second_limit: int
    minute: int
    minute_limit: int
    factor: float
    promised: int
    refused: int
    waiting: int
    process: str
    told_at: str


class UserOut(TypedDict):
    id: str
    email: str
    role: Literal["trader", "author", "admin"]
    is_verified: bool


class VitalOut(TypedDict):
    """What it used in one minute."""

    at: str
    generation: int
    cpus: float | None
    memory_bytes: int
    lag_ms: int
    loop_lag_ms: int
    waiting: int


class control_plane__signals__api__LineOut(TypedDict):
    at: str
    source: str
    level: str
    generation: int
    text: str


class control_plane__subscriptions__api__previewing__LineOut(TypedDict):
    signal_id: str
    at: str
    kind: Literal["entry", "exit"]
    side: str
    price: str
    did: Literal["enter", "leave", "skip"]
    quantity: str | None
    value: str | None
    loss: str | None
    leverage: str | None
    stop_loss: str | None
    take_profit: str | None
    reason: str | None
    detail: dict[str, str] | None
    ended_by: Literal["signal", "stop", "target"] | None
    result: str | None


class ComparedOut(TypedDict):
    items: list[BacktestOut]


class DecidedOut(TypedDict):
    outcome: str
    signals: list[ThoughtOut]
    error: str | None


class KeyCheckOut(TypedDict):
    """What came of testing a key at its exchange."""

    state: str
    reason: str | None
    egress: str
    skew_ms: int | None
    held: list[HeldOut]
    checked_at: str | None


class LinesOut(TypedDict):
    """Oldest first; `cursor` asks for what comes after the last one."""

    lines: list[control_plane__signals__api__LineOut]
    cursor: str


class OutlineOut(TypedDict):
    class_name: str
    description: str
    instrument: str
    resolution: str
    resolutions: list[str]
    ticks: bool
    lookback: int
    parameters: list[ParameterOut]


class PreviewOut(TypedDict):
    """As if all of the capital were free, and nothing were halted, late or used up."""

    instrument: str
    quote: str
    levered_by: LeverageOut
    smallest: SmallestOut | None
    capacity: CapacityOut | None
    entries: int
    exits: int
    skips: dict[str, int]
    result: str
    lines: list[control_plane__subscriptions__api__previewing__LineOut]


class ResultOut(TypedDict):
    """All of a result, beside the settings that it belongs to."""

    backtest: BacktestOut
    result: dict[str, Any]


class SubscriptionDetail(TypedDict):
    id: str
    deployment_id: str
    account_id: str
    instrument: str
    state: Literal["active", "paused", "cancelled"]
    capital: str
    capital_currency: str
    risk: str
    leverage: str
    sizing: Literal["fixed_risk", "leveraged_risk"]
    margin_currency: str
    max_positions: int
    max_daily_loss: str | None
    max_notional: str | None
    slippage: str
    max_age_seconds: int
    software_stop: bool
    opposite: Literal["skip", "close"]
    symbols_allowed: list[str]
    symbols_denied: list[str]
    paused_until: str | None
    positions: Literal["keep", "close", "closed"]
    version: int
    created_at: str
    levered_by: LeverageOut


class VitalsOut(TypedDict):
    points: list[VitalOut]
    hint: HintOut | None


class DifferenceOut(TypedDict):
    trigger: str
    decided_at: str
    ours: DecidedOut
    shadow: DecidedOut


class VersionDetail(TypedDict):
    id: str
    strategy_id: str
    number: int
    code_sha256: str
    state: str
    note: str
    outline: OutlineOut
    findings: list[FindingOut]
    created_at: str
    code: str
    manifest: dict[str, Any]
    figures: dict[str, Any]


class VersionOut(TypedDict):
    id: str
    strategy_id: str
    number: int
    code_sha256: str
    state: str
    note: str
    outline: OutlineOut
    findings: list[FindingOut]
    created_at: str


class ComparisonOut(TypedDict):
    """A deployment and the shadow beside it, on the newest triggers that both decided."""

    shadow_id: str
    version_id: str
    observed: str
    reason: str
    compared: int
    same: int
    differences: list[DifferenceOut]


class StrategyOut(TypedDict):
    id: str
    name: str
    newest: VersionOut
    versions: int
