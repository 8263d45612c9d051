"""A faithful CoinDCX to test against.

Pure inside (`exchange.Exchange.handle(request, now_ms)`), with an HTTP server and Socket.IO servers
around it: `python -m tests.coindcx_sim`.
"""
