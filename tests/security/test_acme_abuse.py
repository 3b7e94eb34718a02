"""What strangers can do with ACME, and what is kept from them: threats rows 26 and 27, defect 25."""

from __future__ import annotations

import concurrent.futures
import pathlib
import re
import stat
from typing import Any, Iterator

import pytest

from support.acme import CHALLENGES, CREDENTIALS, ISSUED, NO_ACCOUNT, OrderingProxy, harmless, refused, shown
from support.addresses import outside
from support.certificates import save
from support.deadline import wait_until
from support.fake_acme import FakeAcme
from support.http2 import Broken
from support.issuer import DAY, Issuer
from support.jose import unb64
from support.origin import Origin
from support.pairs import PairClient
from support.ports import free_port
from support.proxy import route

KEY = "the-key-of-the-api"
DENIED = (403, None, "Access Denied !\n")


@pytest.fixture
def ca() -> Iterator[FakeAcme]:
    with FakeAcme(free_port()) as c:
        yield c


def tree(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Names.

LABEL = "a" * 63
BAD = ["..%2Fx", "../x", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "a.test%2f..%2fx", "a.test/b", "a.test%2Fb", "a%5cb.test", "*.a.test",
       "%2a.a.test", "127.0.0.1", "192.0.2.1.", "[::1]", "::1", "2001:db8::1", "a_b.test", "_acme.a.test", "-a.test", "a-.test", "a..test",
       ".a.test", "a.test..", ".", "a.test:80", "a@b.test", "a.test%0d%0aX-Injected:%201", "a.test%20", "a%20b.test",
       "%20", "%C3%A4.test", "%E2%82%AC.test", "%ff.test", "a%25.test", "a.test%3Fx", "a,b.test", "a.test;x", "<a>.test", "'a'.test",
       "a" * 64 + ".test", ".".join([LABEL] * 4), ".".join(["a"] * 128), "a" * 5000 + ".test"]


@pytest.fixture(scope="module")
def still() -> Iterator[tuple[FakeAcme, OrderingProxy]]:
    """Of which nothing is asked."""
    with FakeAcme(free_port()) as ca, OrderingProxy(ca) as proxy:
        yield ca, proxy


@pytest.mark.parametrize("name", BAD, ids=lambda n: n[:20])
def test_defect_25_what_is_no_name_of_a_host_is_refused_and_leaves_no_trace(still: tuple[FakeAcme, OrderingProxy], name: str) -> None:
    """They were added to the names that are renewed; ../x was one."""
    ca, proxy = still
    before, connections = tree(proxy.folder / "config"), len(ca.origin.connections)
    refused(proxy.order(name))
    assert tree(proxy.folder / "config") == before and not (proxy.folder / "x.crt").exists()
    assert len(ca.origin.connections) == connections


def test_zero_bytes_do_not_even_reach_it(still: tuple[FakeAcme, OrderingProxy]) -> None:
    ca, proxy = still
    connections = len(ca.origin.connections)
    assert [proxy.order(name).status for name in ("a.test%00", "a%00.test")] == [400, 400]
    assert len(ca.origin.connections) == connections


def test_defect_25_names_are_added_when_there_is_a_certificate(ca: FakeAcme) -> None:
    """They were added first, and tried for ever."""
    with OrderingProxy(ca) as proxy:
        ca.fault("new-order", ca.problem("rejectedIdentifier", "not this one"))
        refused(proxy.order("bad.test"), "not this one")
        assert proxy.managed() == []
        assert proxy.order("A.Test.").text() == ISSUED
        assert proxy.order("xn--bcher-kva.test").text() == ISSUED
        assert sorted(proxy.managed()) == ["a.test", "xn--bcher-kva.test"]
        assert [o.name for o in ca.orders] == ["a.test", "xn--bcher-kva.test"]


def test_orders_are_for_those_who_may_use_the_api(ca: FakeAcme) -> None:
    with OrderingProxy(ca, main={"master_key": KEY, "config_address": f"0.0.0.0:{free_port()}"}) as proxy:
        for target in ("/acme_create", "/acme_order/a.test"):
            assert shown(proxy.call(target, address=outside())) == DENIED
            assert shown(proxy.call(target, fields="X-Forwarded-For: 127.0.0.1\r\n")) == DENIED
            assert shown(proxy.call(target, fields="Origin: http://evil.test\r\n")) == DENIED
            assert shown(proxy.call(target, host="evil.test")) == DENIED
        assert not ca.asked and not proxy.state.exists()
        assert proxy.call("/acme_order/a.test", address=outside(), fields=f"x-api-key: {KEY}\r\n", deadline=30).text() == ISSUED


# Challenges.

@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[OrderingProxy, str, Origin]]:
    """A proxy with an order under way, its token, and the origin behind a login."""
    with FakeAcme(free_port()) as ca, Origin() as origin, concurrent.futures.ThreadPoolExecutor(1) as pool:
        hosts = {"a.test": {"/": route(origin, authorization={"type": "basic", "data": "ops:s3cret"})}}
        proxy = OrderingProxy(ca, hosts, main={"config_address": f"0.0.0.0:{free_port()}"})
        save(proxy.certificates, "other.test", Issuer().pair("other.test"))
        with proxy:
            ca.validating.clear()
            order = pool.submit(proxy.order)
            wait_until(lambda: ca.asked["challenge"], "the challenge")
            yield proxy, ca.orders[0].token, origin
            ca.validating.set()
            assert order.result().text() == ISSUED
            assert proxy.get(CHALLENGES + ca.orders[0].token).status == 401, "a token is known as long as it is needed"
            assert proxy.call(CHALLENGES + ca.orders[0].token).status == 404


