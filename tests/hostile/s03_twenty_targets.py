# rows: S3
# tries: twenty addresses: the cloud's metadata, gateways, the host, the world
# expect: result EPERM
import errno
import socket

from strategy_runtime import BaseStrategy

HOSTS = [
    "169.254.169.254",
    "172.17.0.1",
    "172.18.0.1",
    "192.168.0.1",
    "10.0.0.1",
    "127.0.0.1",
    "0.0.0.0",
    "8.8.8.8",
    "1.1.1.1",
    "100.100.100.200",
]
found = set()
for host in HOSTS:
    for port in (80, 6379):
        try:
            with socket.socket() as one:
                one.settimeout(1)
                one.connect((host, port))
            found.add("DONE")
        except OSError as error:
            found.add(errno.errorcode[error.errno])
print("RESULT", *sorted(found))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
