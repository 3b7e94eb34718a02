"""What tests of discovery share: a registry that can be made to fail, and what a proxy answers."""

from __future__ import annotations

import threading
from typing import Any, Callable, Self

from support.deadline import wait_until
from support.http1 import Request
from support.origin import Connection, Origin
from support.proxy import Proxy

Fault = Callable[[Connection, Request], object]


class FakeRegistry:
    """Changes wake requests that wait for one."""

    def __init__(self, origin: Origin):
        self.origin = origin
        self.fault: Fault | None = None
        """In place of every answer."""
        self._changed = threading.Condition()

    def break_with(self, fault: Fault | None) -> None:
        """Also for requests that wait."""
        with self._changed:
            self.fault = fault
            self._changed.notify_all()

    def close(self) -> None:
        if not self.origin.stopping.is_set():
            self.origin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.origin.check()


def body(proxy: Proxy, target: str = "/", host: str = "a.test") -> str:
    """Of an answer with 200, else its status."""
    response = proxy.get(target, host=host)
    return response.text() if response.status == 200 else str(response.status)


def wait_body(proxy: Proxy, text: str, **keys: Any) -> None:
    wait_until(lambda: text in body(proxy, **keys), f"answer with {text!r}")
