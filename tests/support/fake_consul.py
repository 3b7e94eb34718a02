"""What a Consul shows of its HTTP API to those that look for services, for faults that a real one cannot be made to show."""

from __future__ import annotations

import json
import ssl
import urllib.parse
from typing import Any

from support.deadline import Deadline
from support.http1 import Request
from support.origin import Connection, Origin, Stopped, answer
from support.registry import FakeRegistry


def instance(server: str, *, checks: list[dict[str, str]] | None = None, **service: Any) -> dict[str, Any]:
    """One of /v1/health/service; `server` is host:port."""
    host, _, port = server.rpartition(":")
    place = {"Address": host, "Port": int(port)}
    return {"Node": {"Node": "n1", "Address": "192.0.2.1"},
            "Service": {"ID": server, "Service": "web", **place, "TaggedAddresses": {"lan_ipv4": place}, **service},
            "Checks": checks or [{"CheckID": f"service:{server}", "Status": "passing"}]}


class FakeConsul(FakeRegistry):
    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0):
        super().__init__(Origin("consul", tls=tls, port=port))
        self._index = 10
        self._services: dict[str, list[dict[str, Any]]] = {}

    @property
    def url(self) -> str:
        return f"http{'s' if self.origin.tls else ''}://{'localhost' if self.origin.tls else '127.0.0.1'}:{self.origin.port}"

    def set(self, service: str, *instances: dict[str, Any] | str) -> None:
        with self._changed:
            self._index += 1
            self._services[service] = [instance(i) if isinstance(i, str) else i for i in instances]
            self._changed.notify_all()
        self.origin.on(f"/v1/health/service/{urllib.parse.quote(service, safe='')}", lambda c, r: self._answer(service, c, r))

    def asked(self, service: str) -> list[Request]:
        return self.origin.seen(f"/v1/health/service/{service}")

    def _answer(self, service: str, conn: Connection, request: Request) -> None:
        query = urllib.parse.parse_qs(request.target.partition("?")[2])
        index = int(query.get("index", ["0"])[0])
        end = Deadline(float(query.get("wait", ["0ms"])[0].removesuffix("ms")) / 1000)
        with self._changed:
            while index == self._index and not end.over() and self.fault is None:
                if self.origin.stopping.is_set():
                    raise Stopped
                self._changed.wait(0.05)
            fault = self.fault
            body, now = json.dumps(self._services[service]), self._index
        if fault:
            fault(conn, request)
        else:
            conn.send(answer(body, fields=f"Content-Type: application/json\r\nX-Consul-Index: {now}\r\n"))
