"""Who there is, how they sign in, and what they hold."""

from control_plane.accounts.service.holding import Accounts, owned_account, places, put_state
from control_plane.accounts.service.people import (
    add_user,
    admins,
    all_users,
    put_password,
    put_role,
    roles,
    user,
    user_named,
    verify_user,
)
from control_plane.accounts.service.users import Users, admit

__all__ = [
    "Accounts",
    "Users",
    "add_user",
    "admins",
    "admit",
    "all_users",
    "owned_account",
    "places",
    "put_password",
    "put_role",
    "put_state",
    "roles",
    "user",
    "user_named",
    "verify_user",
]
