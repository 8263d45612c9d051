# rows: M3
# tries: to flood its own channel past the SDK, after it behaved for some candles
# expect: ends .*sent more than a container may.*
import socket
import time

from strategy_runtime import BaseStrategy

CALM = 5


def say(*words):
    body = b"*%d\r\n" % len(words)
    for word in words:
        body += b"$%d\r\n%s\r\n" % (len(word), word)
    return body


class Flood(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen > CALM:
            self.flood()

    def flood(self):
        with open("/proc/self/environ", "rb") as file:
            lines = dict(line.split(b"=", 1) for line in file.read().split(b"\0") if b"=" in line)
        credentials, _, path = lines[b"SLIPWAY_BUS_URL"].removeprefix(b"unix://").partition(b"@")
        channel = b"up:%s:%s" % (lines[b"SLIPWAY_DEPLOYMENT"], lines[b"SLIPWAY_GENERATION"])
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(say(b"AUTH", *credentials.split(b":", 1)))
            connection.recv(100)
            frames = say(b"PUBLISH", channel, b"x" * 2_000) * 10
            print("FLOOD", time.time(), flush=True)
            while True:
                connection.sendall(frames)
                connection.recv(100_000)
