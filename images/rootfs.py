#!/usr/bin/env python3
"""Write a container's root file system, made from what this host has, as a tar on standard output.

For a machine that reaches no image registry. A dynamically linked program needs little more than
its files and the libraries that `ldd` names. Python is laid out as in the official image
(`/usr/local/bin/python3`): the same Dockerfiles build.

    python3 images/rootfs.py python | docker import -c 'CMD ["python3"]' - slipway/python:3.11
    python3 images/rootfs.py files /usr/bin/redis-server | docker import - slipway/redis:7

There is no shell in it unless `--shell` asks for one, which takes a static busybox.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

FOLDERS = {
    "usr/bin": 0o755,
    "usr/sbin": 0o755,
    "usr/lib64": 0o755,
    "usr/local/bin": 0o755,
    "usr/local/lib": 0o755,
    "usr/share": 0o755,
    "etc/ssl/certs": 0o755,
    "home": 0o755,
    "opt": 0o755,
    "root": 0o700,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
    "run": 0o755,
    "proc": 0o555,
    "sys": 0o555,
    "dev": 0o755,
}
MERGED = ("bin", "sbin", "lib", "lib64")
"""Links into /usr, as Debian has them."""
ACCOUNTS = {"root": 0, "redis": 998, "postgres": 999, "nobody": 65534}
FROM_HOST = ("/etc/os-release", "/etc/ssl/certs/ca-certificates.crt")
LOADED_AT_RUN_TIME = (
    *("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"),
    *("libgcc_s.so.1", "libstdc++.so.6", "libm.so.6"),
    *("libpthread.so.0", "librt.so.1", "libdl.so.2", "libutil.so.1"),
)
"""Opened by glibc itself or by wheels built for an older one: `ldd` does not name them."""
NOT_NEEDED = frozenset(
    ("test", "tests", "idlelib", "tkinter", "turtledemo", "site-packages", "dist-packages")
)


class Missing(Exception):
    """The host lacks something that the image needs; the message says what to do."""


class RootFs:
    """A tar that is written once, front to back; the first entry of a name wins."""

    def __init__(self, out: BinaryIO, *, shell: bool = False) -> None:
        self._tar = tarfile.TarFile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT)
        self._written: set[str] = set()
        self._libraries: set[str] = set()
        self._library_folder = f"usr/lib/{sysconfig.get_config_var('MULTIARCH') or multiarch()}"
        self._skeleton()
        if shell:
            self._shell()

    def close(self) -> None:
        for library in sorted(self._libraries):
            is_loader = Path(library).name.startswith("ld-")
            folder = str(Path(library).parent).lstrip("/") if is_loader else self._library_folder
            self.file(library, f"{folder.removeprefix('usr/')}/{Path(library).name}", under="usr")

        self._tar.close()

    def file(self, source: str | Path, name: str, *, under: str = "") -> None:
        real = Path(source).resolve()
        with real.open("rb") as content:
            is_program = content.read(4) == b"\x7fELF"
            content.seek(0)
            state = os.fstat(content.fileno())
            info = tarfile.TarInfo(f"{under}/{name}".lstrip("/"))
            info.mode, info.size, info.mtime = (
                state.st_mode & 0o7777,
                state.st_size,
                int(state.st_mtime),
            )
            self._add(info, content)

        if is_program:
            self._libraries.update(libraries_of(real))

    def tree(self, source: str | Path, name: str, *, skip: frozenset[str] = frozenset()) -> None:
        for here, folders, files in os.walk(source):
            folders[:] = sorted(set(folders) - skip)
            inside = f"{name}/{Path(here).relative_to(source)}".removesuffix("/.")
            self.folder(inside)
            for file in sorted(files):
                if (Path(here) / file).exists() and not file.endswith(
                    (".a", ".opt-1.pyc", ".opt-2.pyc")
                ):
                    self.file(Path(here) / file, f"{inside}/{file}")

    def folder(self, name: str, mode: int = 0o755, owner: int = 0) -> None:
        for parent in reversed(Path(name.lstrip("/")).parents):
            if parent.name:
                self._add(entry(str(parent), tarfile.DIRTYPE, 0o755))

        info = entry(name, tarfile.DIRTYPE, mode)
        info.uid = info.gid = owner
        self._add(info)

    def link(self, name: str, target: str) -> None:
        self._add(entry(name, tarfile.SYMTYPE, 0o777, target))

    def text(self, name: str, body: str) -> None:
        info = entry(name, tarfile.REGTYPE, 0o644)
        info.size = len(body.encode())
        self._add(info, io.BytesIO(body.encode()))

    def _add(self, info: tarfile.TarInfo, content: BinaryIO | None = None) -> None:
        if info.name not in self._written:
            self._written.add(info.name)
            self._tar.addfile(info, content)

    def _skeleton(self) -> None:
        for name, mode in FOLDERS.items():
            self.folder(name, mode)

        self.folder(self._library_folder)
        for name in MERGED:
            self.link(name, f"usr/{name}")

        self.text(
            "etc/passwd", "".join(f"{n}:x:{i}:{i}:{n}:/tmp:/bin/sh\n" for n, i in ACCOUNTS.items())
        )
        self.text("etc/group", "".join(f"{n}:x:{i}:\n" for n, i in ACCOUNTS.items()))
        self.text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        for path in filter(os.path.exists, FROM_HOST):
            self.file(path, path)

        for library in LOADED_AT_RUN_TIME:
            path = f"/{self._library_folder}/{library}"
            if os.path.exists(path):
                self._libraries.update({path, *libraries_of(Path(path))})

    def _shell(self) -> None:
        busybox = shutil.which("busybox")
        if busybox is None or list(libraries_of(Path(busybox))):
            raise Missing(
                "a static busybox is needed; on Debian: apt-get install -y busybox-static"
            )

        self.file(busybox, "usr/bin/busybox")
        for applet in output(busybox, "--list").split():
            self.link(f"usr/bin/{applet}", "busybox")


def add_python(fs: RootFs) -> None:
    """The interpreter that runs this script, its library and the wheels that `venv` unpacks."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    base = {"base": sys.base_prefix, "installed_base": sys.base_prefix}
    fs.file(getattr(sys, "_base_executable", sys.executable), f"usr/local/bin/{name}")
    fs.link("usr/local/bin/python3", name)
    fs.link("usr/local/bin/python", name)
    stdlib = sysconfig.get_path("stdlib", vars=base)
    built_with = frozenset(f.name for f in Path(stdlib).glob("config-*"))
    fs.tree(stdlib, f"usr/local/lib/{name}", skip=NOT_NEEDED | built_with)
    fs.folder(f"usr/local/lib/{name}/site-packages")
    wheels = sysconfig.get_config_var("WHEEL_PKG_DIR")  # Debian keeps ensurepip's wheels apart
    if wheels:
        fs.tree(wheels, wheels.strip("/"))


