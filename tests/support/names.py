"""A name server for the proxy under test, which has an /etc/resolv.conf and an /etc/hosts of its own.

    with NameServer() as names, ProxyWithNames(names, {"a.test": {"/": route("b.test:80")}}) as proxy:
        names.set("b.test", "127.0.0.2", ttl=1)

c-ares reads both files and takes no port, so this needs a mount namespace and port 53 on a loopback address of its own.
Where a machine does not give these, `need_names()` skips the test.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import pathlib
import random
import socket
import struct
import subprocess
import threading
from typing import Any

import pytest

from support import poll
from support.proxy import Proxy

A, AAAA = 1, 28


def _namespace() -> list[str]:
    return ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]


@functools.cache
def _why_not() -> str:
    if not pathlib.Path("/etc/resolv.conf").exists():
        return "no /etc/resolv.conf to put another one over"
    try:
        NameServer().close()
    except OSError as e:
        return f"port 53 on a loopback address: {e}"
    try:
        command = [*_namespace(), "mount", "--bind", "/etc/hosts", "/etc/resolv.conf"]
        subprocess.run(command, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as e:
        return f"a mount namespace: {e}"
    return ""


def need_names() -> None:
    if why := _why_not():
        pytest.skip(why)


class NameServer:
    """Answers A and AAAA over UDP from a table that tests may change at any time; other names do not exist."""

    def __init__(self) -> None:
        self.silent = False
        self.broken = False
        """SERVFAIL to everything."""
        self.questions: list[tuple[str, int]] = []
        self._table: dict[str, tuple[tuple[str, ...], int]] = {}
        self._stopping = threading.Event()
        self._socket = self._bind()
        self.address: str = self._socket.getsockname()[0]
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)
        self._thread.start()

    @staticmethod
    def _bind() -> socket.socket:
        for attempt in range(20):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                s.bind((f"127.{random.randint(16, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}", 53))
                return s
            except PermissionError:
                s.close()
                raise
            except OSError:
                s.close()
                if attempt == 19:
                    raise
        raise AssertionError("unreachable")

    def set(self, name: str, *addresses: str, ttl: int = 60) -> None:
        self._table[name] = (addresses, ttl)

    def remove(self, name: str) -> None:
        del self._table[name]

    def asked(self, name: str) -> int:
        """How often, A and AAAA together."""
        return sum(1 for n, _ in self.questions if n == name)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            ready, _, _ = poll.select([self._socket], [], [], 0.05)
            if not ready:
                continue
            query, peer = self._socket.recvfrom(2000)
            answer = self._answer(query)
            if answer and not self.silent:
                self._socket.sendto(answer, peer)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += query[at] + 1
        name = ".".join(labels).lower()
        kind = struct.unpack_from(">H", query, at + 1)[0]
        self.questions.append((name, kind))
        addresses, ttl = self._table.get(name, ((), 0))
        records = []
        for text in addresses:
            ip = ipaddress.ip_address(text)
            if kind == (A if ip.version == 4 else AAAA):
                records.append(struct.pack(">HHHIH", 0xC00C, kind, 1, ttl, len(ip.packed)) + ip.packed)
        code = 2 if self.broken else 0 if name in self._table else 3
        if self.broken:
            records = []
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return head + query[12:at + 5] + b"".join(records)

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._socket.close()

    def __enter__(self) -> "NameServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ProxyWithNames(Proxy):
    def __init__(self, names: NameServer, hosts: Any = None, *, hosts_file: str = "127.0.0.1 localhost\n", **keys: Any):
        super().__init__(hosts, **keys)
        self._resolv = self.folder / "resolv.conf"
        self._resolv.write_text(f"nameserver {names.address}\n", encoding="ascii")
        self._hosts = self.folder / "hosts"
        self._hosts.write_text(hosts_file, encoding="ascii")

    def command(self) -> list[str]:
        script = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'
        return [*_namespace(), "sh", "-c", script, "sh", str(self._resolv), str(self._hosts), *super().command()]
