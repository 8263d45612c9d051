"""Who may call which route. A route that is not named here is refused to everybody.

Two questions, both must be answered with yes: does the caller's role reach it, and, where a
personal API token asks, do its scopes? What belongs to whom is a third question, and every query
answers it by the tenant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["trader", "author", "admin"]
Scope = Literal["read", "trade", "author", "admin"]

ROLES: tuple[Role, ...] = ("trader", "author", "admin")
SCOPES: tuple[Scope, ...] = ("read", "trade", "author", "admin")


@dataclass(frozen=True)
class Right:
    role: Role = "trader"
    scope: Scope | None = "read"  # None: no API token at all, only a person who signed in
    is_sensitive: bool = False  # the proof of who asks must be a few minutes old


READ = Right()
TRADE = Right(scope="trade")
LIMITS = Right(scope="trade", is_sensitive=True)
AUTHOR = Right("author", "author")
SELF = Right(scope=None)
CAREFUL = Right(scope=None, is_sensitive=True)
ADMIN = Right("admin", "admin")
ADMIN_CAREFUL = Right("admin", None, is_sensitive=True)

RIGHTS: Mapping[str, Right] = {
    "GET /me": READ,
    "POST /me/password": SELF,
    "POST /me/step-up": SELF,
    "POST /me/step-up/google": SELF,
    "POST /me/second-factor": CAREFUL,
    "POST /me/second-factor/confirm": CAREFUL,
    "DELETE /me/second-factor": CAREFUL,
    "POST /me/google": CAREFUL,
    "DELETE /me/google": CAREFUL,
    "GET /sessions": SELF,
    "DELETE /sessions/{session_id}": SELF,
    "GET /tokens": SELF,
    "POST /tokens": CAREFUL,
    "DELETE /tokens/{token_id}": SELF,
    "POST /invitations": ADMIN_CAREFUL,
    "GET /users": ADMIN,
    "PUT /users/{user}/role": ADMIN_CAREFUL,
    "GET /accounts": READ,
    "POST /accounts/paper": TRADE,
    "POST /accounts/live": CAREFUL,
    "GET /accounts/{account_id}/key": READ,
    "PUT /accounts/{account_id}/key": CAREFUL,
    "DELETE /accounts/{account_id}/key": SELF,
    "GET /accounts/{account_id}/key/check": READ,
    "GET /exchanges/coindcx/usage": ADMIN,
    "POST /accounts/{account_id}/key/check": TRADE,
    "GET /accounts/{account_id}/balances": READ,
    "POST /accounts/{account_id}/reset": TRADE,
    "GET /instruments": READ,
    "GET /instruments/named": READ,
    "GET /instruments/lagging": READ,
    "GET /candles": READ,
    "GET /strategies": READ,
    "POST /strategies": AUTHOR,
    "POST /strategies/files": AUTHOR,
    "GET /strategies/{name}/versions": READ,
    "GET /versions/{version_id}": READ,
    "POST /versions/{version_id}/check": AUTHOR,
    "GET /backtests": READ,
    "POST /backtests": AUTHOR,
    "GET /backtests/compared": READ,
    "GET /backtests/{backtest_id}": READ,
    "GET /backtests/{backtest_id}/result": READ,
    "GET /backtests/{backtest_id}/report": READ,
    "POST /backtests/{backtest_id}/cancel": AUTHOR,
    "GET /jobs": READ,
    "GET /jobs/{job_id}": READ,
    "POST /jobs/{job_id}/cancel": AUTHOR,
    "GET /deployments": READ,
    "POST /deployments": AUTHOR,
    "GET /deployments/{deployment_id}": READ,
    "PATCH /deployments/{deployment_id}": AUTHOR,
    "DELETE /deployments/{deployment_id}": AUTHOR,
    "POST /deployments/{deployment_id}/start": AUTHOR,
    "POST /deployments/{deployment_id}/stop": AUTHOR,
    "POST /deployments/{deployment_id}/pause": AUTHOR,
    "POST /deployments/{deployment_id}/resume": AUTHOR,
    "POST /deployments/{deployment_id}/drain": AUTHOR,
    "POST /deployments/{deployment_id}/shadow": AUTHOR,
    "GET /deployments/{deployment_id}/shadow": READ,
    "DELETE /deployments/{deployment_id}/shadow": AUTHOR,
    "POST /deployments/{deployment_id}/shadow/promote": AUTHOR,
    "POST /deployments/{deployment_id}/restart": AUTHOR,
    "GET /deployments/{deployment_id}/executions": READ,
    "GET /deployments/{deployment_id}/logs": READ,
    "GET /deployments/{deployment_id}/lines": READ,
    "GET /deployments/{deployment_id}/history": READ,
    "GET /deployments/{deployment_id}/vitals": READ,
    "POST /deployments/plan": AUTHOR,
    "POST /deployments/{deployment_id}/plan": AUTHOR,
    "POST /deployments/{deployment_id}/rollback": AUTHOR,
    "GET /fleet": READ,
    "GET /fleet/events": READ,
    "GET /fleet/nodes": ADMIN,
    "POST /subscriptions": TRADE,
    "GET /subscriptions": READ,
    "GET /subscriptions/{subscription_id}": READ,
    "POST /subscriptions/preview": READ,
    "GET /subscriptions/{subscription_id}/preview": READ,
    "GET /subscriptions/{subscription_id}/versions": READ,
    "GET /deployments/{deployment_id}/capacity": READ,
    "PUT /subscriptions/{subscription_id}/terms": LIMITS,
    "POST /subscriptions/{subscription_id}/pause": TRADE,
    "POST /subscriptions/{subscription_id}/resume": TRADE,
    "POST /subscriptions/{subscription_id}/cancel": TRADE,
    "GET /signals": READ,
    "GET /signals/{signal_id}": READ,
    "GET /intents": READ,
    "GET /intents/{intent_id}": READ,
    "GET /intents/{intent_id}/story": READ,
    "POST /intents/{intent_id}/resolve": ADMIN,
    "POST /trades/{trade_id}/close": TRADE,
    "GET /signals/{signal_id}/timeline": READ,
    "GET /alarms": ADMIN,
    "GET /skips": READ,
    "GET /orders": READ,
    "GET /fills": READ,
    "GET /trades": READ,
    "GET /halts": ADMIN,
    "POST /halts": ADMIN,
    "POST /halts/lift": ADMIN_CAREFUL,
    "GET /events": READ,
    "POST /live/tickets": READ,
    "WEBSOCKET /live": READ,
}


def reaches(role: str, right: Right) -> bool:
    return role in ROLES and ROLES.index(role) >= ROLES.index(right.role)
