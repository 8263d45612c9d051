"""What signing in leaves behind. No secret is kept as it was given: hashes, or sealed."""

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint
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


class IdentityRow(SQLModel, table=True):
    """Who somebody is at a provider, and who that is here."""

    __tablename__: ClassVar[str] = "identity"
    __table_args__ = (UniqueConstraint("tenant", "issuer"),)

    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    tenant: str
    email: str  # as the provider had it then; it says nothing about who it is
    created_ms: int = Field(sa_type=BigInteger)


class FederatedRow(SQLModel, table=True):
    """One sign-in by way of a provider, from its first redirect to the session. Each secret of it
    is a digest, or sealed, and each is good once.
    """

    __tablename__: ClassVar[str] = "federated_sign_in"

    state: str = Field(primary_key=True)  # digest
    browser: str  # digest: whoever began it has this in a cookie
    secrets: bytes = Field(sa_type=LargeBinary)  # sealed: the nonce and the verifier
    tenant: str = ""  # who wants to be known by it from now on; empty: who wants to sign in
    invitation: str | None = None  # digest
    landing: str  # the page of ours, or the port of a command line, that it ends at
    challenge: str = ""  # of the command line's own verifier
    expires_ms: int = Field(sa_type=BigInteger, index=True)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)
    claim: str | None = Field(default=None, unique=True)  # digest: what the session is given for
    proved: str | None = None  # the user who came back
    claimed_ms: int | None = Field(default=None, sa_type=BigInteger)


sessions = table(SessionRow)
renewals = table(RenewalRow)
api_tokens = table(ApiTokenRow)
letter_proofs = table(LetterProofRow)
second_factors = table(SecondFactorRow)
identities = table(IdentityRow)
federated = table(FederatedRow)
