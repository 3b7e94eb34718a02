"""Every answer of responses.yaml from an upstream behind the real proxy: README.md says what the fields mean."""

from __future__ import annotations

import threading
from typing import Any, Iterator

import pytest

from support import corpus
from support.client import Client
from support.deadline import wait_until
from support.http1 import Closed, Request, Response, Truncated
from support.origin import Connection, Origin
from support.proxy import Proxy, route

CASES = corpus.load("responses.yaml", "answer", {
    "method": "GET", "version": "1.1", "asks": "", "body": "", "then": "keep", "hold": False, "late": "",
    "pipelined": False, "client": 502, "upstream": "closed", "sees": {}})


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Proxy, Origin]]:
    with Origin() as origin, Proxy({"a.test": {"/": route(origin)}}) as proxy:
        yield proxy, origin
        origin.check()


class Script:
    """What the origin does with the request of one case."""

    def __init__(self, case: dict[str, Any]):
        self.case = case
        self.client_has_it = threading.Event()

    def __call__(self, conn: Connection, _: Request) -> None:
        conn.send(corpus.raw(self.case["answer"]))
        if self.case["hold"] or self.case["late"]:
            conn.hold(self.client_has_it)
            conn.send(corpus.raw(self.case["late"]))
        if self.case["then"] == "close":
            conn.close()
        elif self.case["then"] == "reset":
            conn.reset()


def read(client: Client, case: dict[str, Any], script: Script) -> Response | None:
    """The answer; None when the connection ended before the answer did."""
    put = (lambda _: script.client_has_it.set()) if case["hold"] else None
    try:
        return client.response(case["method"], sink=put)
    except (Closed, Truncated, ConnectionError):
        return None


def check_answer(got: Response | None, case: dict[str, Any]) -> None:
    outcome = str(got.status) if got else "cut"
    assert outcome in corpus.allowed(case["client"])
    if not got:
        return
    sees = case["sees"]
    if "interim" in sees:
        assert [i.status for i in got.interim] == sees["interim"]
    if "body" in sees:
        assert got.body == corpus.raw(sees["body"])
    if "reason" in sees:
        assert got.reason == sees["reason"]
    for name, value in sees.get("fields", {}).items():
        assert got.get(name) == value
    for name in sees.get("absent", []):
        assert not got.get_all(name)
    if "trailers" in sees:
        assert [f"{n}: {v}" for n, v in got.trailers] == sees["trailers"]


def check_next(got: Response, path: str) -> None:
    assert (got.status, got.text()) == (200, f"origin GET {path}"), "the next request got another answer"


@pytest.mark.parametrize("name", CASES)
def test_response(world: tuple[Proxy, Origin], name: str) -> None:
    proxy, origin = world
    case = CASES[name]
    path, after = f"/case/{name}", f"/next/{name}"
    script = Script(case)
    origin.on(path, script)
    follow_up = f"GET {after} HTTP/1.1\r\nHost: a.test\r\n\r\n" if case["pipelined"] else ""
    with proxy.client() as client:
        client.reader.record = True
        client.send(f"{case['method']} {path} HTTP/{case['version']}\r\nHost: a.test\r\n{case['asks']}\r\n"
                    f"{case['body']}{follow_up}")
        got = read(client, case, script)
        check_answer(got, case)
        script.client_has_it.set()
        if case["pipelined"]:
            check_next(client.response(), after)
        assert b"smuggled" not in client.reader.seen
    connection = origin.connections[origin.seen(path)[-1].connection]
    if case["upstream"] == "closed":
        wait_until(connection.ended.is_set, "the upstream connection is closed")
    if not case["pipelined"]:
        check_next(proxy.get(after), after)
    reused = origin.seen(after)[-1].connection == connection.number
    assert reused == (case["upstream"] == "reused"), "which upstream connection the next request took"


def test_corpus_has_its_size() -> None:
    assert len(CASES) >= 60
