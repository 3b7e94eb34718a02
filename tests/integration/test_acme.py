"""Certificates that are ordered, with a real CA: behaviour sections 11 and 12, defects 25 and 28."""

from __future__ import annotations

import base64
import re
import subprocess
from typing import Any, Iterator

import pytest
from cryptography.hazmat.primitives import serialization

from support.acme import CREDENTIALS, FRESH, ISSUED, NO_ACCOUNT, OrderingProxy, listen_at, proxy, refused, shown, together
from support.certificates import der
from support.deadline import seconds
from support.origin import Origin
from support.pebble import Pebble
from support.ports import free_port
from support.prometheus import value
from support.proxy import Proxy, route
from support.tools import need, run

EAB = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}
OTHER_FILE = r"acme_credentials\.[0-9a-f]{16}\.json"


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    with Pebble(free_port(), chain_length=2, alternate_roots=1, blocked=["blocked.test"]) as p:
        yield p


# Accounts.

def test_account_is_made_once(proxy: OrderingProxy, pebble: Pebble) -> None:
    response = proxy.create()
    assert response.status == 200 and response.get("content-type") == "text/plain"
    url = response.text().removesuffix("\n")
    assert url.startswith(f"https://127.0.0.1:{pebble.port}/my-account/")
    account = proxy.account()
    assert (account["id"], account["directory"]) == (url, pebble.directory)
    text = account["key_pkcs8"]
    key = serialization.load_der_private_key(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), None)
    assert key.curve.name == "secp256r1" and "=" not in text
    before = (proxy.state / CREDENTIALS).read_bytes()
    for method in ("GET", "POST", "PUT"):
        assert shown(proxy.create(method=method)) == (200, "text/plain", f"{url}\n")
    proxy.restart()
    assert proxy.create().text() == f"{url}\n"
    assert (proxy.state / CREDENTIALS).read_bytes() == before
    assert proxy.acme()["account"] == url


@pytest.fixture(scope="module")
def account(pebble: Pebble) -> dict[str, str]:
    """A good one, as its file has it."""
    with OrderingProxy(pebble) as p:
        assert p.create().status == 200
        return p.account()


def test_account_of_another_authority_is_left_alone(pebble: Pebble, account: dict[str, str]) -> None:
    urls = {"newNonce": "https://other.test/n", "newAccount": "https://other.test/a", "newOrder": "https://other.test/o"}
    for other in ({"directory": "https://other.test/dir"}, {"urls": urls}):
        with OrderingProxy(pebble) as p:
            before = p.write_account({"id": "https://other.test/acct/1", "key_pkcs8": account["key_pkcs8"], **other})
            url = p.create().text()
            assert (p.state / CREDENTIALS).read_bytes() == before
            names = [f.name for f in p.state.iterdir() if re.fullmatch(OTHER_FILE, f.name)]
            assert len(names) == 1 and p.account(names[0])["id"] + "\n" == url
            p.restart()
            assert (p.create().text(), p.order().text()) == (url, ISSUED)
            assert (p.state / CREDENTIALS).read_bytes() == before


def test_account_of_an_older_file_is_kept(pebble: Pebble, account: dict[str, str]) -> None:
    urls = {"newNonce": f"https://127.0.0.1:{pebble.port}/nonce-plz", "newAccount": f"https://127.0.0.1:{pebble.port}/sign-me-up",
            "newOrder": f"https://127.0.0.1:{pebble.port}/order-plz"}
    with OrderingProxy(pebble) as p:
        p.write_account({"id": account["id"], "key_pkcs8": account["key_pkcs8"], "urls": urls})
        assert (p.create().text(), p.order().text()) == (f"{account['id']}\n", ISSUED)
        assert p.account()["id"] == account["id"] and p.account()["key_pkcs8"] == account["key_pkcs8"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": "https://x/1"}', '{"id": 1, "key_pkcs8": "AA", "directory": "DIRECTORY"}',
                                     '{"id": "https://x/1", "key_pkcs8": "!", "directory": "DIRECTORY"}'])
