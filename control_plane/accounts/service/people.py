"""Users as other slices know and change them, in their own transactions."""

from collections.abc import Collection

from control_plane.accounts import store
from control_plane.accounts.models import User
from control_plane.core.ids import Tenant, UserId
from control_plane.infra import audit
from control_plane.infra.db import Tx


def user(tx: Tx, identity: UserId) -> User | None:
    found = store.user_by_id(tx, identity)
    return None if found is None else found[0]


def user_named(tx: Tx, email: str) -> User | None:
    found = store.user_by_email(tx, email)
    return None if found is None else found[0]


def add_user(tx: Tx, user: User, password_hash: str) -> None:
    store.insert_user(tx, user, password_hash)
    audit.record(tx, "user_created", "user", user.id, tenant=user.id, email=user.email)


def verify_user(tx: Tx, identity: UserId) -> bool:
    if not store.set_verified(tx, identity):
        return False
    audit.record(tx, "email_verified", "user", identity, tenant=identity)
    return True


def put_password(tx: Tx, identity: UserId, password_hash: str) -> None:
    store.set_password(tx, identity, password_hash)
    audit.record(tx, "password_changed", "user", identity, tenant=identity)


def put_role(tx: Tx, identity: UserId, role: str, *, by: str) -> bool:
    if not store.set_role(tx, identity, role):
        return False
    audit.record(tx, "role_changed", "user", identity, tenant=identity, role=role, by=by)
    return True


def all_users(tx: Tx, limit: int) -> list[User]:
    return store.listed_users(tx, limit)


def roles(tx: Tx, ids: Collection[UserId]) -> dict[UserId, str]:
    """Of those that there are."""
    return store.roles(tx, ids)


def admins(tx: Tx) -> frozenset[Tenant]:
    """Whose own code the operator answers for."""
    return store.admins(tx)
