"""Provider `consul`: behaviour sections 2.4, 2.6, 17.2, 17.3; defects 4, 7, 21 and 26."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from typing import Any, Iterator

import pytest

from support.certificates import Authority, save
from support.deadline import seconds, stays, wait_until
from support.fake_consul import FakeConsul, instance
from support.origin import Origin, answer
from support.ports import free_port
from support.proxy import Proxy, document, route
from support.registry import body, wait_body
from support.tools import run

API = {"config_api_enabled": True}


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Found by detection, which asks it for TLS first: no fault."""
    with Origin() as o:
        yield o


@pytest.fixture
def consul() -> Iterator[FakeConsul]:
    with FakeConsul() as c:
        yield c


def config(*consuls: FakeConsul | str, services: list[dict[str, Any]] | None = None, globals_: dict[str, Any] | None = None,
           **block: Any) -> dict[str, Any]:
    urls = [c if isinstance(c, str) else c.url for c in consuls]
    return {"provider": "consul", **(globals_ or {}),
            "consul": {"servers": urls, "services": services or [{"hostname": "a.test", "upstream": "web"}], **block}}


def push(proxy: Proxy, content: dict[str, Any], query: str = "") -> Any:
    return proxy.call(f"/conf{query}", method="POST", body=json.dumps(content).encode())


