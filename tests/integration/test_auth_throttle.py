"""Failed authorization is throttled before it costs anything: issue 6 point 2, behaviour section 3.3.

127.0.0.3 is a trusted proxy, so that a test can be any client; each test is one of its own.
"""

from __future__ import annotations

import base64
import itertools
from typing import Any, Iterator

import pytest

from support.client import Client
from support.deadline import wait_until
from support.origin import Origin
from support.prometheus import samples, scrape
from support.proxy import Proxy, document, route

FRONT = "127.0.0.3"
BASIC = {"type": "basic", "data": "ops:s3cret"}
_numbers = itertools.count(1)


class Asker:
    def __init__(self, proxy: Proxy):
        self.ip = f"192.0.2.{next(_numbers)}"
        self.client = Client(proxy.address, source=FRONT)

    def __call__(self, password: str | None, target: str = "/locked", host: str = "a.test", fields: str = "", **keys: Any) -> int:
        login = "" if password is None else f"Authorization: Basic {base64.b64encode(f'ops:{password}'.encode()).decode()}\r\n"
        self.last = self.client.request(target, host=host, fields=f"X-Forwarded-For: {self.ip}\r\n{login}{fields}", **keys)
        return self.last.status


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Proxy, Origin]]:
    with Origin() as origin:
        hosts = {host: {"/": route(origin), "/locked": route(origin, authorization=BASIC), "/key": route(
            origin, authorization={"type": "apikey", "data": "k" * 20}),
            "/rated": route(origin, authorization=BASIC, rate_limit=0)}
            for host in ("a.test", "b.test")}
        upstreams = document(hosts)
        upstreams["upstreams"]["errors.test"] = {"x4xx_limit": 1, "paths": {"/locked": route(origin, authorization=BASIC)}}
        with Proxy(upstreams=upstreams, main={"trusted_proxies": [FRONT], "auth_failure_limit": 3, "log_level": "info"}) as proxy:
            yield proxy, origin
        origin.check()


@pytest.fixture
def ask(world) -> Iterator[Asker]:
    asker = Asker(world[0])
    yield asker
    asker.client.close()


def test_guesses_are_refused_after_the_limit_and_so_is_the_right_one(world, ask: Asker) -> None:
    assert [ask(f"guess{i}") for i in range(6)] == [401] * 4 + [429] * 2
    assert ask("s3cret") == 429
    assert 1 <= int(ask.last.get("retry-after")) <= 10
    assert ask.last.body == b"" and ask.last.get("www-authenticate") is None
    world[0].wait_log(f"429 auth_throttled: too many failed authorizations of this client, GET /locked host a.test client {ask.ip}")
    assert ask(None, "/") == 200, "what is not protected is not refused"
    assert ask("s3cret", host="b.test") == 200, "hosts count apart"
    assert Asker(world[0])("s3cret") == 200, "and so do clients"


def test_all_protected_routes_of_a_host_count_together(ask: Asker) -> None:
    assert [ask("guess", target) for target in ("/locked", "/locked/x", "/rated")] == [401] * 3
    assert ask(None, "/key", fields="x-api-key: guess\r\n") == 401
    assert ask("s3cret") == 429
    assert ask(None, "/key", fields=f"x-api-key: {'k' * 20}\r\n") == 429


def test_who_is_let_in_or_brings_nothing_is_not_counted(ask: Asker) -> None:
    assert [ask("s3cret") for _ in range(10)] == [200] * 10
    assert [ask(None) for _ in range(10)] == [401] * 10
    assert ask("s3cret") == 200


def test_grpc_clients_are_counted_as_well(ask: Asker) -> None:
    for _ in range(4):
        assert ask("guess", method="POST", body=b"\0" * 5, fields="Content-Type: application/grpc\r\n") == 200
        assert ask.last.get("grpc-status") == "16"
    assert ask("s3cret") == 429


def test_spellings_of_the_host_do_not_help(ask: Asker) -> None:
    assert [ask("guess", host=host) for host in ("a.test", "A.test", "a.test.", "a.test:80", "a.test")] == [401] * 4 + [429]


def test_rate_limit_comes_behind_authorization(world, ask: Asker) -> None:
    assert ask("guess", "/rated") == 401
    assert ask("s3cret", "/rated") == 429
    assert ask.last.get("ratelimit-policy") == '"rate";q=0;w=1'


def test_defect_20_errors_of_authorization_are_limited_before_it_runs(ask: Asker) -> None:
    statuses = [ask(None, host="errors.test") for _ in range(8)]
    assert statuses[:2] == [401, 401] and statuses[-1] == 429, statuses
    assert ask("s3cret", host="errors.test") == 429


def test_limit_is_20_and_0_is_none(origin: Origin) -> None:
    hosts = {"a.test": {"/locked": route(origin, authorization=BASIC)}}
    for keys, expected in (({}, [401] * 21 + [429] * 4), ({"auth_failure_limit": 0}, [401] * 25)):
        with Proxy(hosts, main={"trusted_proxies": [FRONT], **keys}) as proxy:
            ask = Asker(proxy)
            assert [ask("guess") for _ in range(25)] == expected
            ask.client.close()


def test_counts_outlive_a_reload(origin: Origin) -> None:
    hosts = {"a.test": {"/locked": route(origin, authorization=BASIC)}}
    with Proxy(hosts, main={"trusted_proxies": [FRONT], "auth_failure_limit": 1}) as proxy:
        ask = Asker(proxy)
        assert wait_until(lambda: ask("guess") == 429, "refused", pause=0)
        hosts["a.test"]["/locked"]["authorization"] = {"type": "basic", "data": "ops:other"}
        proxy.apply(hosts)
        assert ask("other") == 429
        ask.client.close()


def test_metrics_say_which_limit_was_hit(origin: Origin) -> None:
    upstreams = document({"a.test": {"/none": route(origin, rate_limit=0), "/errors": route(origin, authorization=BASIC, x4xx_limit=0),
                                     "/locked": route(origin, authorization=BASIC)}})
    with Proxy(upstreams=upstreams, main={"trusted_proxies": [FRONT], "auth_failure_limit": 1}) as proxy:
        ask = Asker(proxy)
        assert [ask(None, "/none") for _ in range(3)] == [429] * 3
        assert wait_until(lambda: ask(None, "/errors") == 429, "refused", pause=0)
        assert [ask("guess") for _ in range(4)] == [401, 401, 429, 429]
        page = scrape(proxy)
        assert page.status == 200, page
        found = samples(page.text())
        for reason, times in (("rate_limited", 3), ("x4xx_limited", 1), ("auth_throttled", 2)):
            assert found["aralez_local_replies_total", (("reason", reason),)] == times, reason
        ask.client.close()
