"""Every request of requests.yaml against the real proxy: README.md says what the fields mean."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any, Iterator

import pytest

from support import corpus
from support.client import Client
from support.deadline import wait_until
from support.http1 import Closed, Request, Response
from support.origin import Origin
from support.proxy import Proxy, route

CASES = corpus.load("requests.yaml", "send", {
    "status": 400, "answers": None, "connection": "closed", "upstream": 0, "half_close": False, "sees": {}})
PROBES = ("/fresh", "/kept")


@dataclasses.dataclass
class World:
    proxy: Proxy
    origins: dict[str, Origin]
    looked: dict[str, int]
    """How many requests of each origin belong to earlier cases."""

    def fresh(self) -> list[tuple[str, Request]]:
        """What the origins were sent since the last call, without the probes."""
        out = []
        for name, origin in self.origins.items():
            seen = origin.requests[self.looked[name]:]
            self.looked[name] += len(seen)
            out += [(name, r) for r in seen if r.path not in PROBES]
        return out

    def quiet(self) -> bool:
        return all(o.quiet() for o in self.origins.values())

    def check_origins(self) -> None:
        for origin in self.origins.values():
            origin.check()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        origins = {name: stack.enter_context(Origin(name)) for name in ("root", "admin", "default")}
        proxy = stack.enter_context(Proxy({
            "a.test": {"/": route(origins["root"]), "/admin": route(origins["admin"])},
            "redirect.test": {"/": route(origins["root"], redirect_to="http://elsewhere.test")},
            "nowhere.test": {"/only-here": route(origins["root"])},
            "DEFAULT": {"/": route(origins["default"])},
        }))
        w = World(proxy, origins, {name: 0 for name in origins})
        yield w
        assert not w.fresh(), "requests that came after their case"
        w.check_origins()


def read_answers(client: Client, case: dict[str, Any]) -> list[str]:
    """Statuses of the answers; `none` for a connection that ends instead."""
    out: list[str] = []
    for _ in case["answers"] or [case["status"]]:
        try:
            out.append(str(client.response().status))
        except (Closed, ConnectionError):
            out.append("none")
    return out


def check_connection(client: Client, expected: str) -> None:
    """`kept` connections take another request; of the others, none may answer more than was asked."""
    if expected == "closed":
        client.wait_closed()
        return
    try:
        probe: Response | None = client.request("/kept")
    except (Closed, ConnectionError):
        probe = None
    if probe is None:
        assert expected == "any", "the connection was closed"
    else:
        assert (probe.status, probe.text()) == (200, "root GET /kept")


def check_seen(world: World, seen: list[tuple[str, Request]], case: dict[str, Any]) -> None:
    expected = case["upstream"]
    if expected == "broken":
        for name, r in seen:
            wait_until(world.origins[name].connections[r.connection].ended.is_set, "the broken request is cut off")
        assert not [r for _, r in seen if r.complete], "the broken request reached the origin as a whole one"
    elif expected != "any":
        assert len(seen) == expected, f"reached an origin: {[r.raw_head for _, r in seen]}"
    wanted_origin = case["sees"].get("origin")
    for name, r in seen:
        assert name == (wanted_origin or "root"), f"reached the origin {name}: {r.raw_head!r}"
        assert len(r.get_all("host")) == 1
        assert not {"connection", "te", "keep-alive", "proxy-connection"} & {*r.names()} or r.get("upgrade")
    for _, r in seen[:1]:
        check_first(r, case["sees"])


def check_first(r: Request, sees: dict[str, Any]) -> None:
    for what in ("method", "target"):
        assert getattr(r, what) == sees.get(what, getattr(r, what))
    if "body" in sees:
        assert r.body == corpus.raw(sees["body"])
    for name, value in sees.get("fields", {}).items():
        assert r.get(name) == value
    for name in sees.get("absent", []):
        assert not r.get_all(name)
    if "lacks" in sees:
        assert sees["lacks"].encode() not in r.raw_head
    if "trailers" in sees:
        assert [f"{n}: {v}" for n, v in r.trailers] == sees["trailers"]


def run(world: World, case: dict[str, Any]) -> None:
    with world.proxy.client() as client:
        client.send_what_is_taken(corpus.raw(case["send"]))
        if case["half_close"]:
            client.half_close()
        got = read_answers(client, case)
        for status, wanted in zip(got, case["answers"] or [case["status"]], strict=True):
            assert status in corpus.allowed(wanted), f"answers {got}"
        check_connection(client, case["connection"] if got[-1] != "none" else "closed")
    probe = world.proxy.get("/fresh")
    assert (probe.status, probe.text()) == (200, "root GET /fresh")


@pytest.mark.parametrize("name", CASES)
def test_request(world: World, name: str) -> None:
    try:
        run(world, CASES[name])
    finally:
        wait_until(world.quiet, "the origins have read all they were sent", pause=0.001)
        seen = world.fresh()  # also of a failed case, so that the next one is not blamed
    check_seen(world, seen, CASES[name])
    world.check_origins()


def test_corpus_has_its_size() -> None:
    assert len(CASES) >= 200
