"""A client of HTTP APIs that speak JSON."""

from __future__ import annotations

import json
import ssl
from typing import Any

from support.client import Client
from support.http1 import Response


class Refused(AssertionError):
    """The answer was an error."""

    def __init__(self, response: Response, what: str):
        super().__init__(f"{what}: {response.status} {response.text()[:500]}")
        self.status = response.status


def ask(port: int, target: str, *, method: str = "GET", body: Any = None, tls: ssl.SSLContext | None = None,
        **fields: str) -> Response:
    """One request to a server on this machine, on a connection of its own; `_` in the name of a field is `-`."""
    data = b"" if body is None else json.dumps(body).encode()
    fields.setdefault("content_type", "application/json")
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    with Client(("127.0.0.1", port), tls=tls, name="127.0.0.1" if tls else None) as client:
        return client.request(target, host=f"127.0.0.1:{port}", method=method, fields=lines, body=data)


def value_of(response: Response, what: str) -> Any:
    """What a good answer says; nothing when it is no JSON."""
    if not 200 <= response.status < 300:
        raise Refused(response, what)
    return json.loads(response.body) if (response.get("content-type") or "").startswith("application/json") else None