def test_file_of_an_account_that_is_not_understood_is_never_lost(pebble: Pebble, content: str) -> None:
    with OrderingProxy(pebble) as p:
        before = p.write_account(content.replace("DIRECTORY", pebble.directory))
        refused(p.create(), CREDENTIALS, text=NO_ACCOUNT)
        refused(p.order(), CREDENTIALS)
        assert [f.name for f in p.state.iterdir()] == [CREDENTIALS] and (p.state / CREDENTIALS).read_bytes() == before


def test_external_account_binding() -> None:
    with Pebble(free_port(), eab=EAB) as pebble:
        kid, key = next(iter(EAB.items()))
        with OrderingProxy(pebble, main={"acme_eab_kid": kid, "acme_eab_hmac_key": key}) as p:
            assert (p.create().status, p.order().text()) == (200, ISSUED)
            assert key not in p.log() + p.stderr()
        for wrong in ((None, None), ("kid-2", key), (kid, key[:-4] + "AAAA")):
            with OrderingProxy(pebble, main={"acme_eab_kid": wrong[0], "acme_eab_hmac_key": wrong[1]}) as p:
                refused(p.create(), text=NO_ACCOUNT)
                refused(p.order())


def test_authority_that_has_forgotten_the_account() -> None:
    with Pebble(free_port()) as pebble, OrderingProxy(pebble) as p:
        assert p.order().text() == ISSUED
        before = p.account()
        pebble.restart()
        assert p.order("b.test").text() == ISSUED
        assert p.account()["id"] != before["id"] and p.account()["key_pkcs8"] == before["key_pkcs8"]
        p.served("b.test", pebble.context())


# Orders.

def test_certificate_is_served_with_the_answer(pebble: Pebble, origin: Origin) -> None:
    with OrderingProxy(pebble, {"a.test": {"/": route(origin)}}) as p:
        assert shown(p.order()) == (200, "text/plain", ISSUED)
        assert p.served("a.test", pebble.context()) == der(p.chain())
        with p.tls("a.test", pebble.context()) as client:
            assert client.request("/x", host="a.test").text() == "origin GET /x"
        (p.folder / "root.pem").write_text(pebble.root())
        done = run(need("curl"), "-sS", "--cacert", f"{p.folder}/root.pem", "--resolve", f"a.test:{p.tls_port}:127.0.0.1",
                   f"https://a.test:{p.tls_port}/y")
        assert done.stdout == b"origin GET /y"
        assert serialization.load_pem_private_key(p.key().encode(), None).curve.name == "secp256r1"
        assert p.key().startswith("-----BEGIN PRIVATE KEY-----\n") and p.chain().count("BEGIN CERTIFICATE") > 1
        assert p.managed() == ["a.test"]
        assert {f.name for f in p.certificates.iterdir()} == {"a.test.crt", "a.test.key"}
        asked = pebble.orders()
        assert [shown(p.order(name)) for name in ("a.test", "A.Test.", "/a.test//")] == [(200, "text/plain", FRESH)] * 3
        assert pebble.orders() == asked and p.managed() == ["a.test"]
        assert all(r.path in ("/x", "/y") for r in origin.requests), "no challenge reaches a server"


def test_state_and_metrics(pebble: Pebble, proxy: OrderingProxy) -> None:
    assert (proxy.acme()["directory"], proxy.acme()["names"]) == (pebble.directory, [])
    assert proxy.order().text() == ISSUED
    refused(proxy.order("blocked.test"))
    acme = proxy.acme()
    assert acme["account"] == proxy.account()["id"]
    assert [(n["name"], n["trouble"]) for n in acme["names"]] == [("a.test", None)] and acme["names"][0]["next_try"] > 1_700_000_000
    assert value(proxy, "aralez_acme_names") == 1
    assert value(proxy, "aralez_acme_orders_total", result="issued") == 1
    assert value(proxy, "aralez_acme_orders_total", result="failed") == 1


