"""Threats row 32 and defect 3: who gets at the API, and how nobody else does.

A proxy that listens for it on all addresses is called from loopback, from another address of this machine, through itself and by
pages in a browser of the same machine, which are told by what a browser adds to their requests.
"""

from __future__ import annotations

import json
from typing import Any, Iterator

import pytest

from support.addresses import outside
from support.client import Client
from support.deadline import wait_until
from support.origin import Origin
from support.pairs import PairClient
from support.ports import free_port
from support.proxy import Proxy, detected, document, route

KEY = "the-key-of-the-api"
DENIED = (403, None, "Access Denied !\n")


def shown(response: Any) -> tuple[int, str | None, str]:
    return response.status, response.get("content-type"), response.text()


@pytest.fixture(scope="module")
def keyed() -> Iterator[Proxy]:
    with Proxy({"a.test": {"/": route("127.0.0.1:1")}},
               main={"config_api_enabled": True, "master_key": KEY, "config_address": f"0.0.0.0:{free_port()}",
                     "config_host_names": ["Admin.test"], "threads": 2}) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def keyless() -> Iterator[Proxy]:
    with Proxy({"a.test": {"/": route("127.0.0.1:1")}},
               main={"config_api_enabled": True, "config_address": f"0.0.0.0:{free_port()}"}) as proxy:
        yield proxy


CALLS = [("POST", "/conf"), ("GET", "/status?live"), ("GET", "/status?all"), ("GET", "/status"), ("GET", "/metrics"), ("GET", "/"),
         ("GET", "/acme_create"), ("GET", "/acme_order/a.test"), ("GET", "/nothing"), ("PUT", "/conf")]


@pytest.mark.parametrize("method, target", CALLS)
def test_defect_3_nothing_is_open_to_others(keyed: Proxy, keyless: Proxy, method: str, target: str) -> None:
    for proxy in (keyed, keyless):
        assert shown(proxy.call(target, method=method, address=outside())) == DENIED
        assert shown(proxy.call(target, method=method, fields="X-Forwarded-For: 127.0.0.1\r\n")) == DENIED
        assert proxy.call(target, method=method).status != 403


def test_key_opens_in_each_of_its_places(keyed: Proxy) -> None:
    def ask(query: str = "", fields: str = "") -> Any:
        return keyed.call("/status?live" + query, address=outside(), fields=fields)
    assert ask(f"&key={KEY}").status == 200
    assert ask(f"&key={KEY.replace('-', '%2d')}").status == 200
    assert ask(fields=f"x-api-key: {KEY}\r\n").status == 200
    assert ask(fields=f"Authorization: Bearer {KEY}\r\n").status == 200
    for wrong in (KEY[:-1], KEY + "x", KEY.upper(), ""):
        assert shown(ask(f"&key={wrong}")) == DENIED
        assert shown(ask(fields=f"x-api-key: {wrong}\r\n")) == DENIED
        assert shown(ask(fields=f"Authorization: Bearer {wrong}\r\n")) == DENIED
    assert shown(ask(fields=f"Cookie: key={KEY}\r\n")) == DENIED
    pushed = keyed.push(document({"a.test": {"/": route("127.0.0.1:2")}}), f"?key={KEY}", address=outside())
    assert pushed.status == 200


def test_without_a_key_no_key_helps(keyless: Proxy) -> None:
    for query in ("&key=", "&key", "&key=x"):
        assert shown(keyless.call("/status?live" + query, address=outside())) == DENIED
    assert shown(keyless.call("/status?live", address=outside(), fields="x-api-key: \r\n")) == DENIED
    assert keyless.call("/jwt", method="POST", address=outside()).status == 403


def test_token_request_brings_the_key_in_its_body(keyed: Proxy) -> None:
    fields = "Content-Type: application/json\r\n"

    def ask(key: str) -> Any:
        body = json.dumps({"master_key": key, "owner": "o", "exp": 1}).encode()
        return keyed.call("/jwt", method="POST", address=outside(), fields=fields, body=body)
    assert ask(KEY).status == 201
    assert shown(ask("wrong")) == (403, "application/json", '{"token":"Unauthorised"}')


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "admin.test.evil.test"])
def test_rebinding_a_name_of_the_attacker_gets_nothing(keyed: Proxy, keyless: Proxy, host: str) -> None:
    for proxy in (keyed, keyless):
        for name in (host, f"{host}:{proxy.api_address[1]}"):
            assert shown(proxy.call("/status?live", host=name)) == DENIED
            assert shown(proxy.push(document({}), host=name)) == DENIED


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "[::1]", "127.0.0.1", "admin.test:80", "192.0.2.77"])
def test_hosts_that_nobody_else_can_point_here(keyed: Proxy, host: str) -> None:
    assert keyed.call("/status?live", host=host).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("fields", ["Origin: http://evil.test", "Origin: null", "Origin: http://127.0.0.1:1",
                                    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors", "Sec-Fetch-Site: same-site",
                                    "Origin: http://evil.test\r\nSec-Fetch-Site: same-origin"])
