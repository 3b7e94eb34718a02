"""Provider `kubernetes`: behaviour sections 2.5, 2.6, 17.1, 17.3; defects 4, 7 and 8."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Iterator

import pytest

from support.certificates import Authority
from support.deadline import wait_until
from support.fake_kubernetes import ENDPOINTS, Account, FakeKubernetes, chunk, pod, port
from support.http1 import Request
from support.origin import Connection, Origin, answer
from support.ports import free_port
from support.proxy import Proxy
from support.registry import body, wait_body


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def account(tmp_path: pathlib.Path, authority: Authority) -> Account:
    return Account(tmp_path / "account", authority)


@pytest.fixture
def api(tmp_path: pathlib.Path, authority: Authority) -> Iterator[FakeKubernetes]:
    with FakeKubernetes(authority, tmp_path) as a:
        yield a


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Found by detection, which asks it for TLS first: no fault."""
    with Origin() as o:
        yield o


def config(account: Account, *apis: FakeKubernetes | str, services: list[dict[str, Any]] | None = None, **block: Any) -> dict[str, Any]:
    servers = {"servers": [a if isinstance(a, str) else a.server for a in apis]} if apis else {}
    return {"provider": "kubernetes",
            "kubernetes": {**servers, "services": services or [{"hostname": "a.test", "upstream": "web"}],
                           "tokenpath": str(account.tokenpath), **block}}


def wait_watch(api: FakeKubernetes, count: int = 1) -> None:
    wait_until(lambda: len(api.watches()) >= count, f"{count} watches")


STAYS = r"WARN aralez::control::discovery - kubernetes: \w+: https://127\.0\.0\.1:\d+: .*; the servers that are known stay in use"


def test_the_first_request_meets_the_servers(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    with Proxy(upstreams=config(account, api)) as proxy:
        assert body(proxy) == "origin GET /"


def test_changes_are_told_by_one_watch(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(account, api)) as proxy:
        wait_watch(api)
        api.set("web", other.server)
        wait_body(proxy, "other")
        api.set("web", other.server, origin.server)
        wait_body(proxy, "origin")
        wait_body(proxy, "other")
        api.set("web")
        wait_until(lambda: body(proxy) == "502", "no servers any more")
        api.set("web", origin.server)
        wait_body(proxy, "origin")
        assert (len(api.lists()), len(api.watches())) == (1, 1)
        selector = "labelSelector=kubernetes.io%2Fservice-name%20in%20%28web%29"
        assert api.lists()[0].target.endswith(f"/endpointslices?{selector}&limit=100")
        watch = "&watch=true&allowWatchBookmarks=true&resourceVersion=101&timeoutSeconds=60"
        assert api.watches()[0].target.endswith(f"?{selector}{watch}")


def test_services_of_one_list_each_have_their_servers(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    with Origin("other") as other:
        api.page = 1
        api.set("web", origin.server)
        api.set("orders", other.server)
        services = [{"hostname": "a.test", "path": path, "upstream": service}
                    for path, service in (("/", "web"), ("/orders", "orders"), ("/none", "none"), ("/bad", "b.a)d"))]
        with Proxy(upstreams=config(account, api, services=services)) as proxy:
            assert body(proxy, "/x") == "origin GET /x"
            assert body(proxy, "/orders") == "other GET /orders"
            assert body(proxy, "/none") == "502"
            assert body(proxy, "/bad") == "502"
            proxy.wait_log(r"b\.a\)d: not a name that a service of Kubernetes can have")
            assert len(api.lists()) == 2, "two pages"
            assert "in%20%28none%2Corders%2Cweb%29" in api.lists()[0].target
            wait_watch(api)
            api.set("orders", origin.server)
            wait_body(proxy, "origin", target="/orders")


def test_defect_8_services_are_looked_up_by_upstream(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    with Origin("other") as other:
        api.set("shop", other.server)
        api.set("backend", origin.server)
        with Proxy(upstreams=config(account, api, services=[{"hostname": "shop", "upstream": "backend"}])) as proxy:
            assert body(proxy, host="shop") == "origin GET /"


def refuse(status: str) -> Any:
    return lambda conn, request: conn.send(answer('{"kind":"Status"}', status))


FAULTS = {
    "500": refuse("500 Internal Server Error"),
    "401": refuse("401 Unauthorized"),
    "404": refuse("404 Not Found"),  # of something that stands before the API
    "429": refuse("429 Too Many Requests"),
    "broken": lambda conn, request: conn.send(answer("{")),
    "no list": lambda conn, request: conn.send(answer('{"kind": "EndpointSliceList", "metadata": [], "items": 7}')),
    "deep": lambda conn, request: conn.send(answer("[" * 100_000)),
    "cut": lambda conn, request: conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[") or conn.close(),
    "redirect": lambda conn, request: conn.send(answer("", "302 Found", "Location: https://127.0.0.1:1/\r\n")),
    "reset": lambda conn, request: conn.reset(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_defect_7_trouble_with_the_api_takes_no_server_away(api: FakeKubernetes, account: Account, origin: Origin, fault: Any) -> None:
    api.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(account, api)) as proxy:
        wait_watch(api)
        api.break_with(fault)
        proxy.wait_log(STAYS)
        asked = len(api.lists())
        wait_until(lambda: len(api.lists()) > asked, "it is asked again")
        assert body(proxy) == "origin GET /"
        assert proxy.log().count("the servers that are known stay") == 1
        api.set("web", other.server)
        api.break_with(None)
        wait_body(proxy, "other")
        proxy.wait_log("kubernetes: there are answers again")


EVENTS = {
    "no JSON": "{\n",
    "no event": "[7]\n",
    "error": json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 500}}) + "\n",
    "too long": "x" * (9 * 1024 * 1024),
}


@pytest.mark.parametrize("text", EVENTS.values(), ids=EVENTS.keys())
def test_watch_that_says_what_is_no_event_is_given_up(api: FakeKubernetes, account: Account, origin: Origin, text: str) -> None:
    api.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(account, api)) as proxy:
        wait_watch(api)
        api.end_watch(lambda conn: conn.send(chunk(text)) or conn.close())
        proxy.wait_log(STAYS)
        wait_watch(api, 2)
        assert len(api.lists()) == 2
        api.set("web", other.server)
        wait_body(proxy, "other")


def test_watch_that_ends_goes_on_from_where_it_was(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(account, api)) as proxy:
        wait_watch(api)
        api.put("web-2", "web", [pod("127.0.0.1")], [port("http", other.port)])
        wait_body(proxy, "other")
        api.end_watch(lambda conn: conn.send(chunk('{"type":"ADDED","object":{"metadata":{') + "0\r\n\r\n"))
        wait_watch(api, 2)
        assert "resourceVersion=102&" in api.watches()[1].target
        api.delete("web-2")
        wait_until(lambda: "web has 1 servers" in proxy.log()[proxy.log().index("web has 2 servers"):], "the change")
        assert len(api.lists()) == 1
        assert "WARN aralez::control::discovery" not in proxy.log()


@pytest.mark.parametrize("gone", [
    lambda api: api.end_watch(lambda c: c.send(chunk(json.dumps({"type": "ERROR", "object": {"code": 410}}) + "\n") + "0\r\n\r\n")),
    lambda api: api.break_with(lambda c, r: c.send(answer("{}", "410 Gone")) if "watch" in r.target else api.break_with(None) or c.reset()),
], ids=["event", "status"])
def test_version_that_is_forgotten_takes_a_new_list(api: FakeKubernetes, account: Account, origin: Origin, gone: Any) -> None:
    api.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(account, api)) as proxy:
        wait_watch(api)
        gone(api)
        wait_until(lambda: len(api.lists()) >= 2, "a new list")
        api.set("web", other.server)
        wait_body(proxy, "other")


