"""A name server for the proxy under test, which has a resolv.conf and a hosts file of its own.

    with NameServer() as names, ProxyWithNames(names, {"a.test": {"/": route("b.test:80")}}) as proxy:
        names.set("b.test", "127.0.0.2", ttl=1)

c-ares reads both files from /etc and knows no port but 53, so a small library (names_preload.cc) is loaded into the proxy that
gives it others. That needs neither rights nor namespaces, only a compiler.
"""

from __future__ import annotations

import atexit
import functools
import ipaddress
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from typing import Any

import pytest

from support import poll
from support.proxy import BINARY, Proxy

A, AAAA = 1, 28


@functools.cache
def _preload() -> str:
    """For LD_PRELOAD: the library, behind the run-time of a sanitizer, which has to be the first."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if not compiler:
        pytest.fail("the tests of names need a C++ compiler: apt-get install g++, or make setup", pytrace=False)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aralez-test-names-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / "names_preload.so"
    source = pathlib.Path(__file__).with_name("names_preload.cc")
    done = subprocess.run([compiler, "-std=c++20", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    linked = subprocess.run(["ldd", str(BINARY)], capture_output=True, text=True, timeout=30, check=True).stdout
    return " ".join([*re.findall(r"=> (\S*/lib[at]san\S*)", linked), str(library)])


class NameServer:
    """Answers A and AAAA over UDP from a table that tests may change at any time; other names do not exist."""

    def __init__(self) -> None:
        self.silent = False
        self.broken = False
        """SERVFAIL to everything."""
        self.questions: list[tuple[str, int]] = []
        self._table: dict[str, tuple[tuple[str, ...], int]] = {}
        self._stopping = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address, self.port = self._socket.getsockname()
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)
        self._thread.start()

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
        resolv = self.folder / "resolv.conf"
        resolv.write_text(f"nameserver {names.address}\n", encoding="ascii")
        hosts_path = self.folder / "hosts"
        hosts_path.write_text(hosts_file, encoding="ascii")
        self.env |= {"LD_PRELOAD": _preload(), "TEST_RESOLV_CONF": str(resolv), "TEST_HOSTS": str(hosts_path),
                     "TEST_NAME_PORT": str(names.port)}