def test_token_is_answered_on_all_listeners(guarded: tuple[OrderingProxy, str, Origin]) -> None:
    proxy, token, origin = guarded
    target = CHALLENGES + token
    told = proxy.get(target)
    assert shown(told)[:2] == (200, "text/plain") and re.fullmatch(re.escape(token) + r"\.[A-Za-z0-9_-]{43}", told.text())
    for host in ("unknown.test", "127.0.0.1", "A.TEST:80"):
        assert proxy.get(target, host=host).body == told.body
    for address in (None, outside()):
        assert shown(proxy.call(target, address=address, fields="X-Forwarded-For: 192.0.2.1\r\n", host="a.test")) == shown(told)
    with proxy.client() as client:
        for _ in range(2):
            head = client.request(target, method="HEAD")
            assert (head.status, head.body, head.get("content-length")) == (200, b"", str(len(told.body)))
            assert client.request(target).body == told.body
    with PairClient("h2c", proxy.address) as h2, proxy.tls() as tls:
        head, body = h2.request("GET", target)
        assert (head.status, head.get("content-type"), body) == (200, "text/plain", told.body)
        assert tls.request(target).body == told.body
    assert not origin.requests


SPELLINGS = ["/.well-known/acme-challenge/TOKEN/", "/.well-known/acme-challenge/TOKENx", "/.well-known/acme-challenge/TOKEN/..",
             "/.well-known/acme-challenge/TOKEN/../../..", "/.well-known/acme-challenge/TOKEN%2f", "/.well-known/acme-challenge/TOKEN%00",
             "/.well-known/acme-challenge/TOKEN.", "/.well-known/acme-challenge/TOKEN;x", "/.well-known/acme-challenge//TOKEN",
             "/.well-known//acme-challenge/TOKEN", "//.well-known/acme-challenge/TOKEN", "/./.well-known/acme-challenge/TOKEN",
             "/x/../.well-known/acme-challenge/TOKEN", "/.well-known/acme-challenge/x/../TOKEN", "/%2ewell-known/acme-challenge/TOKEN",
             "/.well-known/acme%2dchallenge/TOKEN", "/.well-known%2facme-challenge/TOKEN", "/.Well-Known/acme-challenge/TOKEN",
             "/.well-known/acme-challenge/%54OKEN", "/.well-known/acme-challenge/", "/.well-known/acme-challenge",
             "/.well-known/acme-challenge/x", "/x/.well-known/acme-challenge/TOKEN", "/secret#/.well-known/acme-challenge/TOKEN",
             "/secret?/.well-known/acme-challenge/TOKEN"]


@pytest.mark.parametrize("target", SPELLINGS)
def test_other_paths_take_the_ordinary_way(guarded: tuple[OrderingProxy, str, Origin], target: str) -> None:
    """Threats row 27: a path that looked like a challenge skipped what guards a host."""
    proxy, token, origin = guarded
    target = target.replace("%54OKEN", f"%{ord(token[0]):02x}{token[1:]}").replace("TOKEN", token)
    for method in ("GET", "HEAD"):
        assert proxy.get(target, method=method).status in (400, 401)
    with PairClient("h2c", proxy.address) as h2:
        try:
            assert h2.request("GET", target)[0].status in (400, 401)
        except Broken:
            assert "#" in target  # a stream error
    assert not origin.requests


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_take_the_ordinary_way(guarded: tuple[OrderingProxy, str, Origin], method: str) -> None:
    proxy, token, origin = guarded
    assert proxy.get(CHALLENGES + token, method=method).status == 401
    assert not origin.requests


