# rows: M2
# tries: every command that runs, sets up, shows or ends a server
# expect: result -ERR -NOPERM|-NOPERM
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


COMMANDS = [
    ("EVAL", "return 1", "0"),
    ("EVALSHA", "x", "0"),
    ("SCRIPT", "FLUSH"),
    ("MODULE", "LIST"),
    ("CONFIG", "GET", "*"),
    ("DEBUG", "SLEEP", "0"),
    ("SHUTDOWN", "NOSAVE"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("MONITOR",),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("CLIENT", "PAUSE", "60000"),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("FUNCTION", "LIST"),
    ("FCALL", "x", "0"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "x", "on"),
    ("REPLICAOF", "NO", "ONE"),
    ("SAVE",),
    ("BGREWRITEAOF",),
    ("MIGRATE", "h", "1", "k", "0", "1"),
    ("SWAPDB", "0", "1"),
    ("SELECT", "1"),
    ("MULTI",),
    ("WATCH", "x"),
    ("INFO",),
    ("LATENCY", "RESET"),
    ("SLOWLOG", "GET"),
    ("COMMAND",),
    ("RESET",),
]
print("RESULT", *sorted({answer for answer in answers(COMMANDS[:-2])}))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
