"""A real Prometheus that scrapes a proxy under test, and a reader of what it scrapes."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.parse
from typing import Any

from support.client import Client
from support.deadline import seconds, wait_until
from support.ports import free_port
from support.proxy import Proxy
from support.tools import need

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')


def api_address(proxy: Proxy) -> tuple[str, int]:
    host, _, port = str(proxy.main["config_address"]).rpartition(":")
    return host, int(port)


def scrape(proxy: Proxy, accept: str = "") -> Any:
    """The answer to GET /metrics."""
    with Client(api_address(proxy)) as client:
        return client.request("/metrics", host="127.0.0.1", fields=f"Accept: {accept}\r\n" if accept else "")


def samples(text: str) -> Samples:
    """By name and labels; fails on what is no sample."""
    found: Samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        m = _SAMPLE.match(line)
        assert m, line
        labels = tuple(_LABEL.findall(m[2] or ""))
        assert (m[1], labels) not in found, f"twice: {line}"
        found[m[1], labels] = float(m[3])
    return found


def value(proxy: Proxy, name: str, **labels: str) -> float | None:
    return samples(scrape(proxy).body.decode()).get((name, tuple(labels.items())))


class Prometheus:
    """Debian's Prometheus, scraping `proxy` five times a second."""

    def __init__(self, proxy: Proxy):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aralez-test-prometheus-"))
        self.port = free_port()
        config = {"scrape_configs": [{"job_name": "aralez", "scrape_interval": "200ms", "scrape_timeout": "200ms",
                                      "static_configs": [{"targets": [":".join(map(str, api_address(proxy)))]}]}]}
        (self.folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Prometheus":
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [need("prometheus"), f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        try:
            wait_until(self._up, "Prometheus scrapes", 30, pause=0.1)
        except AssertionError as e:
            said = (self.folder / "log").read_text()
            self.__exit__()
            raise AssertionError(f"{e}\n{said[-3000:]}") from None
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(seconds(10))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _up(self) -> bool:
        assert self.process and self.process.poll() is None, "Prometheus did not start"
        try:
            return any(r["value"][1] == "1" for r in self.query("up"))
        except (OSError, AssertionError, ValueError):
            return False

    def _get(self, path: str) -> Any:
        with Client(("127.0.0.1", self.port)) as client:
            answer = json.loads(client.request(path, host="127.0.0.1").body)
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Series of the result, now."""
        return self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))["result"]

    def target_error(self) -> str:
        """What was wrong with the last scrape."""
        targets = self._get("/api/v1/targets")["activeTargets"]
        return targets[0]["lastError"] if targets else ""