def test_other_tokens_are_not_answered(guarded: tuple[OrderingProxy, str, Origin]) -> None:
    proxy, token, _ = guarded
    for other in (token[:-1], token.swapcase(), token * 2, "a" * 5000, token[1:]):
        assert proxy.get(CHALLENGES + other).status in (401, 414)
        assert shown(proxy.call(CHALLENGES + other))[0::2] == (404, "Not found")


@pytest.mark.parametrize("token", ["../../x", "a/b", "a%2fb", "", ".", "a b", "a\r\nX: 1", "a\x00b", "ä", "a=", "a+b", "x" * 20_000],
                         ids=lambda t: repr(t[:12]))
def test_tokens_that_are_none_are_refused(ca: FakeAcme, token: str) -> None:
    with OrderingProxy(ca) as proxy:
        ca.edits["authorization"] = lambda v: {**v, "challenges": [{**c, "token": token} for c in v["challenges"]]}
        refused(proxy.order())
        assert ca.asked["challenge"] == 0 and proxy.managed() == []


# Texts of the authority.

@pytest.mark.parametrize("detail", ["a\r\nX-Injected: 1\x1b[31m\x00\x7f\x9b2J b", "x" * 200_000, {"an": "object"}, "\ud800"],
                         ids=["controls", "long", "object", "surrogate"])
def test_texts_of_the_authority_stay_in_one_line(ca: FakeAcme, detail: Any) -> None:
    with OrderingProxy(ca) as proxy:
        ca.verdict = {"type": "urn:ietf:params:acme:error:unauthorized\r\nX: 1", "detail": detail}
        response = proxy.order()
        refused(response)
        assert response.get("x-injected") is None and response.get("x") is None
        proxy.manage("b.test")
        ca.fault("new-account", ca.problem("x", detail if isinstance(detail, str) else ""), times=None)
        for line in proxy.log().split("\n"):
            assert harmless(line) and len(line) < 4000, line[:5000]


def test_text_of_the_authority_in_the_answer_for_an_account(ca: FakeAcme) -> None:
    with OrderingProxy(ca) as proxy:
        ca.fault("new-account", ca.problem("unauthorized", "go\r\naway\x1b[2J"))
        assert "away" in refused(proxy.create(), text=NO_ACCOUNT)


# Files and logs.

def test_defect_25_keys_are_for_their_owner_alone(ca: FakeAcme) -> None:
    proxy = OrderingProxy(ca)
    save(proxy.certificates, "old.test", Issuer().pair("old.test", begins=-80 * DAY, ends=DAY))
    (proxy.certificates / "old.test.key").chmod(0o644)
    with proxy:
        assert [proxy.order(name).text() for name in ("old.test", "new.test")] == [ISSUED] * 2
        for path in (proxy.certificates / "old.test.key", proxy.certificates / "new.test.key", proxy.state / CREDENTIALS):
            assert mode(path) == 0o600, path
        (proxy.state / CREDENTIALS).chmod(0o644)
        before = (proxy.state / CREDENTIALS).read_bytes()
        ca.forget_accounts()
        assert proxy.order("b.test").text() == ISSUED
        assert (proxy.state / CREDENTIALS).read_bytes() != before and mode(proxy.state / CREDENTIALS) == 0o600
        kept = {p.name for folder in (proxy.state, proxy.certificates) for p in folder.iterdir()}
        names = {f"{n}.test.{end}" for n in ("old", "new", "b") for end in ("crt", "key")}
        assert kept == {CREDENTIALS, "domains.json", *names}, "and nothing is left over"


def test_secrets_stay_out_of_the_logs(ca: FakeAcme) -> None:
    with OrderingProxy(ca) as proxy:
        assert proxy.order().text() == ISSUED
        ca.fault("finalize", ca.problem("badCSR", "no"), times=None)
        refused(proxy.order("b.test"), "no")
        account = proxy.account()["key_pkcs8"]
        secret = unb64(account)[-100:].hex()
        lines = [line for line in proxy.key().splitlines() if "-----" not in line]
        told = proxy.log() + proxy.stderr()
        for text in (account, account[-60:], secret, *lines, "PRIVATE KEY"):
            assert text not in told