def test_the_first_request_meets_the_servers(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    with Proxy(upstreams=config(consul)) as proxy:
        assert body(proxy) == "origin GET /"


def test_servers_that_come_and_go_are_followed(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(consul)) as proxy:
        assert "origin" in body(proxy)
        consul.set("web", other.server)
        wait_body(proxy, "other")
        consul.set("web", other.server, origin.server)
        wait_body(proxy, "origin")
        wait_body(proxy, "other")
        consul.set("web")
        wait_until(lambda: body(proxy) == "502", "no servers any more")
        consul.set("web", origin.server)
        wait_body(proxy, "origin")
        proxy.wait_log(rf"consul: web has 1 servers: \+{origin.server}")


def test_queries_wait_for_changes_instead_of_asking_again_and_again(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    with Proxy(upstreams=config(consul)) as proxy:
        assert "origin" in body(proxy)
        wait_until(lambda: len(consul.asked("web")) >= 2, "the second query")
        first, second, *more = consul.asked("web")
        assert first.target == "/v1/health/service/web"
        assert second.target == "/v1/health/service/web?index=11&wait=30000ms"
        stays(lambda: len(consul.asked("web")) == 2, "one query that waits")


@pytest.mark.parametrize("fault", [
    lambda conn, request: conn.send(answer("no", "500 Internal Server Error")),
    lambda conn, request: conn.send(answer("no", "403 Forbidden")),
    lambda conn, request: conn.send(answer("{", fields="X-Consul-Index: 99\r\n")),
    lambda conn, request: conn.send(answer('{"a": 1}', fields="X-Consul-Index: 99\r\n")),
    lambda conn, request: conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[") or conn.close(),
    lambda conn, request: conn.send(answer("", "302 Found", "Location: http://127.0.0.1:1/\r\n")),
    lambda conn, request: conn.reset(),
], ids=["500", "403", "broken", "object", "cut", "redirect", "reset"])
def test_defect_7_trouble_with_the_registry_takes_no_server_away(consul: FakeConsul, origin: Origin, fault: Any) -> None:
    consul.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(consul)) as proxy:
        assert "origin" in body(proxy)
        consul.break_with(fault)
        proxy.wait_log(r"WARN aralez::control::discovery - consul: web: http://127\.0\.0\.1:\d+: .*; the servers that are known stay in use")
        assert body(proxy) == "origin GET /"
        asked = len(consul.asked("web"))
        wait_until(lambda: len(consul.asked("web")) > asked, "it is asked again")
        assert proxy.log().count("the servers that are known stay") == 1
        assert body(proxy) == "origin GET /"
        consul.set("web", other.server)
        consul.break_with(None)
        wait_body(proxy, "other")
        proxy.wait_log("consul: there are answers again")


def test_defect_7_the_end_of_the_registry_takes_no_server_away(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    with Proxy(upstreams=config(consul)) as proxy:
        assert "origin" in body(proxy)
        consul.close()
        proxy.wait_log("the servers that are known stay in use")
        assert body(proxy) == "origin GET /"
        proxy.write_upstreams(config(consul, globals_={"client_headers": ["X-Late: yes"]}))
        wait_until(lambda: proxy.get("/", host="a.test").get("x-late") == "yes", "another key of the file has its effect")
        assert body(proxy) == "origin GET /"


def test_servers_are_followed_on_when_another_key_of_the_file_has_changed(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(consul)) as proxy:
        assert "origin" in body(proxy)
        proxy.write_upstreams(config(consul, globals_={"client_headers": ["X-Late: yes"]}))
        wait_until(lambda: proxy.get("/", host="a.test").get("x-late") == "yes", "its effect")
        consul.set("web", other.server)
        wait_body(proxy, "other")


def test_servers_outlive_a_restart_while_the_registry_is_away(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    proxy = Proxy(upstreams=config(consul, token="s3cret"))
    try:
        proxy.start()
        assert "origin" in body(proxy)
        proxy.stop()
        kept = proxy.config / "autoconfigs" / "services.json"
        assert origin.server in kept.read_text() and "s3cret" not in kept.read_text()
        assert kept.stat().st_mode & 0o077 == 0
        consul.close()
        proxy.start()
        assert body(proxy) == "origin GET /"
        proxy.wait_log("the servers that are known stay in use")
        proxy.stop()
    finally:
        proxy.close()


def test_registry_that_comes_after_the_proxy(origin: Origin) -> None:
    port = free_port()
    with Proxy(upstreams=config(f"http://127.0.0.1:{port}")) as proxy:
        assert body(proxy) == "502"
        proxy.wait_log(rf"consul: web: http://127\.0\.0\.1:{port}: .*no servers are known: its routes answer 502")
        with FakeConsul(port=port) as consul:
            consul.set("web", origin.server)
            wait_body(proxy, "origin")


def test_the_next_server_is_asked_when_one_is_dead(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    for order in ([f"http://127.0.0.1:{free_port()}", consul.url], [consul.url, f"http://127.0.0.1:{free_port()}"]):
        with Proxy(upstreams=config(*order)) as proxy:
            assert body(proxy) == "origin GET /"
            assert "WARN aralez::control::discovery" not in proxy.log()


def test_token_is_sent_and_shown_to_nobody(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    with Proxy(upstreams=config(consul, token="s3cret-token")) as proxy:
        assert "origin" in body(proxy)
        wait_until(lambda: len(consul.asked("web")) >= 2, "the second query")
        assert [r.get("x-consul-token") for r in consul.asked("web")] == ["s3cret-token"] * 2
        consul.break_with(lambda conn, request: conn.send(answer("no", "403 Forbidden")))
        proxy.wait_log("status 403")
        assert "s3cret" not in proxy.log() + proxy.stderr()


def test_certificate_of_the_registry_is_verified(origin: Origin, tmp_path: Any) -> None:
    authority, stranger = Authority(), Authority()
    save(tmp_path, "consul", authority.issue("localhost"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "consul.crt", tmp_path / "consul.key")
    with FakeConsul(tls=context) as consul:
        consul.set("web", origin.server)
        with Proxy(upstreams=config(consul, ca_file=str(authority.root))) as proxy:
            assert body(proxy) == "origin GET /"
        with Proxy(upstreams=config(consul, ca_file=str(stranger.root), token="s3cret")) as proxy:
            assert body(proxy) == "502"
            proxy.wait_log("consul: web: https://localhost:.*certificate")
        assert len(consul.asked("web")) <= 3, "no token for a stranger"


class BesideAuthorities(Proxy):
    """A proxy on a system whose folder of certificates is `authorities`."""

    authorities = ""

    def command(self) -> list[str]:
        mount = ["--mount"] if os.geteuid() == 0 else ["--map-root-user", "--mount"]
        return ["unshare", *mount, "sh", "-c", f"mount --bind {self.authorities} /etc/ssl/certs && exec \"$@\"", "sh", *super().command()]


def test_ca_file_is_in_place_of_the_authorities_of_the_system(origin: Origin, tmp_path: Any) -> None:
    public, own = Authority("public"), Authority("own")
    save(tmp_path, "consul", public.issue("localhost"))
    (tmp_path / "certs").mkdir()
    for name in ("ca-certificates.crt", "public.pem"):
        (tmp_path / "certs" / name).write_bytes(public.root.read_bytes())
    run("openssl", "rehash", str(tmp_path / "certs"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "consul.crt", tmp_path / "consul.key")
    with FakeConsul(tls=context) as consul:
        consul.set("web", origin.server)
        for more, status in (({}, "origin GET /"), ({"ca_file": str(own.root)}, "502")):
            proxy = BesideAuthorities(upstreams=config(consul, **more))
            proxy.authorities = str(tmp_path / "certs")
            with proxy:
                assert body(proxy) == status


def test_address_of_the_lan_first_and_what_else_there_is(consul: FakeConsul, origin: Origin) -> None:
    """Defect 4: an instance without lan_ipv4 ended the process."""
    host, port = "127.0.0.1", origin.port
    for service in ({"TaggedAddresses": None}, {"TaggedAddresses": {}}, {"Address": "", "TaggedAddresses": {"lan_ipv4": {
            "Address": host, "Port": port}}}):
        consul.set("web", instance(f"{host}:{port}", **service))
        with Proxy(upstreams=config(consul)) as proxy:
            assert body(proxy) == "origin GET /"


def test_imitation_without_health_is_asked_for_its_catalog(origin: Origin) -> None:
    with Origin("catalog") as catalog:
        catalog.on("/v1/health/service/web", answer("", "404 Not Found"))
        catalog.on("/v1/catalog/service/web", answer(json.dumps([{"Address": "192.0.2.1", "ServiceAddress": "127.0.0.1",
                                                                  "ServicePort": origin.port}])))
        with Proxy(upstreams=config(f"http://127.0.0.1:{catalog.port}")) as proxy:
            assert body(proxy) == "origin GET /"
            stays(lambda: len(catalog.requests) <= 3, "polled slowly: it does not say that queries can wait")


def test_every_key_of_a_service_has_its_effect(consul: FakeConsul, origin: Origin) -> None:
    """Defect 21: server_headers of services were ignored."""
    consul.set("web", origin.server)
    consul.set("other/service", origin.server)
    services = [
        {"hostname": "a.test", "upstream": "web", "client_headers": ["X-To-Client: 1"], "server_headers": ["X-To-Server: 2"]},
        {"hostname": "a.test", "path": "/secure", "upstream": "web", "to_https": True},
        {"hostname": "a.test", "path": "/few", "upstream": "web", "rate_limit": 1},
        {"hostname": "b.test", "upstream": "other/service", "sticky_sessions": 60},
    ]
    with Proxy(upstreams=config(consul, services=services, globals_={"sticky_sessions": 60})) as proxy:
        response = proxy.get("/x", host="a.test")
        assert (response.status, response.get("x-to-client")) == (200, "1")
        assert origin.seen("/x")[0].get("x-to-server") == "2"
        assert "backend_id=" in (response.get("set-cookie") or "")
        assert proxy.get("/secure/x", host="a.test").get("location") == "https://a.test/secure/x"
        assert 429 in [proxy.get("/few", host="a.test").status for _ in range(4)]
        assert body(proxy, host="b.test") == "origin GET /"


def test_route_without_servers_does_not_fall_back_to_the_one_above(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    consul.set("empty")
    services = [{"hostname": "a.test", "upstream": "web"}, {"hostname": "a.test", "path": "/admin", "upstream": "empty"}]
    with Proxy(upstreams=config(consul, services=services)) as proxy:
        assert (body(proxy, "/x"), body(proxy, "/admin")) == ("origin GET /x", "502")


def test_defect_26_providers_are_switched_by_a_push(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    with Origin("filed") as filed, Proxy({"a.test": {"/": route(filed)}}, main=API) as proxy:
        assert "filed" in body(proxy)
        assert push(proxy, config(consul)).status == 200
        assert body(proxy) == "origin GET /", "in effect with the answer"
        assert push(proxy, document({"a.test": {"/": route(filed)}}), "?save").status == 200
        assert "filed" in body(proxy)
        wait_until(lambda: consul.origin.open_connections() == 0, "nobody asks any more")
        assert push(proxy, config(consul), "?save").status == 200
        assert body(proxy) == "origin GET /"
        assert '"consul"' in proxy.upstreams_file.read_text()


def test_push_of_a_registry_that_does_not_answer_changes_nothing(origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}, main=API) as proxy:
        before = proxy.upstreams_file.read_text()
        response = push(proxy, config("http://127.0.0.1:1"), "?save")
        assert response.status == 502
        assert response.text().startswith("Failed: consul: web: http://127.0.0.1:1: ")
        assert (body(proxy), proxy.upstreams_file.read_text()) == ("origin GET /", before)


def test_file_that_names_a_registry_runs_when_that_answers(consul: FakeConsul, origin: Origin) -> None:
    consul.set("web", origin.server)
    consul.break_with(lambda conn, request: conn.send(answer("no", "500 Internal Server Error")))
    with Origin("filed") as filed, Proxy({"a.test": {"/": route(filed)}}) as proxy:
        proxy.write_upstreams(config(consul))
        proxy.wait_log(r"consul: web: .*: status 500\s.*it runs as soon as there is an answer")
        assert "filed" in body(proxy)
        consul.break_with(None)
        wait_body(proxy, "origin")


def test_no_request_is_lost_while_servers_change(consul: FakeConsul, origin: Origin) -> None:
    with Origin("other") as other, Origin("third") as third:
        sets = [(origin.server,), (other.server, third.server), (origin.server, other.server), (third.server,)]
        consul.set("web", *sets[0])
        with Proxy(upstreams=config(consul)) as proxy, proxy.client() as client:
            for i in range(12):
                mark = proxy.log_mark()
                consul.set("web", *sets[(i + 1) % 4])
                while "web has " not in proxy.log()[mark:]:
                    assert client.request("/", host="a.test").status == 200
                assert client.request("/", host="a.test").status == 200


def test_mistakes_are_told_with_their_place() -> None:
    proxy = Proxy(upstreams="provider: consul\nconsul:\n  servers: [localhost:8500, 'http://u:p@h']\n  token: 'a b'\n  ca_file: /nowhere\n"
                            "  services:\n  - {hostname: a.test}\n  - {hostname: a.test, upstream: b, port: 80}\n")
    try:
        proxy.start(ready=False)
        assert proxy.wait_exit() == 1
        said = proxy.stderr()
        for line in (":3:13: servers[1]: has no http:// or https://", ":3:29: servers[2]: not a URL", ":4:3: token: not a token",
                     ":5:3: ca_file: ", ":7:5: upstream: missing", ":7:5: warning: services: a.test/ is given again",
                     ":8:37: warning: port: unknown key"):
            assert line in said, said
        assert "a b" not in said and "u:p" not in said
    finally:
        proxy.close()


def test_explain_says_why_there_are_no_servers() -> None:
    proxy = Proxy(upstreams=config("http://127.0.0.1:1")).prepare()
    try:
        done = subprocess.run([*proxy.command(), "--explain", "GET http://a.test/"], capture_output=True, text=True, timeout=seconds(30), check=False)
        assert done.returncode == 0
        assert "consul: there are no servers until it answers: consul: web: http://127.0.0.1:1: " in done.stderr, done.stderr
    finally:
        proxy.close()
