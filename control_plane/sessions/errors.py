"""What signing in refuses."""

from control_plane.errors import Conflict, Forbidden, Invalid, Missing


class NoSuchSession(Missing):
    pass


class NoSuchToken(Missing):
    pass


class WrongProof(Invalid):
    """A link from a letter that is used, too old, or was never sent."""


class SignUpClosed(Forbidden):
    pass


class StepUpNeeded(Forbidden):
    """Signed in, but too long ago for this."""


class ProofMissing(Invalid):
    """What would prove who asks is not there."""


class FactorDue(Forbidden):
    """An admin who signed in with a password alone, where that is not enough."""


class NotYours(Forbidden):
    """The role or the token's scopes do not reach this far."""


class FactorStands(Conflict):
    """A second factor is there already, or is not."""


class WrongCode(Invalid):
    pass


class BadEmail(Invalid):
    pass


class NoSuchUser(Missing):
    pass


class LastAdmin(Conflict):
    """Somebody must be able to administer."""


class NotOffered(Missing):
    """Nobody set up the provider that one wants to sign in with."""


class NotProved(Forbidden):
    """What came back from a provider proves nothing."""


class NotLinked(Forbidden):
    """The provider's word is not enough for this address."""


class IdentityTaken(Conflict):
    pass


class NoIdentity(Missing):
    pass


class FactorNeeded(Forbidden):
    """The provider's word was good; the second factor is still to come."""

    def __init__(self, claim: str) -> None:
        self.claim = claim
        super().__init__(
            "This user signs in with a second factor.",
            field="code",
            remedy="POST /api/v1/sign-in/google/finish with `code`, within five minutes.",
        )
