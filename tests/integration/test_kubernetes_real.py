"""Provider `kubernetes` with a real API server."""

from __future__ import annotations

import itertools
import pathlib
import re
import subprocess
from typing import Any, Iterator

import pytest
import yaml

from support.addresses import outside
from support.deadline import wait_until
from support.fake_kubernetes import Account
from support.kubernetes import ENDPOINTS, SLICES, KubernetesApi, Rules
from support.origin import Origin
from support.proxy import BINARY, ROOT, Proxy
from support.registry import body

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[KubernetesApi]:
    with KubernetesApi() as k:
        yield k


class Shop:
    """A namespace with a service `web`, and an account of the proxy's."""

    def __init__(self, kubernetes: KubernetesApi, folder: pathlib.Path, rules: Rules):
        self.kubernetes = kubernetes
        self.namespace = f"shop-{next(_numbers)}"
        token = kubernetes.service_account("aralez", self.namespace, rules)
        self.account = Account(folder / "account", kubernetes.authority, token, self.namespace)

    def put_endpoints(self, *servers: Origin) -> None:
        self.kubernetes.put_endpoints(self.namespace, "web", [
            {"addresses": [{"ip": s.host}], "ports": [{"name": "metrics", "port": 9}, {"name": "http", "port": s.port}]} for s in servers])

    def put_slice(self, *servers: Origin, **conditions: bool) -> None:
        """One for each server; conditions are those of all."""
        for s in servers:
            self.kubernetes.put_slice(self.namespace, "web", f"web-{s.name}", [{"addresses": [s.host], "conditions": conditions}],
                                      [{"name": "http", "port": s.port}])

    def delete_slice(self, server: Origin) -> None:
        self.kubernetes.delete("endpointslices", self.namespace, f"web-{server.name}")

    def config(self) -> dict[str, Any]:
        return {"provider": "kubernetes",
                "kubernetes": {"servers": [self.kubernetes.server], "tokenpath": str(self.account.tokenpath),
                               "services": [{"hostname": "a.test", "upstream": "web"}]}}


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(host=outside()) as o:
        yield o


@pytest.fixture
def other() -> Iterator[Origin]:
    with Origin("other", host=outside()) as o:
        yield o


def wait_bodies(proxy: Proxy, *texts: str, host: str = "a.test") -> None:
    wait_until(lambda: {body(proxy, host=host) for _ in range(4)} == set(texts), f"answers {texts}", 20)


def test_role_of_todays_manifests_is_enough(kubernetes: KubernetesApi, tmp_path: pathlib.Path, origin: Origin, other: Origin) -> None:
    shop = Shop(kubernetes, tmp_path, ENDPOINTS)
    shop.put_endpoints(origin, other)
    with Proxy(upstreams=shop.config()) as proxy:
        assert {body(proxy) for _ in range(4)} == {"origin GET /", "other GET /"}
        shop.put_endpoints(other)
        wait_bodies(proxy, "other GET /")
        kubernetes.delete("endpoints", shop.namespace, "web")
        wait_bodies(proxy, "502")
        shop.put_endpoints(origin)
        wait_bodies(proxy, "origin GET /")
        assert "WARN aralez::control::discovery" not in proxy.log()


def test_slices_are_watched(kubernetes: KubernetesApi, tmp_path: pathlib.Path, origin: Origin, other: Origin) -> None:
    shop = Shop(kubernetes, tmp_path, SLICES)
    shop.put_slice(origin)
    with Proxy(upstreams=shop.config()) as proxy:
        assert body(proxy) == "origin GET /"
        shop.put_slice(other, ready=True)
        wait_bodies(proxy, "origin GET /", "other GET /")
        shop.put_slice(origin, ready=False)
        wait_bodies(proxy, "other GET /")
        shop.delete_slice(other)
        wait_bodies(proxy, "502")
        shop.put_slice(origin, ready=False, serving=True, terminating=True)
        wait_bodies(proxy, "origin GET /")
        assert "WARN aralez::control::discovery" not in proxy.log()


