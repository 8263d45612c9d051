"""What a strategy would have made of recorded candles, in money.

`sweep` says what was decided and where the virtual position filled, by the engine that runs live;
here an account follows it: sized by the platform's own rules, with what trading costs.
"""
