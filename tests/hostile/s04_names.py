# rows: S4
# tries: names looked up, and asked for in datagrams
# expect: result EPERM gaierror
import socket

from strategy_runtime import BaseStrategy

found = set()
for name in ("example.com", "secret.attacker.example", "metadata.google.internal"):
    try:
        socket.getaddrinfo(name, 53)
        found.add("DONE")
    except OSError as error:
        found.add(type(error).__name__)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("8.8.8.8", 53))
    found.add("DONE")
except PermissionError:
    found.add("EPERM")
print("RESULT", *sorted(found))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
