# rows: S2 S3 S6 S7 S8 S9 S11 S13 S15 S16 M1 M2
# tries: what a hostile author would try first, all at once
# expect: runs
import ctypes
import errno
import json
import os
import signal
import socket

from strategy_runtime import BaseStrategy

FOUND = {}


def probe(name):
    def run(what):
        try:
            FOUND[name] = what()
        except BaseException as error:
            FOUND[name] = f"{type(error).__name__}: {error}"

    return run


def refused(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "done"


def writing(path):
    def attempt():
        with open(path, "w") as file:
            file.write("x")

    return refused(attempt)


@probe("environment")
def _():
    return sorted(os.environ)


@probe("raw_environment")
def _():
    with open("/proc/self/environ") as file:
        return sorted(line.split("=")[0] for line in file.read().split("\0") if line)


@probe("identity")
def _():
    with open("/proc/self/status") as file:
        lines = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    return {name: lines[name].strip() for name in ("Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}


@probe("network")
def _():
    families = {"inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "vsock": 40, "alg": 38}
    found = {name: refused(socket.socket, family) for name, family in families.items()}
    with open("/proc/net/dev") as file:
        found["interfaces"] = [line.split(":")[0].strip() for line in file if ":" in line]
    found["lookup"] = refused(socket.getaddrinfo, "example.com", 80)
    return found


@probe("writes")
def _():
    paths = ["/x", "/usr/x", "/etc/passwd", "/opt/venv/x", "/run/slipway/x", "/proc/sysrq-trigger"]
    paths += ["/proc/sys/kernel/core_pattern", "/sys/kernel/x", "/dev/x", "/var/x", "/home/x"]
    return {path: writing(path) for path in paths}


@probe("docker_socket")
def _():
    return [p for p in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd") if os.path.exists(p)]


@probe("tmp_runs_nothing")
def _():
    with open("/tmp/script", "w") as file:
        file.write("#!/bin/true\n")
    os.chmod("/tmp/script", 0o755)
    return refused(os.execv, "/tmp/script", ["/tmp/script"])


def fill(path):
    written = 0
    try:
        with open(path, "wb", buffering=0) as file:
            while written < 200_000_000:
                written += file.write(b"x" * 65536)
    except OSError as error:
        outcome = errno.errorcode[error.errno]
    else:
        outcome = "done"
    os.unlink(path)
    return [written, outcome]


@probe("disk")
def _():
    return fill("/tmp/fill")


@probe("shared_memory")
def _():
    return fill("/dev/shm/fill")


@probe("inodes")
def _():
    made = 0
    try:
        while made < 5_000:
            open(f"/tmp/i{made}", "w").close()
            made += 1
    except OSError as error:
        outcome = errno.errorcode[error.errno]
    for number in range(made):
        os.unlink(f"/tmp/i{number}")
    return [made, outcome]


@probe("descriptors")
def _():
    held = []
    try:
        while len(held) < 5_000:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        outcome = errno.errorcode[error.errno]
    for number in held:
        os.close(number)
    return [len(held), outcome]


SYSCALLS = {
    "ptrace": (101, 0, 0, 0, 0), "io_uring_setup": (425, 8, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "userfaultfd": (323, 0), "keyctl": (250, 0, 0, 0), "add_key": (248, 0, 0, 0, 0, 0), "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, 0, 0, 0), "unshare_user": (272, 0x10000000), "setns": (308, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0), "umount2": (166, 0, 0), "pivot_root": (155, 0, 0), "chroot": (161, 0),
    "clone_newuser": (56, 0x10000000 | 17, 0, 0, 0, 0), "init_module": (175, 0, 0, 0), "kexec_load": (246, 0, 0, 0, 0),
    "reboot": (169, 0, 0, 0), "swapon": (167, 0, 0), "acct": (163, 0), "open_by_handle_at": (304, 0, 0, 0),
    "settimeofday": (164, 0, 0), "clock_settime": (227, 0, 0), "personality": (135, 8), "mknod": (133, 0, 0, 0),
    "memfd_create": (319, 0, 0), "setuid_root": (105, 0), "quotactl": (179, 0, 0, 0, 0), "fanotify_init": (300, 0, 0),
    "shmget": (29, 0, 4096, 0o1600), "kcmp": (312, 1, 1, 0, 0, 0), "pidfd_getfd": (438, 0, 0, 0),
    "modify_ldt": (154, 0, 0, 0), "splice": (275, 0, 0, 0, 0, 0, 0), "fsopen": (430, 0, 0), "execveat": (322, 0, 0, 0, 0, 0),
}


@probe("syscalls")
def _():
    libc = ctypes.CDLL(None, use_errno=True)
    found = {}
    for name, (number, *args) in SYSCALLS.items():
        ctypes.set_errno(0)
        answer = libc.syscall(number, *[ctypes.c_long(a) for a in args])
        if answer == 0 and name == "clone_newuser":
            os._exit(0)
        found[name] = errno.errorcode.get(ctypes.get_errno(), "done") if answer == -1 else "done"
    return found


@probe("processes")
def _():
    children = []
    try:
        while len(children) < 500:
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            children.append(pid)
    except OSError as error:
        outcome = errno.errorcode[error.errno]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return [len(children), outcome]


def say(*words):
    body = b"*%d\r\n" % len(words)
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        body += b"$%d\r\n%s\r\n" % (len(data), data)
    return body


def address():
    with open("/proc/self/environ") as file:
        lines = dict(line.split("=", 1) for line in file.read().split("\0") if "=" in line)
    url = lines["SLIPWAY_BUS_URL"].removeprefix("unix://")
    credentials, _, path = url.partition("@")
    return *credentials.split(":", 1), path, lines["SLIPWAY_DEPLOYMENT"]


@probe("bus")
def _():
    user, password, path, me = address()
    tries = {
        "own_boot": ("GET", f"boot:{me}:1"), "own_history": ("XRANGE", "md:history:spot:B-BTC_USDT:1m", "-", "+"),
        "say": ("PUBLISH", f"up:{me}:1", "hello"), "hear_candles": ("SUBSCRIBE", "md:candle:spot:B-BTC_USDT:1m"),
        "hear_down": ("SUBSCRIBE", f"down:{me}:1"),
        "other_boot": ("GET", "boot:other:1"), "other_generation": ("GET", f"boot:{me}:2"),
        "other_history": ("XRANGE", "md:history:spot:B-ETH_USDT:1m", "-", "+"),
        "other_resolution": ("XRANGE", "md:history:spot:B-BTC_USDT:5m", "-", "+"),
        "secret": ("GET", "secret"), "hear_others": ("SUBSCRIBE", "down:other:1"), "hear_up": ("SUBSCRIBE", f"up:{me}:1"),
        "hear_ticks": ("SUBSCRIBE", "md:tick:spot:B-BTC_USDT"), "hear_other_candles": ("SUBSCRIBE", "md:candle:spot:B-ETH_USDT:1m"),
        "hear_all": ("PSUBSCRIBE", "*"), "speak_for_others": ("PUBLISH", "up:other:1", "x"),
        "forge_candle": ("PUBLISH", "md:candle:spot:B-BTC_USDT:1m", "x"), "forge_answer": ("PUBLISH", f"down:{me}:1", "x"),
        "forge_hint": ("PUBLISH", "wake:signals", ""), "set": ("SET", "x", "1"), "set_boot": ("SET", f"boot:{me}:1", "x"),
        "xadd": ("XADD", "md:history:spot:B-BTC_USDT:1m", "*", "a", "b"), "xtrim": ("XTRIM", "md:history:spot:B-BTC_USDT:1m", "MAXLEN", "0"),
        "del": ("DEL", f"boot:{me}:1"), "keys": ("KEYS", "*"), "scan": ("SCAN", "0"), "eval": ("EVAL", "return 1", "0"),
        "config": ("CONFIG", "GET", "*"), "acl_list": ("ACL", "LIST"), "acl_setuser": ("ACL", "SETUSER", user, "+@all"),
        "acl_whoami": ("ACL", "WHOAMI"), "client_list": ("CLIENT", "LIST"), "client_kill": ("CLIENT", "KILL", "TYPE", "normal"),
        "monitor": ("MONITOR",), "info": ("INFO",), "multi": ("MULTI",), "function": ("FUNCTION", "LIST"), "shutdown": ("SHUTDOWN", "NOSAVE"),
        "flushall": ("FLUSHALL",), "debug": ("DEBUG", "SLEEP", "0"), "script": ("SCRIPT", "FLUSH"), "module": ("MODULE", "LIST"),
        "replicaof": ("REPLICAOF", "NO", "ONE"), "save": ("SAVE",), "select": ("SELECT", "1"), "ssubscribe": ("SSUBSCRIBE", "x"),
        "pubsub": ("PUBSUB", "CHANNELS"), "dump": ("DUMP", "secret"), "restore": ("RESTORE", "x", "0", "x"), "migrate": ("MIGRATE", "h", "1", "k", "0", "1"),
    }
    found = {}
    for name, words in tries.items():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(path)
            connection.sendall(say("AUTH", user, password))
            greeting = connection.recv(4096)
            connection.sendall(say(*words))
            found[name] = connection.recv(4096)[:12].decode("latin-1") if greeting == b"+OK\r\n" else "no greeting"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(path)
        connection.sendall(say("GET", f"boot:{me}:1"))
        found["without_a_user"] = connection.recv(4096)[:7].decode()
    return found


print("PROBES " + json.dumps(FOUND), flush=True)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
