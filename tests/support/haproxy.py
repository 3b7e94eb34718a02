"""A real HAProxy in front of the proxy under test."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile

from support.client import Client
from support.deadline import wait_until
from support.ports import free_port
from support.tools import need


class HAProxy:
    """`frontends`: name to the lines of a `listen` section in mode tcp, without its bind. Each gets a port."""

    def __init__(self, frontends: dict[str, str]):
        self.program = need("haproxy")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aralez-test-haproxy-"))
        self.ports = {name: free_port() for name in frontends}
        sections = [f"listen {name}\n  mode tcp\n  bind 127.0.0.1:{self.ports[name]}\n" +
                    "".join(f"  {line}\n" for line in lines.strip().splitlines()) for name, lines in frontends.items()]
        (self.folder / "haproxy.cfg").write_text(
            "global\n  maxconn 200\ndefaults\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n" + "".join(sections))
        self.process: subprocess.Popen[bytes] | None = None

    def address(self, name: str) -> tuple[str, int]:
        return ("127.0.0.1", self.ports[name])

    def __enter__(self) -> "HAProxy":
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([self.program, "-db", "-f", str(self.folder / "haproxy.cfg")], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        for name in self.ports:
            wait_until(lambda name=name: self._listening(name), f"haproxy listens for {name}")
        return self

    def _listening(self, name: str) -> bool:
        assert self.process and self.process.poll() is None, (self.folder / "log").read_text()
        try:
            Client(self.address(name)).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
