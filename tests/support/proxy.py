"""The proxy under test: the real binary with generated files on free ports.

    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        assert proxy.client().request("/x").status == 200

Leaving the block ends the process and fails when it did not end cleanly or a sanitizer had something to say.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
from typing import Any

from support.client import Client
from support.deadline import seconds, wait_until
from support.origin import Origin
from support.ports import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("ARALEZ_BIN", "build/release/aralez"))
if not BINARY.is_absolute():
    BINARY = ROOT / BINARY

Hosts = dict[str, dict[str, dict[str, Any]]]

_SANITIZER = re.compile(r"^.*(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed|"
                        r"terminate called).*$", re.MULTILINE)
live: list["Proxy"] = []
"""Running ones, for the report of a failed test."""


@functools.cache
def _symbols() -> bytes:
    return BINARY.read_bytes()


def has_asan() -> bool:
    return b"__asan_init" in _symbols()


def has_tsan() -> bool:
    return b"__tsan_init" in _symbols()


def instrumented() -> bool:
    """Built with a sanitizer, so neither its memory nor its system calls are those of a release."""
    return has_asan() or has_tsan()


def detected(*servers: Origin | str, **keys: Any) -> dict[str, Any]:
    """A path block whose servers are as they are written: without a scheme, their protocol is found out."""
    return {"servers": [s if isinstance(s, str) else s.server for s in servers], "healthcheck": False, **keys}


def route(*servers: Origin | str, **keys: Any) -> dict[str, Any]:
    """The same with plain HTTP/1.1 where nothing else is written, so scripted origins see the test's requests only."""
    block = detected(*servers, **keys)
    block["servers"] = [s if "://" in s else f"http://{s}" for s in block["servers"]]
    return block


def document(hosts: Hosts, **globals_: Any) -> dict[str, Any]:
    """upstreams.yaml as data."""
    return {"provider": "file", **globals_, "upstreams": {h: {"paths": paths} for h, paths in hosts.items()}}


def as_text(content: dict[str, Any] | str) -> str:
    """JSON is YAML; one key per line keeps line numbers meaningful."""
    return content if isinstance(content, str) else json.dumps(content, indent=1) + "\n"


