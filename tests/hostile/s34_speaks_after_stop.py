# rows: S34
# tries: a child that speaks on its channel for as long as it can
# expect: result SPEAKING
import os
import signal
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


if os.fork() == 0:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    with connect() as connection:
        while True:
            connection.sendall(
                say("PUBLISH", channel(), b'{"type":"bye","run":"' + b"a" * 26 + b'","reason":"still here"}')
            )
            connection.recv(1000)
            time.sleep(0.5)
print("RESULT SPEAKING")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