def test_end_of_the_api_and_its_return(kubernetes: KubernetesApi, tmp_path: pathlib.Path, origin: Origin, other: Origin) -> None:
    shop = Shop(kubernetes, tmp_path, SLICES)
    shop.put_slice(origin)
    with Proxy(upstreams=shop.config()) as proxy, proxy.client() as client:
        assert body(proxy) == "origin GET /"
        kubernetes.kill()
        proxy.wait_log("the servers that are known stay in use")
        assert client.request("/", host="a.test").status == 200
        kubernetes.restart()
        assert client.request("/", host="a.test").status == 200
        shop.put_slice(other)
        wait_bodies(proxy, "origin GET /", "other GET /")
        proxy.wait_log("there are answers again")


def test_history_that_is_forgotten(kubernetes: KubernetesApi, tmp_path: pathlib.Path, origin: Origin, other: Origin) -> None:
    shop = Shop(kubernetes, tmp_path, SLICES)
    shop.put_slice(origin)
    with Proxy(upstreams=shop.config()) as proxy:
        assert body(proxy) == "origin GET /"
        shop.put_slice(other)
        shop.delete_slice(origin)
        kubernetes.forget_history()
        kubernetes.restart()
        wait_bodies(proxy, "other GET /")


def test_tokens_are_renewed_and_permission_comes_late(
        kubernetes: KubernetesApi, tmp_path: pathlib.Path, origin: Origin, other: Origin) -> None:
    shop = Shop(kubernetes, tmp_path, [])
    shop.put_slice(origin)
    shop.put_endpoints(other)
    with Proxy(upstreams=shop.config()) as proxy:
        assert body(proxy) == "502"
        proxy.wait_log("status 403: neither endpointslices nor endpoints may be read")
        shop.account.set_token("unknown")
        kubernetes.allow("aralez", shop.namespace, ENDPOINTS)
        shop.account.set_token(kubernetes.new_token("aralez", shop.namespace))
        wait_bodies(proxy, "other GET /")
        kubernetes.allow("aralez", shop.namespace, [])
        proxy.wait_log("403: neither endpointslices nor endpoints may be read; the servers that are known stay", deadline=20)
        kubernetes.allow("aralez", shop.namespace, SLICES)
        wait_bodies(proxy, "origin GET /")


def test_manifest_of_the_manual(kubernetes: KubernetesApi, tmp_path: pathlib.Path, origin: Origin) -> None:
    page = (ROOT / "docs/user/kubernetes.md").read_text(encoding="utf-8")
    manifest = re.search(r"^```yaml\n(apiVersion.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert manifest
    files: dict[str, str] = {}
    kubernetes.call("/api/v1/namespaces", method="POST", body={"metadata": {"name": "shop"}})
    for value in yaml.safe_load_all(manifest[1]):
        version, kind = value["apiVersion"], value["kind"].lower() + "s"
        kubernetes.call(f"/{'api' if version == 'v1' else 'apis'}/{version}/namespaces/shop/{kind}", method="POST", body=value)
        files.update(value.get("data", {}))

    for name, text in files.items():
        (tmp_path / name).write_text(text.replace("/etc/aralez", str(tmp_path)))
    tried = subprocess.run([BINARY, "-c", tmp_path / "main.yaml", "-t"], capture_output=True, text=True, check=False,
                           env={"KUBERNETES_SERVICE_HOST": "127.0.0.1"})
    assert tried.returncode == 0 and "WARN" not in tried.stdout + tried.stderr, tried

    account = Account(tmp_path / "account", kubernetes.authority, kubernetes.new_token("aralez", "shop"), "shop")
    kubernetes.put_slice("shop", "web", "web-1", [{"addresses": [origin.host]}], [{"name": "http", "port": origin.port}])
    config = yaml.safe_load(files["upstreams.yaml"])
    config["kubernetes"]["tokenpath"] = str(account.tokenpath)
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT_HTTPS": str(kubernetes.port)}
    with Proxy(upstreams=config, env=env) as proxy:
        wait_bodies(proxy, "origin GET /", host="shop.test")
