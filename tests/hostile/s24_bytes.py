# rows: S24
# tries: pickled objects, marshalled code, deep and broken JSON, a frame beyond the limit
# expect: result :1
import marshal
import os
import pickle
import socket
import time

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


class Bomb:
    def __reduce__(self):
        return (os.system, ("id",))


FRAMES = [
    pickle.dumps(Bomb()),
    marshal.dumps(compile("1", "x", "eval")),
    b"[" * 60_000,
    b'{"type": "hello"',
    b"\xff\xfe\x00",
    b"",
    b"x" * 70_000,
    b'{"type":"heartbeat","run":"' + b"a" * 60_000 + b'"}',
]
SAID = set()
for frame in FRAMES:
    SAID.update(answers([("PUBLISH", channel(), frame)]))
    time.sleep(0.1)  # more at once would be a flood
print("RESULT", *sorted(SAID))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
