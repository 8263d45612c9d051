"""What an author's own code and files are refused for; each says what in a sentence."""

from strategy_runtime.backtest.author import BadFolder
from strategy_runtime.backtest.search.space import BadSpace
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.loader import LoadError
from strategy_runtime.sdk.bars import BadBars
from strategy_runtime.sdk.errors import StrategyError

REFUSALS = (BadBars, BadFolder, BadSpace, LoadError, StrategyError, StrategyFailed)