def test_pages_of_other_sites_change_nothing(keyless: Proxy, kind: str, fields: str) -> None:
    body = document({"a.test": {"/": {"redirect_to": "http://taken.over", "servers": []}}})
    assert shown(keyless.push(body, fields=f"{fields}\r\nContent-Type: {kind}\r\n")) == DENIED
    assert keyless.get("/").status == 502


def test_pages_of_other_sites_read_nothing(keyless: Proxy) -> None:
    for fields in ("Sec-Fetch-Site: cross-site\r\n", "Origin: http://evil.test\r\n"):
        assert shown(keyless.call("/status?live", fields=fields)) == DENIED
    answer = keyless.call("/status?live")
    assert answer.get("access-control-allow-origin") is None and answer.get("x-content-type-options") == "nosniff"


def test_preflight_allows_nothing(keyless: Proxy) -> None:
    answer = keyless.call("/conf", method="OPTIONS", fields="Origin: http://evil.test\r\nAccess-Control-Request-Method: POST\r\n")
    assert answer.status == 403 and not [n for n in answer.names() if n.startswith("access-control")]


# Through our own proxy.

CHALLENGE = "/.well-known/acme-challenge/"
TRICKS = ["/", "/conf", "/conf?save", "//conf", "/status?live", "/metrics", "/jwt", "/%63onf", "/./conf", "/x/../conf",
          CHALLENGE + "../../conf", CHALLENGE + "..%2f..%2fconf", CHALLENGE + "%2e%2e/%2e%2e/conf", CHALLENGE + "..\\..\\conf",
          CHALLENGE + "x/../../../status?live", CHALLENGE[:-1], "/.WELL-KNOWN/acme-challenge/x"]


@pytest.fixture(scope="module", params=["http", "h2c"])
def exposed(request: Any) -> Iterator[Proxy]:
    """The sample configuration of the original, which sends everything to the API."""
    port = free_port()
    hosts = {"DEFAULT": {"/": detected(f"{request.param}://127.0.0.1:{port}")}}
    with Proxy(hosts, main={"config_api_enabled": True, "master_key": KEY, "config_address": f"0.0.0.0:{port}"}) as proxy:
        yield proxy


def test_own_proxy_passes_challenges_alone(exposed: Proxy) -> None:
    assert "warning: servers: DEFAULT/ leads to config_address, the API" in exposed.stderr()
    assert shown(exposed.get(CHALLENGE + "token")) == (404, None, "Not found")
    for target in TRICKS:
        for method in ("GET", "POST"):
            response = exposed.get(target, method=method, fields=f"x-api-key: {KEY}\r\n")
            assert response.status in (400, 403, 404), target
            assert "backends" not in response.text() and "Accepted" not in response.text() and "token" not in response.text(), target
    absolute = f"GET http://a.test/status?live HTTP/1.1\r\nHost: a.test\r\nx-api-key: {KEY}\r\n\r\n"
    with exposed.client() as client:
        assert client.send(absolute).response().status == 403


def test_own_proxy_over_http2(exposed: Proxy) -> None:
    with PairClient("h2c", exposed.address) as client:
        assert client.request("GET", CHALLENGE + "token")[0].status == 404
        for target in ("/conf", "/status?live", CHALLENGE + "../../status?live"):
            assert client.request("GET", target, [("x-api-key", KEY)])[0].status == 403, target


@pytest.mark.parametrize("scheme", ["http", "h2c"])
def test_own_proxy_by_an_address_that_it_does_not_know_is_no_loopback(scheme: str) -> None:
    """A second proxy in between stands for a name that leads to the API in a way that cannot be seen beforehand."""
    with Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main={"config_api_enabled": True, "master_key": KEY}) as api:
        with Proxy({"DEFAULT": {"/": detected(f"{scheme}://127.0.0.1:{api.api_address[1]}")}}) as front:
            hop_by_hop = "Connection: close, X-Forwarded-For, X-Real-IP, X-Forwarded-Proto, X-Forwarded-Host\r\n"
            for fields in ("", "X-Forwarded-For: 127.0.0.1\r\n", hop_by_hop):
                assert shown(front.get("/status?live", host="localhost", fields=fields)) == DENIED, fields
            assert front.get(f"/status?live&key={KEY}", host="localhost").status == 200
            assert shown(front.get(CHALLENGE + "x", host="localhost")) == (404, None, "Not found")


