"""What signing in leaves behind. No secret is kept as it was given: hashes, or sealed."""

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from control_plane.infra.db import table


class SessionRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "session"

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)  # the user it belongs to
    created_ms: int = Field(sa_type=BigInteger)
    seen_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    auth_ms: int = Field(sa_type=BigInteger)  # when the user last proved who they are
    amr: str  # how: pwd, otp, fed, in this order, separated by spaces
    agent: str
    address: str
    revoked_ms: int | None = Field(default=None, sa_type=BigInteger)
    revoked_why: str | None = None


class RenewalRow(SQLModel, table=True):
    """A refresh token; all of one session are one family."""

    __tablename__: ClassVar[str] = "renewal"
    __table_args__ = (Index("ix_renewal_session", "session"),)

    hash: str = Field(primary_key=True)
    session: str
    device: str
    created_ms: int = Field(sa_type=BigInteger)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)
    successor: bytes | None = Field(default=None, sa_type=LargeBinary)  # sealed


class ApiTokenRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "api_token"

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    hash: str = Field(unique=True)
    name: str
    hint: str  # its last four characters
    scopes: str  # separated by spaces
    created_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)
    revoked_ms: int | None = Field(default=None, sa_type=BigInteger)


class LetterProofRow(SQLModel, table=True):
    """What can be proved once: that a letter's reader has this mailbox, or who holds a ticket."""

    __tablename__: ClassVar[str] = "letter_proof"

    hash: str = Field(primary_key=True)
    purpose: str  # confirm | reset | invite | live
    subject: str = Field(
        index=True
    )  # a user's id; for an invitation the e-mail, for a ticket its caller
    expires_ms: int = Field(sa_type=BigInteger)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)


class SecondFactorRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "second_factor"

    tenant: str = Field(primary_key=True)
    secret: bytes = Field(sa_type=LargeBinary)  # sealed
    confirmed_ms: int | None = Field(default=None, sa_type=BigInteger)
    last_step: int = Field(default=0, sa_type=BigInteger)  # no code is good twice


sessions = table(SessionRow)
renewals = table(RenewalRow)
api_tokens = table(ApiTokenRow)
letter_proofs = table(LetterProofRow)
second_factors = table(SecondFactorRow)
