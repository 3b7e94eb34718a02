"""The API on `config_tls_address`: issue 6 point 6, behaviour section 12, and section 0 for where the keys come from."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from typing import Any, Iterator

import pytest

from support.addresses import outside
from support.certificates import Authority, der, s_client, save
from support.client import Client
from support.deadline import seconds, wait_until
from support.origin import Origin
from support.pairs import PairClient
from support.ports import free_port
from support.proxy import BINARY, Proxy, as_text, detected, document, route
from support.tls import certificate, client_context
from support.tools import need

KEY = "the-key-of-the-api"
DENIED = (403, "Access Denied !\n")


def keys(port: int, crt: pathlib.Path | str, key: pathlib.Path | str, address: str = "127.0.0.1") -> dict[str, Any]:
    return {"config_tls_address": f"{address}:{port}", "config_tls_certificate": str(crt), "config_tls_key_file": str(key)}


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def proxy(port: int) -> Iterator[Proxy]:
    main = {"config_api_enabled": True, "master_key": KEY, "threads": 2, **keys(port, *certificate(), address="0.0.0.0")}
    with Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main=main) as p:
        yield p


def curl(*arguments: str) -> tuple[int, str]:
    """Status and body of one request whose certificate is verified."""
    done = subprocess.run([need("curl"), "-s", "--cacert", str(certificate()[0]), "-w", "\n%{http_code}", *arguments],
                          capture_output=True, text=True, timeout=seconds(20), check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def ask(port: int, target: str = "/status?live", *, address: str = "127.0.0.1", host: str = "127.0.0.1", **more: Any) -> tuple[int, str]:
    context = client_context()
    context.check_hostname = False
    with Client((address, port), tls=context, name="a.test") as client:
        response = client.request(target, host=f"{host}:{port}", **more)
    return response.status, response.text()


# What is served.

@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_calls_it(proxy: Proxy, port: int, version: str) -> None:
    assert curl(version, f"https://127.0.0.1:{port}/status?live") == (200, proxy.call("/status?live").text())
    status, page = curl(version, f"https://127.0.0.1:{port}/")
    assert status == 200 and "<title>" in page
    assert "aralez_tls_handshakes_total" in curl(version, f"https://127.0.0.1:{port}/metrics")[1]


def test_a_host_that_the_certificate_does_not_name_is_no_matter(proxy: Proxy, port: int) -> None:
    """421 is for connections that carry several hosts: here there is one."""
    assert curl("--http2", "-H", "Host: localhost", f"https://127.0.0.1:{port}/status?live")[0] == 200


def test_a_configuration_is_pushed(proxy: Proxy, port: int) -> None:
    for target in ("http://one.test", "http://two.test"):
        pushed = document({"a.test": {"/": {"redirect_to": target, "servers": [], "healthcheck": False}}})
        assert ask(port, "/conf", method="POST", body=as_text(pushed).encode()) == (200, "Accepted! Applying in background\n")
        assert proxy.get("/x").get("location") == f"{target}/x"


def test_other_listeners_are_what_they_were(proxy: Proxy, port: int) -> None:
    assert proxy.call("/status?live").status == 200
    with Client(("127.0.0.1", port)) as plain:
        plain.send("GET /status?live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" not in plain.wait_closed(allow_bytes=True)


# Who may call.

def test_strangers_need_the_key(proxy: Proxy, port: int) -> None:
    host = outside()
    assert ask(port, address=host, host=host) == DENIED
    assert ask(port, "/status?live&key=wrong", address=host, host=host) == DENIED
    assert ask(port, f"/status?live&key={KEY}", address=host, host=host)[0] == 200
    assert ask(port, address=host, host=host, fields=f"x-api-key: {KEY}\r\n")[0] == 200
    assert ask(port, address=host, host=host, fields=f"Authorization: Bearer {KEY}\r\n")[0] == 200
    assert ask(port, fields="X-Forwarded-For: 127.0.0.1\r\n") == DENIED
    body = json.dumps({"master_key": KEY, "owner": "o", "exp": 1}).encode()
    assert ask(port, "/jwt", address=host, host=host, method="POST", fields="Content-Type: application/json\r\n", body=body)[0] == 201


def test_names_of_others_and_pages_of_other_sites_get_nothing(proxy: Proxy, port: int) -> None:
    assert ask(port, host="evil.test") == DENIED
    for origin in ("https://evil.test", "null", f"http://127.0.0.1:{port}"):
        assert ask(port, fields=f"Origin: {origin}\r\n") == DENIED, origin
    assert ask(port, fields="Sec-Fetch-Site: cross-site\r\n") == DENIED
    assert ask(port, fields=f"Origin: https://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n")[0] == 200
    with PairClient("h2s", ("127.0.0.1", port), "a.test") as client:
        assert client.request("GET", "/status?live")[0].status == 403


def test_own_proxy_passes_challenges_alone() -> None:
    port = free_port()
    main = {"config_api_enabled": True, "master_key": KEY, **keys(port, *certificate())}
    with Proxy({"DEFAULT": {"/": detected(f"https://127.0.0.1:{port}")}}, main=main) as proxy:
        assert "warning: servers: DEFAULT/ leads to config_tls_address, the API" in proxy.stderr()
        assert proxy.get("/status?live", fields=f"x-api-key: {KEY}\r\n").status == 403
        challenge = proxy.get("/.well-known/acme-challenge/token")
        assert (challenge.status, challenge.text()) == (404, "Not found")


# Its files.

@pytest.fixture
def served(tmp_path: pathlib.Path, authority: Authority, origin: Origin) -> Iterator[tuple[Proxy, int, tuple[str, str]]]:
    pair, port = authority.issue("api.test"), free_port()
    save(tmp_path, "api", pair)
    main = {**keys(port, tmp_path / "api.crt", tmp_path / "api.key"), "proxy_address_tls": f"127.0.0.1:{free_port()}"}
    with Proxy({"a.test": {"/": route(origin)}}, main=main) as p:
        yield p, port, pair


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def shown(port: int) -> bytes:
    return der(re.search(r"-----BEGIN CERTIFICATE-----.*", s_client(port, "-servername", "x.test"), re.DOTALL)[0])  # type: ignore[index]


def test_it_has_its_own_certificate_and_takes_up_a_new_one(served: tuple[Proxy, int, tuple[str, str]], authority: Authority,
                                                          tmp_path: pathlib.Path) -> None:
    proxy, port, pair = served
    assert shown(port) == der(pair[0])
    assert shown(int(proxy.main["proxy_address_tls"].rpartition(":")[2])) != der(pair[0])
    names = {c["name"]: c["names"] for c in json.loads(proxy.call("/status?format=json").text())["certificates"]}
    assert names[str(tmp_path / "api.crt")] == ["api.test"]
    renewed = authority.issue("api.test")
    save(tmp_path, "api", renewed)
    wait_until(lambda: shown(port) == der(renewed[0]), "the new certificate")


def test_a_bad_pair_leaves_the_one_before(served: tuple[Proxy, int, tuple[str, str]], authority: Authority, tmp_path: pathlib.Path) -> None:
    proxy, port, pair = served
    (tmp_path / "api.key").write_text(authority.issue("other.test")[1])
    proxy.wait_log(rf"{tmp_path}/api\.crt: the certificate that was read before stays in use")
    assert shown(port) == der(pair[0])


def test_a_start_with_a_bad_pair_goes_on_and_takes_the_good_one_later(tmp_path: pathlib.Path, authority: Authority, origin: Origin) -> None:
    port = free_port()
    with Proxy({"a.test": {"/": route(origin)}}, main=keys(port, tmp_path / "api.crt", tmp_path / "api.key")) as proxy:
        assert f"{tmp_path}/api.crt: cannot be read" in proxy.log()
        assert f"{tmp_path}/api.crt and {tmp_path}/api.key are no usable pair: a self-signed certificate" in proxy.log()
        assert proxy.get("/x").status == 200
        pair = authority.issue("api.test")
        save(tmp_path, "api", pair)
        wait_until(lambda: shown(port) == der(pair[0]), "the pair that has come")


def dash_t(proxy: Proxy) -> tuple[int, str]:
    done = subprocess.run([str(BINARY), "-t", "-c", str(proxy.prepare().folder / "main.yaml")], capture_output=True, text=True,
                          timeout=seconds(20), check=False)
    return done.returncode, done.stdout + done.stderr


def test_dash_t_says_what_is_wrong_with_the_pair_and_where_it_is_named(tmp_path: pathlib.Path, authority: Authority) -> None:
    one, other = authority.issue("api.test"), authority.issue("other.test")
    save(tmp_path, "api", one)
    save(tmp_path, "other", other)
    proxy = Proxy({"a.test": {"/": route("127.0.0.1:1")}})
    try:
        def tried(crt: str, key: str) -> tuple[int, str]:
            proxy.main.update(keys(1, tmp_path / crt, tmp_path / key))
            return dash_t(proxy)

        def at(key: str) -> str:
            lines = (proxy.folder / "main.yaml").read_text().splitlines()
            line = next(i for i, text in enumerate(lines, 1) if f'"{key}"' in text)
            return rf"main\.yaml:{line}:2: {key}: {tmp_path}/"
        assert tried("api.crt", "api.key")[0] == 0
        code, said = tried("api.crt", "other.key")
        assert code == 1 and re.search(at("config_tls_key_file") + r"other\.key: not the key of api\.crt", said), said
        code, said = tried("none.crt", "api.key")
        assert code == 1 and re.search(at("config_tls_certificate") + r"none\.crt: cannot be read: No such file", said), said
        code, said = tried("api.crt", "api.crt")
        assert code == 1 and re.search(at("config_tls_key_file") + r"api\.crt: holds no private key", said), said
        del proxy.main["config_tls_address"]
        code, said = dash_t(proxy)
        assert code == 0 and said.count("has no effect without config_tls_address") == 2, said
    finally:
        proxy.close()
