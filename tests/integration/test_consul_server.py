"""Provider `consul` with a real Consul."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from support.consul import Consul
from support.deadline import wait_until
from support.origin import Origin
from support.prometheus import value
from support.proxy import Proxy
from support.registry import body

READ = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'


@pytest.fixture(scope="module")
def consul() -> Iterator[Consul]:
    with Consul() as c:
        yield c


@pytest.fixture
def servers() -> Iterator[list[Origin]]:
    """Found by detection, which asks them for TLS first: no fault."""
    origins = [Origin(name) for name in ("one", "two")]
    yield origins
    for o in origins:
        o.close()


def config(consul: Consul, service: str, **block: Any) -> dict[str, Any]:
    return {"provider": "consul",
            "consul": {"servers": [consul.url], "services": [{"hostname": "a.test", "upstream": service}], **block}}


def wait_only(proxy: Proxy, *names: str) -> None:
    """Until these answer and no others."""
    wait_until(lambda: {body(proxy).partition(" ")[0] for _ in range(4)} == set(names), f"answers of {names}")


def test_instances_are_followed(consul: Consul, servers: list[Origin]) -> None:
    one = consul.register("followed", "127.0.0.1", servers[0].port)
    with Proxy(upstreams=config(consul, "followed")) as proxy:
        assert body(proxy) == "one GET /"
        two = consul.register("followed", "127.0.0.1", servers[1].port)
        wait_only(proxy, "one", "two")
        consul.set_check(one, "critical")
        wait_only(proxy, "two")
        consul.set_check(one, "warning")
        wait_only(proxy, "one", "two")
        consul.maintenance(two, True)
        wait_only(proxy, "one")
        consul.maintenance(two, False)
        wait_only(proxy, "one", "two")
        consul.set_check(one, "critical")
        consul.set_check(two, "critical")
        wait_only(proxy, "one", "two")  # when all fail our own checks decide
        consul.deregister(one)
        wait_only(proxy, "two")
        consul.deregister(two)
        wait_only(proxy, "502")


def test_more_services_than_consul_has_connections_for_an_address(consul: Consul, servers: list[Origin]) -> None:
    """It refuses the 201st, that of an operator as well."""
    consul.register("many-299", "127.0.0.1", servers[0].port)
    services = [{"hostname": f"{i}.test", "upstream": f"many-{i}"} for i in range(300)]
    with Proxy(upstreams=config(consul, "", services=services)) as proxy:
        wait_until(lambda: {value(proxy, "aralez_service_registry_up", service=f"many-{i}") for i in range(300)} == {1}, "answers for all")
        assert proxy.get("/", host="299.test").text() == "one GET /"
        consul.register("many-150", "127.0.0.1", servers[1].port)
        wait_until(lambda: proxy.get("/", host="150.test").status == 200, "the new server")
        assert "status 429" not in proxy.log()


def test_instance_that_has_an_address_for_the_lan(consul: Consul, servers: list[Origin]) -> None:
    consul.register("tagged", "192.0.2.1", 1, tagged_addresses={"lan_ipv4": {"Address": "127.0.0.1", "Port": servers[0].port}})
    consul.register("node", "", servers[1].port)
    with Proxy(upstreams=config(consul, "tagged")) as proxy:
        assert body(proxy) == "one GET /"
    with Proxy(upstreams=config(consul, "node")) as proxy:
        assert body(proxy) == "two GET /"


@pytest.mark.parametrize("keep", [True, False], ids=["that-kept-all", "that-lost-all"])
def test_servers_outlive_the_registry_and_follow_the_next(servers: list[Origin], keep: bool) -> None:
    with Consul() as consul:
        one = consul.register("web", "127.0.0.1", servers[0].port)
        with Proxy(upstreams=config(consul, "web")) as proxy:
            assert body(proxy) == "one GET /"
            assert value(proxy, "aralez_service_servers", service="web") == 1
            assert value(proxy, "aralez_service_registry_up", service="web") == 1
            consul.kill()
            proxy.wait_log("the servers that are known stay in use")
            assert value(proxy, "aralez_service_registry_up", service="web") == 0
            assert body(proxy) == "one GET /"
            consul.restart(keep=keep)
            consul.register("web", "127.0.0.1", servers[1].port)
            if keep:
                consul.set_check(one, "passing")  # it has forgotten what the check said
            wait_only(proxy, *["one", "two"] if keep else ["two"])
            assert value(proxy, "aralez_service_registry_up", service="web") == 1


def test_token_and_certificate(servers: list[Origin]) -> None:
    with Consul(acl=True, tls=True) as consul:
        consul.register("web", "127.0.0.1", servers[0].port)
        with Proxy(upstreams=config(consul, "web", token=consul.token(READ), ca_file=consul.ca_file)) as proxy:
            assert body(proxy) == "one GET /"
        with Proxy(upstreams=config(consul, "web", ca_file=consul.ca_file)) as proxy:
            assert body(proxy) == "502"
            proxy.wait_log("who has no token may not read the service")
        nodes = consul.token('node_prefix "" { policy = "read" }')
        with Proxy(upstreams=config(consul, "web", token=nodes, ca_file=consul.ca_file)) as proxy:
            assert body(proxy) == "502"
            proxy.wait_log("the token may not read the service")
        with Proxy(upstreams=config(consul, "web", token="no-such", ca_file=consul.ca_file)) as proxy:
            assert body(proxy) == "502"
            proxy.wait_log("status 403")
        with Proxy(upstreams=config(consul, "web", token=consul.token(READ))) as proxy:
            assert body(proxy) == "502"
            proxy.wait_log("certificate")