def test_challenge_passes_all_that_guards_a_host(pebble: Pebble) -> None:
    with Origin() as origin:
        hosts = {"auth.test": {"/": route(origin, authorization={"type": "basic", "data": "ops:s3cret"}, to_https=True)},
                 "limited.test": {"/": route(origin, rate_limit=0)},
                 "moved.test": {"/": route(origin, redirect_to="http://elsewhere.test")}, "dead.test": {"/": route("127.0.0.1:1")}}
        with OrderingProxy(pebble, hosts) as p:
            assert together(lambda n=n: p.order(n).text() for n in [*hosts, "unknown.test"]) == [ISSUED] * 5
            assert not origin.requests


def test_challenge_comes_by_a_route_to_the_api(pebble: Pebble) -> None:
    """The way of the original, here from another machine's proxy."""
    proxy = OrderingProxy(pebble)
    listen_at(proxy, free_port())
    front = Proxy({"a.test": {"/.well-known/acme-challenge": route(proxy.main["config_address"])}})
    listen_at(front, pebble.http_port)
    with front, proxy:
        assert proxy.order().text() == ISSUED


def test_same_with_one_proxy(pebble: Pebble) -> None:
    api = f"127.0.0.1:{free_port()}"
    with OrderingProxy(pebble, {"a.test": {"/.well-known/acme-challenge": route(api), "/": route("127.0.0.1:1")}},
                       main={"config_address": api}) as p:
        assert p.order().text() == ISSUED


def test_defect_25_orders_at_once_do_not_disturb_each_other(pebble: Pebble, proxy: OrderingProxy) -> None:
    """Challenges of all orders were forgotten when the first one was through."""
    names = [f"{n}.test" for n in "abcde"]
    assert together(lambda n=n: proxy.order(n).text() for n in names) == [ISSUED] * 5
    assert sorted(proxy.managed()) == names
    assert len({proxy.served(n, pebble.context()) for n in names}) == 5
    assert len({proxy.key(n) for n in names}) == 5


def test_one_name_twice_at_once_makes_one_certificate(pebble: Pebble, proxy: OrderingProxy) -> None:
    before = pebble.certificates()
    assert {r.status for r in together([proxy.order] * 2)} == {200}
    assert pebble.certificates() == before + 1 and proxy.managed() == ["a.test"]
    proxy.served("a.test", pebble.context())


# Mistakes in main.yaml.

@pytest.mark.parametrize("keys, said", [
    ({"acme_directory": "http://127.0.0.1/dir"}, "acme_directory"), ({"acme_directory": "nonsense"}, "acme_directory"),
    ({"acme_ca_file": "/nowhere.pem"}, "acme_ca_file"), ({"acme_contact": "no address"}, "acme_contact"),
    ({"acme_contact": ["a@a.test", "no address"]}, "acme_contact"),
    ({"acme_eab_kid": "k"}, "acme_eab_hmac_key"), ({"acme_eab_hmac_key": "c2VjcmV0LXNlY3JldA"}, "acme_eab_kid"),
    ({"acme_eab_kid": "k", "acme_eab_hmac_key": "not base64url!"}, "acme_eab_hmac_key")])
def test_mistakes_are_told_with_their_place(keys: dict[str, Any], said: str) -> None:
    proxy = Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main=keys).prepare()
    try:
        done = subprocess.run([*proxy.command(), "-t"], capture_output=True, text=True, timeout=seconds(20), check=False)
        assert done.returncode == 1 and said in done.stdout + done.stderr, done
        assert "main.yaml:" in done.stdout + done.stderr
        assert not any(v in done.stdout + done.stderr for k, v in keys.items() if k == "acme_eab_hmac_key"), "secrets stay out of messages"
    finally:
        proxy.close()