def test_challenge_behind_the_route_that_leads_to_the_api_keeps_its_site(origin: Origin) -> None:
    """The way the manual of the original shows: the prefix goes to the API, the rest to the site."""
    port = free_port()
    hosts = {"a.test": {"/": route(origin), CHALLENGE[:-1]: detected(f"127.0.0.1:{port}")}}
    with Proxy(hosts, main={"config_address": f"127.0.0.1:{port}"}) as proxy:
        assert proxy.get("/x").status == 200
        assert shown(proxy.get(CHALLENGE + "token")) == (404, None, "Not found")
        assert proxy.get(CHALLENGE[:-1]).status == 403


def test_reload_warns_of_a_new_route_to_the_api(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        mark = proxy.log_mark()
        proxy.apply({"a.test": {"/": route(origin), "/api": detected(f"localhost:{proxy.api_address[1]}")}})
        proxy.wait_log(r"a\.test/api leads to config_address", mark)
        assert proxy.get("/api").status == 403


def test_guessing_is_slowed_down_and_hinders_no_local_caller(origin: Origin) -> None:
    main = {"master_key": KEY, "config_address": f"0.0.0.0:{free_port()}", "auth_failure_limit": 3, "threads": 2}
    fields = "Content-Type: application/json\r\n"
    body = json.dumps({"master_key": "guess", "owner": "o", "exp": 1}).encode()
    with Proxy({"a.test": {"/": route(origin)}}, main=main) as proxy:
        for i in range(2):
            assert proxy.call(f"/status?live&key=guess{i}", address=outside()).status == 403
            assert proxy.call("/jwt", method="POST", fields=fields, body=body, address=outside()).status == 403
        answer = proxy.call(f"/status?live&key={KEY}", address=outside())
        assert (answer.status, answer.body) == (429, b"") and 1 <= int(answer.get("retry-after")) <= 10
        assert proxy.call("/jwt", method="POST", fields=fields, body=body, address=outside()).status == 429
        proxy.wait_log("429 auth_throttled")
        for i in range(5):
            assert proxy.call("/status?live&key=guess", fields="X-Forwarded-For: 1.2.3.4\r\n").status in (403, 429)
        assert proxy.call("/status?live").status == 200, "what needs no key is not in its way"
        assert proxy.call(CHALLENGE + "x", address=outside()).status == 404


# What a caller can make it hold, and what it says.

def test_key_stands_in_no_log(keyed: Proxy) -> None:
    wrong = "almost-the-key"
    for target in (f"/status?live&key={KEY}", f"/nothing?key={KEY}", f"/nothing?%6bey={KEY}", f"/status?live&key={wrong}"):
        keyed.call(target, address=outside(), fields=f"x-api-key: {KEY}\r\nAuthorization: Bearer {KEY}\r\n")
        keyed.call(target, address=outside())
    keyed.wait_log("api_wrong_key")
    assert KEY not in keyed.log() and wrong not in keyed.log() and KEY not in keyed.stderr()


def test_refusals_have_reasons(keyed: Proxy, keyless: Proxy) -> None:
    keyed.call("/status?live", address=outside())
    keyed.wait_log("403 api_no_key")
    keyless.call("/status?live", address=outside())
    keyless.wait_log("403 api_not_local")
    keyless.call("/status?live", host="evil.test")
    keyless.wait_log("403 api_foreign_host")
    keyless.call("/status?live", fields="Origin: null\r\n")
    keyless.wait_log("403 api_foreign_site")


def test_body_of_a_stranger_is_not_kept(keyed: Proxy) -> None:
    with Client((outside(), keyed.api_address[1])) as client:
        client.send(f"POST /conf HTTP/1.1\r\nHost: {outside()}\r\nContent-Length: 2000000\r\n\r\n")
        assert client.response("POST").status == 403, "before the body"


def test_slow_and_broken_off_bodies_hold_nobody_up(keyed: Proxy) -> None:
    slow = [Client(keyed.api_address) for _ in range(20)]
    for client in slow:
        client.send("POST /conf HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\nprovider")
    assert keyed.call("/status?live").status == 200
    assert keyed.push(document({"a.test": {"/": route("127.0.0.1:3")}})).status == 200
    for client in slow:
        client.close()
    wait_until(lambda: keyed.call("/status?live").text().find('"port":3') > 0, "the push that came whole is live")


def test_client_that_goes_away_while_its_push_is_applied(keyed: Proxy) -> None:
    body = json.dumps(document({f"h{i}.test": {"/": route("127.0.0.1:4")} for i in range(500)})).encode()
    for _ in range(10):
        with Client(keyed.api_address) as client:
            client.send(b"POST /conf HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    wait_until(lambda: "h499.test" in keyed.call("/status?live").text(), "a push was applied all the same", 20)
