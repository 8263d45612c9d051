# rows: M1 M2 M5
# tries: keys: others', its own boot key to write, its history to cut
# expect: result -NOPERM
import socket

from strategy_runtime import BaseStrategy


def say(*words):
    body = b"*%d\r\n" % len(words)
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        body += b"$%d\r\n%s\r\n" % (len(data), data)
    return body


def environment():
    with open("/proc/self/environ") as file:
        return dict(line.split("=", 1) for line in file.read().split("\0") if "=" in line)


def connect():
    url = environment()["SLIPWAY_BUS_URL"].removeprefix("unix://")
    credentials, _, path = url.partition("@")
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(path)
    connection.sendall(say("AUTH", *credentials.split(":", 1)))
    assert connection.recv(100) == b"+OK\r\n"
    return connection


def channel():
    return f"up:{environment()['SLIPWAY_DEPLOYMENT']}:{environment()['SLIPWAY_GENERATION']}"


def answers(commands):
    found = set()
    for words in commands:
        with connect() as connection:
            connection.sendall(say(*words))
            found.add(connection.recv(4096).split(b" ")[0].split(b"\r")[0].decode("latin-1"))
    return sorted(found)


me = environment()["SLIPWAY_DEPLOYMENT"]
own, stream = f"boot:{me}:1", "md:history:spot:B-BTC_USDT:1m"
print(
    "RESULT",
    *answers(
        [
            ("SET", "x", "1"),
            ("SET", own, "x"),
            ("DEL", own),
            ("EXPIRE", own, "1"),
            ("GET", "boot:dp-other:1"),
            ("XADD", stream, "*", "a", "b"),
            ("XTRIM", stream, "MAXLEN", "0"),
            ("XDEL", stream, "1-1"),
            ("XGROUP", "CREATE", stream, "g", "0"),
            ("XRANGE", "md:history:spot:B-ETH_USDT:1m", "-", "+"),
            ("RENAME", own, "x"),
            ("DUMP", "secret"),
        ]
    ),
)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