class Proxy:
    def __init__(self, hosts: Hosts | None = None, *, main: dict[str, Any] | None = None, upstreams: Any = None,
                 globals_: dict[str, Any] | None = None, env: dict[str, str] | None = None, address: str = "127.0.0.1"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aralez-test-"))
        self.config = self.folder / "config"
        self.config.mkdir()
        self.upstreams_file = self.config / "upstreams.yaml"
        self.port = free_port()
        self.host = address
        self.address = (address, self.port)
        shown = f"[{address}]" if ":" in address else address
        self.main: dict[str, Any] = {
            "threads": 1,
            "proxy_address_http": f"{shown}:{self.port}",
            "config_address": f"127.0.0.1:{free_port()}",
            "config_api_enabled": False,
            "upstreams_conf": str(self.upstreams_file),
            "hc_method": "HEAD",
            "hc_interval": 60,
            "log_level": "debug",
            "pid_file": str(self.folder / "pid"),
            "upgrade_sock": str(self.folder / "upgrade.sock"),
            "proxy_configs": str(self.config),
            "acme_directory": "https://127.0.0.1:1/nobody-is-there",
            "grace_period_seconds": 5,
            **(main or {}),
        }
        self.main = {k: v for k, v in self.main.items() if v is not None}
        self.env = {**os.environ, "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1",
                    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99", **(env or {})}
        self.stdout: int | None = None
        """A descriptor for standard output instead of a file; log() is empty then."""
        self.generation = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._first = upstreams if upstreams is not None else document(hosts or {}, **(globals_ or {}))

    # Files.

    def write_upstreams(self, content: Any) -> None:
        """An ordinary save: the file is opened, cut to nothing and written."""
        self.upstreams_file.write_text(as_text(content), encoding="utf-8")

    def replace_upstreams(self, content: Any) -> None:
        """The save of a careful editor: a new file moved over the old one."""
        other = self.config / ".upstreams.yaml.new"
        other.write_text(as_text(content), encoding="utf-8")
        other.replace(self.upstreams_file)

    def marked(self, hosts: Hosts, **globals_: Any) -> dict[str, Any]:
        """A document that shows through the proxy when it has been applied; see wait_applied."""
        self.generation += 1
        marker = {"redirect_to": f"http://generation-{self.generation}", "servers": ["127.0.0.1:1"], "healthcheck": False}
        return document({**hosts, "generation.marker": {"/": marker}}, **globals_)

    def shown_generation(self) -> int:
        """The marker of the configuration that a new connection meets."""
        with self.client() as client:
            location = client.request("/", host="generation.marker").get("location") or ""
        m = re.match(r"http://generation-(\d+)", location)
        return int(m[1]) if m else 0

    def wait_applied(self, deadline: float = 10.0, looks: int = 1) -> None:
        """Until `looks` new connections in a row meet the newest marked document."""
        wait_until(lambda: all(self.shown_generation() == self.generation for _ in range(looks)),
                   f"configuration generation {self.generation} applied", deadline)

    def apply(self, hosts: Hosts, **globals_: Any) -> None:
        self.write_upstreams(self.marked(hosts, **globals_))
        self.wait_applied()

    # The process.

    def command(self) -> list[str]:
        return [str(BINARY), "-c", str(self.folder / "main.yaml")]

    def prepare(self) -> "Proxy":
        """Writes the files without starting anything."""
        (self.folder / "main.yaml").write_text(as_text(self.main), encoding="utf-8")
        if self._first is not False:
            self.write_upstreams(self._first)
        return self

    def start(self, ready: bool = True) -> "Proxy":
        if not BINARY.exists():
            raise AssertionError(f"no binary at {BINARY}: build it or set ARALEZ_BIN")
        self.prepare()
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=err,
                                            stdout=out if self.stdout is None else self.stdout,
                                            env=self.env, cwd=self.folder)
        live.append(self)
        if ready:
            wait_until(self._listening, f"listening on {self.address}", 15)
        return self

    def _listening(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode} instead of starting\n{self.output()}")
        try:
            Client(self.address).close()
            Client(self.api_address).close()  # the last listener that is opened
            return True
        except OSError:
            return False

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def wait_exit(self, deadline: float = 15.0) -> int:
        assert self.process
        try:
            return self.process.wait(seconds(deadline))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds(deadline)} s") from None

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ends the process and checks that it ended well."""
        if self.alive():
            self.send_signal(number)
        code = self.wait_exit()
        reports = _SANITIZER.findall(self.stderr() + self.log())
        assert not reports, f"reported: {reports[0]}\n{self.stderr()[-6000:]}"
        assert code == 0, f"exit status {code}\n{self.output()}"

    def close(self) -> None:
        """Ends the process whatever its state."""
        if self.alive():
            assert self.process
            self.process.kill()
            self.process.wait()
        if self in live:
            live.remove(self)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Proxy":
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if self.process is not None:
                try:
                    self.stop()
                except AssertionError:
                    if kind is None:  # do not hide the first failure behind a second one
                        raise
        finally:
            self.close()

    # What it shows.

    def client(self, **keys: Any) -> Client:
        return Client(self.address, **keys)

    def get(self, target: str = "/", **keys: Any) -> Any:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.request(target, **keys)

    @property
    def api_address(self) -> tuple[str, int]:
        host, _, port = self.main["config_address"].rpartition(":")
        return host.strip("[]").replace("0.0.0.0", "127.0.0.1"), int(port)

    def call(self, target: str, *, method: str = "GET", address: str | None = None, host: str | None = None, **keys: Any) -> Any:
        """One request to the API on a connection of its own; `address`: that of this machine it is called at."""
        to = (address or self.api_address[0], self.api_address[1])
        with Client(to) as client:
            return client.request(target, method=method, host=host or f"{to[0]}:{to[1]}", **keys)

    def push(self, document_: dict[str, Any] | str, query: str = "", **keys: Any) -> Any:
        """`POST /conf`."""
        return self.call("/conf" + query, method="POST", body=as_text(document_).encode(), **keys)

    def log(self) -> str:
        """The server log so far."""
        path = pathlib.Path(self.main["log_file"]) if "log_file" in self.main else self.folder / "stdout"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def stderr(self) -> str:
        path = self.folder / "stderr"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def output(self) -> str:
        return f"--- log\n{self.log()[-6000:]}\n--- stderr\n{self.stderr()[-6000:]}"

    def log_mark(self) -> int:
        return len(self.log())

    def wait_log(self, pattern: str, since: int = 0, deadline: float = 10.0) -> re.Match[str]:
        return wait_until(lambda: re.search(pattern, self.log()[since:], re.MULTILINE), f"log line {pattern!r}", deadline)

    def rss_bytes(self) -> int:
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))
