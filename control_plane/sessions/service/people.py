"""Users as admins see them."""

from dataclasses import dataclass

from control_plane.accounts import service as accounts
from control_plane.accounts.models import User
from control_plane.core.ids import Tenant, UserId
from control_plane.infra.db import Database, Tx
from control_plane.sessions.errors import LastAdmin, NoSuchUser
from control_plane.sessions.models.rights import Role
from control_plane.sessions.store import sessions

MANY = 1_000


@dataclass(frozen=True)
class People:
    db: Database

    async def listed(self) -> list[User]:
        return await self.db.read(accounts.all_users, MANY)

    async def put_role(self, user: UserId, role: Role, *, by: str) -> None:
        await self.db.write(_put_role, user, role, by)


def _put_role(tx: Tx, user: UserId, role: Role, by: str) -> None:
    if role != "admin" and accounts.admins(tx) == {Tenant(user)}:
        raise LastAdmin(
            "This is the last admin.", field="role", remedy="Make somebody else one first."
        )
    if not accounts.put_role(tx, user, role, by=by):
        raise NoSuchUser(f"There is no user {user!r}.", remedy="GET /api/v1/users shows them.")
    # What a session may do was decided when it began.
    sessions.revoke_all(tx, user, "role changed")