def add_paths(fs: RootFs, paths: list[str]) -> None:
    for path in paths:
        if os.path.isdir(path):
            fs.tree(path, path.strip("/"))
        elif os.path.exists(path):
            fs.folder(str(Path(path).parent))
            fs.file(path, path)
        else:
            raise Missing(f"{path!r} does not exist on this host")


def entry(name: str, kind: bytes, mode: int, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name.lstrip("/"))
    info.type, info.mode, info.linkname = kind, mode, target
    return info


def libraries_of(program: Path) -> Iterator[str]:
    found = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    yield from re.findall(r"(/\S+) \(0x", found.stdout)


def multiarch() -> str:
    return f"{os.uname().machine}-linux-gnu"


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    arguments = argparse.ArgumentParser(
        description="A root file system from this host, as a tar on stdout."
    )
    arguments.add_argument("--shell", action="store_true", help="with busybox")
    arguments.add_argument("--data", help="an empty folder, as PATH:UID; a volume takes its owner")
    arguments.add_argument("kind", choices=["python", "files"])
    arguments.add_argument("paths", nargs="*", help="files and folders to copy, for 'files'")
    chosen = arguments.parse_args()
    try:
        fs = RootFs(sys.stdout.buffer, shell=chosen.shell)
        if chosen.data:
            path, owner = chosen.data.split(":")
            fs.folder(path, 0o700, int(owner))

        if chosen.kind == "python":
            add_python(fs)

        add_paths(fs, chosen.paths)
        fs.close()
    except Missing as missing:
        raise SystemExit(f"rootfs: {missing}") from None


if __name__ == "__main__":
    main()