def test_api_that_hangs_holds_nothing_up(api: FakeKubernetes, account: Account) -> None:
    api.break_with(lambda conn, request: conn.hold_until_closed(60))
    with Proxy(upstreams=config(account, api)) as proxy:
        wait_until(lambda: api.lists(), "asked")
        assert body(proxy) == "502"


def test_defect_7_the_end_of_the_api_takes_no_server_away(
        tmp_path: pathlib.Path, api: FakeKubernetes, authority: Authority, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(account, api)) as proxy:
        wait_watch(api)
        api.close()
        proxy.wait_log(STAYS)
        assert body(proxy) == "origin GET /"
        with FakeKubernetes(authority, tmp_path, port=api.origin.port) as again:
            again.set("web", other.server)
            wait_body(proxy, "other")


def test_the_next_server_is_asked_when_one_is_dead(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    for order in ([f"127.0.0.1:{free_port()}", api.server], [api.server, f"127.0.0.1:{free_port()}"]):
        before = len(api.watches())
        with Proxy(upstreams=config(account, *order)) as proxy:
            assert body(proxy) == "origin GET /"
            wait_watch(api, before + 1)
            assert "WARN aralez::control::discovery" not in proxy.log()
            api.end_watch(lambda conn: conn.reset())
            wait_watch(api, before + 2)
            assert body(proxy) == "origin GET /"


def test_defect_7_token_is_read_for_each_request_and_shown_to_nobody(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    with Origin("other") as other, Proxy(upstreams=config(account, api)) as proxy:
        wait_watch(api)
        account.set_token("s3cret-2")
        api.tokens = {"s3cret-2"}
        api.end_watch()
        wait_watch(api, 2)
        assert api.watches()[1].get("authorization") == "Bearer s3cret-2"
        api.set("web", other.server)
        wait_body(proxy, "other")
        api.tokens = set()
        api.end_watch()
        proxy.wait_log("status 401")
        assert "s3cret" not in proxy.log() + proxy.stderr()


def test_defect_4_token_that_comes_late_is_waited_for(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    account.tokenpath.unlink()
    with Proxy(upstreams=config(account, api)) as proxy:
        assert body(proxy) == "502"
        proxy.wait_log(r"kubernetes: web: /.*/token: No such file or directory; no servers are known")
        account.tokenpath.write_text("s3cret-1\nX-Other: 1")
        assert body(proxy) == "502"
        account.set_token("s3cret-1")
        wait_body(proxy, "origin")
        assert all(r.get("x-other") is None for r in api.origin.requests)


def test_defect_7_certificate_of_the_api_is_verified(api: FakeKubernetes, account: Account, origin: Origin, authority: Authority) -> None:
    api.set("web", origin.server)
    beside = account.folder / "ca.crt"
    stranger = Authority()
    beside.write_bytes(stranger.root.read_bytes())
    with Proxy(upstreams=config(account, api)) as proxy:
        assert body(proxy) == "502"
        proxy.wait_log(r"kubernetes: web: https://127\.0\.0\.1:\d+: .*certificate")
        assert not api.origin.requests, "no token for a stranger"
        beside.write_bytes(authority.root.read_bytes())
        wait_body(proxy, "origin")
    beside.unlink()
    with Proxy(upstreams=config(account, api, ca_file=str(authority.root))) as proxy:
        assert body(proxy) == "origin GET /"


def test_api_and_namespace_of_the_pod_are_used(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.set("web", origin.server)
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT_HTTPS": str(api.origin.port)}
    with Proxy(upstreams=config(account), env=env) as proxy:
        assert body(proxy) == "origin GET /"
    (account.folder / "namespace").unlink()
    with Proxy(upstreams=config(account), env={**env, "POD_NAMESPACE": "shop"}) as proxy:
        assert body(proxy) == "origin GET /"
    with Proxy(upstreams=config(account, namespace="shop"), env={**env, "POD_NAMESPACE": "other"}) as proxy:
        assert body(proxy) == "origin GET /"


def test_outside_of_a_pod_the_servers_have_to_be_written(account: Account) -> None:
    with Proxy(upstreams=config(account), env={"KUBERNETES_SERVICE_HOST": ""}) as proxy:
        assert body(proxy) == "502"
        proxy.wait_log(r"kubernetes: web: no API server is known: .*; write servers: ")


def test_pods_that_are_not_ready_get_no_requests(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    with Origin("other") as other:
        leaving = {"ready": False, "serving": True, "terminating": True}
        api.put("web-1", "web", [pod("127.0.0.1", ready=True), pod("127.0.0.2", ready=False)], [port("http", origin.port)])
        api.put("web-2", "web", [pod("127.0.0.1", **leaving)], [port("http", other.port)])
        with Proxy(upstreams=config(account, api)) as proxy:
            assert {body(proxy) for _ in range(4)} == {"origin GET /"}
            wait_watch(api)
            api.put("web-1", "web", [pod("127.0.0.1", ready=False)], [port("http", origin.port)])
            wait_body(proxy, "other")
            api.put("web-2", "web", [pod("127.0.0.1", ready=False, serving=False, terminating=True)], [port("http", other.port)])
            wait_until(lambda: body(proxy) == "502", "none left")


def test_pods_with_addresses_of_two_families_count_once(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    with Origin("v6", host="::1") as v6:
        api.put("web-4", "web", [pod("127.0.0.1")], [port("http", origin.port)])
        api.put("web-6", "web", [pod("::1")], [port("http", v6.port)], kind="IPv6")
        with Proxy(upstreams=config(account, api)) as proxy:
            assert {body(proxy) for _ in range(4)} == {"origin GET /"}
            wait_watch(api)
            api.delete("web-4")
            wait_body(proxy, "v6")


def test_defect_8_one_port_of_several_is_used(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    with Origin("admin") as admin:
        api.put("web-1", "web", [pod("127.0.0.1")],
                [port("metrics", 9), port("admin", admin.port), port("dns", 8, protocol="UDP"), port("http", origin.port)])
        services = [{"hostname": "a.test", "upstream": "web"},
                    {"hostname": "a.test", "path": "/name", "upstream": "web", "port": "admin"},
                    {"hostname": "a.test", "path": "/number", "upstream": "web", "port": admin.port},
                    {"hostname": "a.test", "path": "/other", "upstream": "web", "port": "other"},
                    {"hostname": "a.test", "path": "/udp", "upstream": "web", "port": "dns"}]
        with Proxy(upstreams=config(account, api, services=services)) as proxy:
            got = [body(proxy, path) for path in ("/", "/name", "/number", "/other", "/udp")]
            assert got == ["origin GET /", "admin GET /name", "admin GET /number", "502", "502"]


def address(*ips: str) -> list[dict[str, str]]:
    return [{"ip": ip} for ip in ips]


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_where_slices_may_not_be_read_endpoints_are(api: FakeKubernetes, account: Account, origin: Origin, status: str) -> None:
    api.slices_status = status
    with Origin("other") as other:
        api.set_endpoints("web", [
            {"addresses": address("127.0.0.1"), "notReadyAddresses": address("127.0.0.9"),
             "ports": [port("metrics", 9), port("http", origin.port)]},
            {"addresses": address("127.0.0.1"), "ports": [port("http", other.port)]}])
        api.set_endpoints("none", None)
        services = [{"hostname": "a.test", "upstream": "web"}, {"hostname": "a.test", "path": "/none", "upstream": "none"}]
        with Proxy(upstreams=config(account, api, services=services)) as proxy:
            assert {body(proxy) for _ in range(4)} == {"origin GET /", "other GET /"}, "defect 8: only the last subset counted"
            assert body(proxy, "/none") == "502"
            api.set_endpoints("web", [{"addresses": address("127.0.0.1"), "ports": [port("http", other.port)]}])
            wait_until(lambda: {body(proxy) for _ in range(4)} == {"other GET /"}, "the change")
            assert len(api.lists()) == 1
            assert "WARN aralez::control::discovery" not in proxy.log()
            api.break_with(refuse("503 Service Unavailable"))
            proxy.wait_log(STAYS)
            assert body(proxy) == "other GET /"
            api.set_endpoints("web", [{"addresses": address("127.0.0.1"), "ports": [port("http", origin.port)]}])
            api.break_with(None)
            wait_body(proxy, "origin")


def test_one_service_in_trouble_does_not_keep_the_others_from_theirs(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.slices_status = "403 Forbidden"
    with Origin("other") as other:
        for name in ("a", "web"):
            api.set_endpoints(name, [{"addresses": address("127.0.0.1"), "ports": [port("http", origin.port)]}])
        services = [{"hostname": "a.test", "upstream": "web"}, {"hostname": "a.test", "path": "/a", "upstream": "a"}]
        with Proxy(upstreams=config(account, api, services=services)) as proxy:
            assert (body(proxy), body(proxy, "/a")) == ("origin GET /", "origin GET /a")
            api.origin.on(ENDPOINTS + "a", answer("{}", "500 Internal Server Error"))
            api.set_endpoints("web", [{"addresses": address("127.0.0.1"), "ports": [port("http", other.port)]}])
            proxy.wait_log(r"kubernetes: a: https://.*: status 500; the servers that are known stay in use")
            wait_body(proxy, "other")
            assert body(proxy, "/a") == "origin GET /a"


def test_what_may_be_read_is_found_out_again(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    api.slices_status = "403 Forbidden"
    api.origin.on(ENDPOINTS + "web", answer("{}", "403 Forbidden"))
    with Proxy(upstreams=config(account, api)) as proxy:
        proxy.wait_log("status 403: neither endpointslices nor endpoints may be read; no servers are known")
        api.set("web", origin.server)
        api.slices_status = ""
        wait_body(proxy, "origin")


def test_endpoints_that_hang_do_not_hold_up_the_end(api: FakeKubernetes, account: Account) -> None:
    api.slices_status = "403 Forbidden"
    hang: list[Request] = []

    def silent(conn: Connection, request: Request) -> None:
        hang.append(request)
        conn.hold_until_closed(60)
    api.origin.on(ENDPOINTS + "web", silent)
    with Proxy(upstreams=config(account, api)) as proxy:
        wait_until(lambda: hang, "asked")
        assert body(proxy) == "502"


def test_no_request_is_lost_while_pods_change(api: FakeKubernetes, account: Account, origin: Origin) -> None:
    with Origin("other") as other, Origin("third") as third:
        sets = [(origin.server,), (other.server, third.server), (origin.server, other.server), (third.server,)]
        api.set("web", *sets[0])
        with Proxy(upstreams=config(account, api)) as proxy, proxy.client() as client:
            wait_watch(api)
            for i in range(12):
                mark = proxy.log_mark()
                for server in sets[(i + 1) % 4]:  # those that come before those that go, as in a rollout
                    api.put(f"web-{server.rpartition(':')[2]}", "web", [pod("127.0.0.1")], [port("http", int(server.rpartition(":")[2]))])
                api.set("web", *sets[(i + 1) % 4])
                while "web has " not in proxy.log()[mark:]:
                    assert client.request("/", host="a.test").status == 200
                assert client.request("/", host="a.test").status == 200
