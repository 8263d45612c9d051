"""What the SDK tells an author. Each message names the thing and says what to do.

StrategyError
├── ParameterError   a parameter's default or value
├── SignalError      a signal that cannot be meant
└── DeclarationError an indicator, a hook or an attribute that cannot work
"""


class StrategyError(ValueError):
    """Something in the strategy's code or settings that its author can put right."""


class ParameterError(StrategyError):
    pass


class SignalError(StrategyError):
    pass


class DeclarationError(StrategyError):
    pass
