"""Behaviour sections 8.4 and 12: every method, path, status and body of the API, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import threading
import time
from typing import Any, Iterator

import pytest

from support.client import Client
from support.deadline import wait_until
from support.origin import Origin
from support.pairs import PairClient
from support.proxy import Proxy, document, route

KEY = "k" * 20


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with Proxy({"shop.test": {"/": {"servers": ["10.1.0.11:8080"], "healthcheck": False}}},
               main={"config_api_enabled": True, "master_key": KEY}) as p:
        yield p


def shown(response: Any) -> tuple[int, str | None, str]:
    return response.status, response.get("content-type"), response.text()


# Paths and methods.

TEXT = [
    ("GET", "/status", 500, None, "Parameter mismatch"),
    ("GET", "/status?alive", 500, None, "Parameter mismatch"),
    ("GET", "/nothing", 404, None, ""),
    ("GET", "/conf/", 404, None, ""),
    ("POST", "/conf/", 404, None, ""),
    ("GET", "/status/?live", 404, None, ""),
    ("GET", "/%73tatus?live", 404, None, ""),
    ("GET", "/acme_order", 404, None, ""),
    ("GET", "/acme_order/", 404, None, ""),
    ("GET", "/.well-known/acme-challenge/", 404, None, ""),
    ("GET", "/.well-known/acme-challenge/token", 404, None, "Not found"),
    ("POST", "/.well-known/acme-challenge/token", 404, None, "Not found"),
    ("GET", "/acme_order//", 404, None, ""),
    ("DELETE", "/acme_order/..%2Fx", 500, None, 'Failed to order a certificate: "..%2Fx" is no host name; '
     "certificates are ordered for names such as www.example.com\n"),
]


@pytest.mark.parametrize("method, target, status, kind, body", TEXT)
def test_texts(proxy: Proxy, method: str, target: str, status: int, kind: str | None, body: str) -> None:
    response = proxy.call(target, method=method)
    assert shown(response) == (status, kind, body)
    assert response.get("content-length") == str(len(body))


@pytest.mark.parametrize("method, target, what", [("GET", "/acme_create", "create account"), ("POST", "/acme_create", "create account"),
                                                  ("DELETE", "/acme_order/a.test", "order a certificate")])
def test_an_authority_that_cannot_be_reached(proxy: Proxy, method: str, target: str, what: str) -> None:
    """What it says when it can is in test_acme."""
    response = proxy.call(target, method=method)
    assert shown(response)[:2] == (500, None)
    assert response.text().startswith(f"Failed to {what}: {proxy.main['acme_directory']}: ") and response.text().endswith("\n")


@pytest.mark.parametrize("path, allow", [("/conf", "POST"), ("/jwt", "POST"), ("/metrics", "GET,HEAD"), ("/status", "GET,HEAD"),
                                         ("/", "GET,HEAD")])
def test_other_methods_are_told_which_there_are(proxy: Proxy, path: str, allow: str) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"} - set(allow.split(",")):
        response = proxy.call(path, method=method)
        assert shown(response) == (405, None, ""), method
        assert response.get("allow") == allow


LIVE = '{"shop.test":{"/":{"backends":[{"address":"10.1.0.11","alive":true,"port":8080}]}}}'
ALL = ('{"shop.test":{"/":{"backends":[{"address":"10.1.0.11","port":8080,"is_ssl":false,"is_http2":false,"to_https":false,'
       '"rate_limit":null,"x4xx_limit":null,"healthcheck":false}],"requests":0}}}')


@pytest.mark.parametrize("query, body", [("live", LIVE), ("live=0", LIVE), ("all&live", LIVE), ("all", ALL), ("x=1&all=", ALL)])
def test_status(proxy: Proxy, query: str, body: str) -> None:
    assert shown(proxy.call(f"/status?{query}")) == (200, "application/json", body)
    assert shown(proxy.call(f"/staus?{query}")) == (200, "application/json", body), "as the manual of the original spells it"
    head = proxy.call(f"/status?{query}", method="HEAD")
    assert (head.status, head.get("content-length"), head.body) == (200, str(len(body)), b"")


def test_status_tells_who_is_alive(origin: Origin) -> None:
    servers = [origin.server, "127.0.0.1:1"]
    with Proxy({"a.test": {"/x": {"servers": servers, "rate_limit": 50}}}, main={"hc_interval": 1}) as proxy:
        live = ('{"a.test":{"/x":{"backends":[{"address":"127.0.0.1","alive":true,"port":%d},'
                '{"address":"127.0.0.1","alive":false,"port":1}]}}}' % origin.port)
        wait_until(lambda: proxy.call("/status?live").text() == live, "one of them is down")
        everything = json.loads(proxy.call("/status?all").text())
        assert [b["port"] for b in everything["a.test"]["/x"]["backends"]] == [origin.port]
        assert everything["a.test"]["/x"]["backends"][0]["rate_limit"] == 50
        proxy.push(document({}))  # refused: the API is closed for that, not for looking
        assert proxy.call("/status?live").text() == live


def test_connection_is_kept_and_takes_requests_ahead(proxy: Proxy) -> None:
    with Client(proxy.api_address) as client:
        one = "GET /status?live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.send(one * 20)
        for _ in range(20):
            assert client.response().text() == LIVE


def test_http2_in_clear_is_spoken_too(proxy: Proxy) -> None:
    with PairClient("h2c", proxy.api_address, "localhost") as client:
        head, body = client.request("GET", "/status?live")
    assert (head.status, head.get("content-type"), body) == (200, "application/json", LIVE.encode())


# POST /conf.

def changed(origin: Origin, **more: Any) -> dict[str, Any]:
    return document({"a.test": {"/": route(origin, client_headers=["X-Pushed: yes"])}}, **more)


@pytest.fixture
def own(origin: Origin) -> Iterator[Proxy]:
    with Proxy({"a.test": {"/": route(origin)}}, main={"config_api_enabled": True, "threads": 2}) as p:
        yield p


def pushed(proxy: Proxy) -> bool:
    return proxy.get("/").get("x-pushed") == "yes"


@pytest.mark.parametrize("kind", ["", "application/yaml", "application/x-www-form-urlencoded", "text/plain"])
def test_pushed_configuration_is_live_with_the_answer(own: Proxy, origin: Origin, kind: str) -> None:
    fields = f"Content-Type: {kind}\r\n" if kind else ""
    assert shown(own.push(changed(origin), fields=fields)) == (200, None, "Accepted! Applying in background\n")
    assert all(pushed(own) for _ in range(8)), "on every worker"
    assert "X-Pushed" not in own.upstreams_file.read_text()


def test_every_mistake_is_answered_and_nothing_changes(own: Proxy) -> None:
    response = own.push("provider: file\nto_https: maybe\nupstreams:\n  a.test:\n    paths:\n      /: {servers: ['x']}\n")
    assert response.status == 502
    assert response.get("content-type") is None
    lines = response.text().splitlines()
    assert lines[0].startswith("Failed: body:2:11: to_https: ")
    assert lines[1].startswith("body:6:")
    assert own.get("/").status == 200 and not pushed(own)


@pytest.mark.parametrize("body, starts", [
    (b"", "Failed: body:"), (b"provider: [", "Failed: body:"), (b"provider: dns\n", "Failed: body:1:11: provider: "),
    (b"a: &a [x]\nb: *b\n", "Failed: body:"), (b"[]", "Failed: body:")])
def test_failed(own: Proxy, body: bytes, starts: str) -> None:
    response = own.call("/conf", method="POST", body=body)
    assert response.status == 502 and response.text().startswith(starts) and response.text().endswith("\n"), response.text()


def test_body_that_is_no_text_or_too_long(own: Proxy) -> None:
    assert own.call("/conf", method="POST", body=b"\xff\xfe").status == 400
    limit = 2 * 1024 * 1024
    assert own.call("/conf", method="POST", body=b"#" * limit).status == 502
    for framing in (f"Content-Length: {limit + 1}", "Transfer-Encoding: chunked"):
        with Client(own.api_address) as client:  # the answer may come before all of the body was sent
            client.send(f"POST /conf HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n")
            client.send_what_is_taken(b"%x\r\n" % (limit + 1) * ("chunked" in framing) + b"#" * (limit + 1))
            assert client.response("POST").status == 413, framing
    assert own.get("/").status == 200


def test_disabled(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        assert shown(proxy.push(changed(origin))) == (403, None, "Config API is disabled !\n")
        assert not pushed(proxy)
        assert proxy.call("/status?live").status == 200, "only that call depends on it"


def test_saved_is_the_file_and_no_second_reload(own: Proxy, origin: Origin) -> None:
    os.chmod(own.upstreams_file, 0o640)
    text = "# kept as it is\n" + json.dumps(changed(origin))
    mark = own.log_mark()
    assert own.push(text, "?save").status == 200
    assert own.upstreams_file.read_text() == text
    assert own.upstreams_file.stat().st_mode & 0o777 == 0o640
    assert pushed(own)
    own.send_signal(signal.SIGHUP)
    own.wait_log("nothing has changed", mark)
    assert own.log()[mark:].count("configuration 2: ") == 1 and "configuration 3: " not in own.log()
    assert [p.name for p in own.config.iterdir() if p.name.startswith(".")] == []


def test_save_follows_a_link(own: Proxy, origin: Origin) -> None:
    real = own.folder / "real.yaml"
    own.upstreams_file.rename(real)
    own.upstreams_file.symlink_to(real)
    assert own.push(changed(origin), "?save").status == 200
    assert own.upstreams_file.is_symlink() and "X-Pushed" in real.read_text()


def test_what_cannot_be_saved_is_reported_and_not_applied(own: Proxy, origin: Origin) -> None:
    own.upstreams_file.unlink()
    own.upstreams_file.mkdir()
    response = own.push(changed(origin), "?save")
    assert response.status == 502
    assert response.text() == f"Failed: {own.upstreams_file} cannot be written: Invalid argument\n"
    assert not pushed(own)


def test_unsaved_is_over_with_the_next_change_of_the_file(own: Proxy, origin: Origin) -> None:
    assert own.push(changed(origin)).status == 200
    assert pushed(own)
    own.apply({"a.test": {"/": route(origin)}})
    assert not pushed(own)


def test_defect_26_a_push_keeps_conf_d_and_switches_to_no_empty_table(own: Proxy, origin: Origin) -> None:
    folder = own.config / "conf.d"
    folder.mkdir()
    (folder / "b.yaml").write_text(json.dumps({"b.test": {"paths": {"/": route(origin)}}}))
    wait_until(lambda: own.get("/", host="b.test").status == 200, "the split file is applied")
    assert own.push(changed(origin)).status == 200
    assert pushed(own) and own.get("/", host="b.test").status == 200
    response = own.push("provider: consul\nconsul: {servers: ['http://127.0.0.1:1'], services: [{hostname: a, upstream: b}]}\n")
    assert response.status == 502
    assert response.text().startswith("Failed: consul: b: http://127.0.0.1:1: ")
    assert pushed(own)


def test_pushes_under_load_lose_no_request(own: Proxy, origin: Origin) -> None:
    stop = threading.Event()
    bad: list[str] = []
    done = [0]

    def ask() -> None:
        with own.client() as client:
            while not stop.is_set():
                response = client.request("/x")
                done[0] += 1
                if response.status != 200:
                    bad.append(str(response.status))

    def save() -> None:
        """File reloads meanwhile: the two never mix."""
        n = 0
        while not stop.is_set():
            n += 1
            own.replace_upstreams(document({"a.test": {"/": route(origin, client_headers=[f"X-N: {n}"])}}))
            own.send_signal(signal.SIGHUP)
            stop.wait(0.02)

    threads = [threading.Thread(target=f) for f in (ask, ask, save)]
    for t in threads:
        t.start()
    try:
        for _ in range(40):
            assert own.push(changed(origin)).status == 200
        wait_until(lambda: done[0] > 40, "requests went through")
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert not bad


# POST /jwt, behaviour section 8.4.

def jwt(proxy: Proxy, body: Any, kind: str = "application/json", **keys: Any) -> tuple[int, str | None, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    return shown(proxy.call("/jwt", method="POST", body=text.encode(), fields=f"Content-Type: {kind}\r\n", **keys))


def claims(token: str, key: str = KEY) -> dict[str, Any]:
    head, body, signature = token.split(".")

    def raw(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    assert raw(head) == b'{"typ":"JWT","alg":"HS256"}'
    assert raw(signature) == hmac.new(key.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return json.loads(raw(body))


@pytest.mark.parametrize("minutes", ["exp", "valid"])
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/vnd.api+json"])
def test_token_is_issued(proxy: Proxy, minutes: str, kind: str) -> None:
    before = int(time.time())
    status, given, body = jwt(proxy, {"master_key": KEY, "owner": "ops", minutes: 5, "random": "r", "more": [1]}, kind)
    assert (status, given) == (201, "application/json")
    token = json.loads(body)
    assert body == json.dumps(token, separators=(",", ":")) and list(token) == ["token"]
    said = claims(token["token"])
    assert before + 300 <= said.pop("exp") <= int(time.time()) + 300
    assert said == {"master_key": "", "owner": "ops", "random": "r"}


def test_token_without_random_says_null(proxy: Proxy) -> None:
    said = claims(json.loads(jwt(proxy, {"master_key": KEY, "owner": "", "exp": 0})[2])["token"])
    assert list(said) == ["master_key", "owner", "exp", "random"] and said["random"] is None


def test_token_refusals(proxy: Proxy) -> None:
    good = {"master_key": KEY, "owner": "o", "exp": 1}
    for wrong in ("", KEY[:-1], KEY + "k", KEY.upper()):
        assert jwt(proxy, {**good, "master_key": wrong}) == (403, "application/json", '{"token":"Unauthorised"}')
    plain = "text/plain; charset=utf-8"
    for field in good:
        status, kind, _ = jwt(proxy, {k: v for k, v in good.items() if k != field})
        assert (status, kind) == (422, plain), field
    for more in ({"owner": 1}, {"exp": "1"}, {"exp": -1}, {"exp": 1.5}, {"master_key": None}, {"random": 1}):
        assert jwt(proxy, {**good, **more})[:2] == (422, plain), more
    for text in ("", "{", "{'a':1}", '{"master_key":"x"'):
        assert jwt(proxy, text)[:2] == (400, plain), text
    for kind in ("text/plain", "application/jsonp", "json", "application/x-www-form-urlencoded"):
        assert jwt(proxy, good, kind)[:2] == (415, plain), kind
    r = proxy.call("/jwt", method="POST", body=json.dumps(good).encode())
    assert (r.status, r.reason) == (415, "Unsupported Media Type")


def test_without_a_key_no_token(own: Proxy) -> None:
    assert jwt(own, {"master_key": "", "owner": "o", "exp": 1}) == \
        (500, "application/json", '{"token":"ERROR Getting JWT_KEY environment variable"}')


def test_key_of_the_environment_counts(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}, main={"master_key": "other"}, env={"JWT_KEY": KEY}) as proxy:
        assert jwt(proxy, {"master_key": "other", "owner": "o", "exp": 1})[0] == 403
        assert jwt(proxy, {"master_key": KEY, "owner": "o", "exp": 1})[0] == 201


def test_defect_35_a_huge_exp_does_no_harm(proxy: Proxy) -> None:
    for exp in (2**63, 2**64 - 1, 2**53, 10**30):
        assert jwt(proxy, {"master_key": KEY, "owner": "o", "exp": exp})[0] in (201, 422), exp
    assert proxy.alive() and proxy.call("/status?live").status == 200
