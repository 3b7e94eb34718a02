"""Certificate authorities that err, stall or lie: behaviour section 11, threats rows 26 and 27."""

from __future__ import annotations

import concurrent.futures
import email.utils
import signal
import threading
import time
from typing import Any, Callable, Iterator

import pytest

from support.acme import CHALLENGES, ISSUED, NO_ACCOUNT, OrderingProxy, refused
from support.certificates import Authority, der, save
from support.deadline import stays, wait_until
from support.fake_acme import STEPS, FakeAcme
from support.http1 import Request
from support.issuer import DAY, Issuer, new_key
from support.origin import Connection, Origin, answer
from support.ports import free_port
from support.prometheus import value
from support.proxy import document, route

SIGNED = [s for s in STEPS if s not in ("directory", "new-nonce")]


@pytest.fixture
def ca() -> Iterator[FakeAcme]:
    with FakeAcme(free_port()) as c:
        yield c


@pytest.fixture
def proxy(ca: FakeAcme) -> Iterator[OrderingProxy]:
    with OrderingProxy(ca, {"a.test": {"/": route("127.0.0.1:1")}}) as p:
        yield p


@pytest.fixture
def pool(ca: FakeAcme) -> Iterator[concurrent.futures.ThreadPoolExecutor]:
    """What is under way at the end comes through."""
    with concurrent.futures.ThreadPoolExecutor(4) as p:
        yield p
        ca.retry_after = None
        ca.validating.set()
        ca.issuing.set()


def nothing_left(proxy: OrderingProxy) -> None:
    assert not proxy.certificates.exists() or not list(proxy.certificates.iterdir())
    assert proxy.managed() == [], "a name is managed once it has a certificate"


# Errors.

def endless(conn: Connection, request: Request) -> None:
    conn.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        conn.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


def long_head(conn: Connection, request: Request) -> None:
    conn.send("HTTP/1.1 200 OK\r\n")
    while True:
        conn.send(b"X: " + b"x" * 0x10000 + b"\r\n")


def elsewhere(conn: Connection, request: Request) -> None:
    where = f"https://{request.get('host')}/elsewhere"
    conn.send(answer("", "307 Temporary Redirect", f"Location: {where}\r\n"))


FAULTS: dict[str, Callable[[Connection, Request], object]] = {
    "broken": lambda conn, request: conn.send(answer("<h1>no</h1>", "500 Internal Server Error")),
    "closed": lambda conn, request: conn.close(),
    "no-http": lambda conn, request: (conn.send("nonsense\r\n\r\n"), conn.close()),
    "no-json": lambda conn, request: conn.send(answer("nonsense", fields="Location: nonsense\r\n")),
    "no-object": lambda conn, request: conn.send(answer("[" * 100_000)),
    "no-members": lambda conn, request: conn.send(answer("{}")),
    "endless": endless, "long-head": long_head, "elsewhere": elsewhere,
}


EMPTY = ("no-json", "no-object", "no-members")


@pytest.mark.parametrize("name", FAULTS)
def test_answers_of_no_use(ca: FakeAcme, proxy: OrderingProxy, name: str) -> None:
    for step in STEPS:
        if step == "order" or step in ("new-nonce", "challenge", "finalize") and name in EMPTY:
            continue  # it is asked again, or what is in it does not matter
        ca.fault(step, FAULTS[name], times=None)
        refused(proxy.order(f"{step}.test"))
        assert not ca.origin.seen("/elsewhere"), "redirects are not followed"
        nothing_left(proxy)
        ca.mend()
    assert proxy.order().text() == ISSUED


@pytest.mark.parametrize("step", ["new-account", "new-order", "finalize"])
def test_errors_are_told_with_their_detail(ca: FakeAcme, proxy: OrderingProxy, step: str) -> None:
    problem = ca.problem("rateLimited", "too many of late", "429 Too Many Requests", "Retry-After: 7200\r\n")
    ca.fault(step, problem, times=2 if step == "new-account" else 1)
    if step == "new-account":
        refused(proxy.create(), "too many of late", text=NO_ACCOUNT)
    refused(proxy.order(), "too many of late")
    assert value(proxy, "aralez_acme_orders_total", result="failed") == 1
    assert proxy.order().text() == ISSUED


@pytest.mark.parametrize("step", SIGNED)
def test_nonces_that_are_refused_are_replaced(ca: FakeAcme, proxy: OrderingProxy, step: str) -> None:
    ca.fault(step, ca.problem("badNonce", "another one please"), times=2)
    assert proxy.order().text() == ISSUED and ca.replayed == 0


def test_nonces_that_are_never_good_end_the_order(ca: FakeAcme, proxy: OrderingProxy) -> None:
    ca.fault("new-order", ca.problem("badNonce", "another one please"), times=None)
    refused(proxy.order(), "another one please")
    assert ca.asked["new-order"] <= 20


EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    **{f"plain-{key}": ("directory", lambda v, key=key: {**v, key: v[key].replace("https:", "http:")})
       for key in ("newNonce", "newAccount", "newOrder")},
    "file-url": ("directory", lambda v: {**v, "newOrder": "file:///etc/passwd"}),
    "plain-authorization": ("new-order", lambda v: {**v, "authorizations": [v["authorizations"][0].replace("https:", "http:")]}),
    "no-authorization": ("new-order", lambda v: {**v, "authorizations": []}),
    "plain-finalize": ("new-order", lambda v: {**v, "finalize": v["finalize"].replace("https:", "http:")}),
    "plain-certificate": ("order", lambda v: {k: t.replace("https:", "http:") if k == "certificate" else t for k, t in v.items()}),
    "no-certificate": ("order", lambda v: {k: value for k, value in v.items() if k != "certificate"}),
    "plain-challenge": ("authorization", lambda v: {**v, "challenges": [{**c, "url": c["url"].replace("https:", "http:")}
                                                                        for c in v["challenges"]]}),
    "other-challenges": ("authorization", lambda v: {**v, "challenges": [{**c, "type": "dns-01"} for c in v["challenges"]]}),
    **{f"{status}-authorization": ("authorization", lambda v, s=status: {**v, "status": s})
       for status in ("invalid", "deactivated", "expired", "revoked", "nonsense")},
    "invalid-order": ("order", lambda v: {**v, "status": "invalid"}),
}


@pytest.mark.parametrize("name", EDITS)
def test_objects_that_cannot_be_gone_on_with(ca: FakeAcme, proxy: OrderingProxy, name: str) -> None:
    step, edit = EDITS[name]
    ca.edits[step] = edit
    if step == "order":
        ca.edits["finalize"] = edit  # it may look at either
    refused(proxy.order())
    nothing_left(proxy)


def test_account_that_was_forgotten_is_made_again_with_its_key(ca: FakeAcme, proxy: OrderingProxy) -> None:
    assert proxy.order().text() == ISSUED
    before = proxy.account()
    ca.forget_accounts()
    assert proxy.order("b.test").text() == ISSUED
    after = proxy.account()
    assert after["id"] != before["id"] and after["key_pkcs8"] == before["key_pkcs8"]
    assert ca.asked["new-account"] == 2


def test_authorization_that_is_there_already_is_used(ca: FakeAcme, proxy: OrderingProxy) -> None:
    ca.known = True
    assert proxy.order().text() == ISSUED
    assert ca.asked["challenge"] == 0


@pytest.mark.parametrize("given, told", [(None, []), ("ops@a.test", ["mailto:ops@a.test"]),
                                         (["a@a.test", "b@b.test"], ["mailto:a@a.test", "mailto:b@b.test"])])
def test_contacts(ca: FakeAcme, given: Any, told: list[str]) -> None:
    with OrderingProxy(ca, main={"acme_contact": given}) as p:
        assert p.create().status == 200
        assert [r.get("contact", []) for r in ca.registrations] == [told]


def test_certificate_of_the_authority_is_verified(ca: FakeAcme) -> None:
    stranger = Authority("stranger")
    for file in (str(stranger.root), None):
        with OrderingProxy(ca, main={"acme_ca_file": file}) as p:
            refused(p.create(), "certificate", text=NO_ACCOUNT)
            refused(p.order(), "certificate")
    assert not ca.asked


# Certificates.

PAIRS: dict[str, Callable[[Issuer, str, Any], str]] = {
    "another-key": lambda issuer, name, key: issuer.certify(new_key().public_key(), name),
    "another-name": lambda issuer, name, key: issuer.certify(key, "b.test"),
    "expired": lambda issuer, name, key: issuer.certify(key, name, begins=-2 * DAY, ends=-DAY),
    "nothing": lambda issuer, name, key: "",
    "no-certificate": lambda issuer, name, key: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "thousands": lambda issuer, name, key: issuer.certify(key, name) * 3000,
}


@pytest.mark.parametrize("name", PAIRS)
def test_certificates_that_are_not_what_was_asked_for(ca: FakeAcme, name: str) -> None:
    proxy = OrderingProxy(ca)
    old = ca.issuer.pair("a.test", begins=-80 * DAY, ends=DAY)
    save(proxy.certificates, "a.test", old)
    ca.certify = lambda n, key: PAIRS[name](ca.issuer, n, key)
    with proxy:
        refused(proxy.order())
        assert (proxy.chain(), proxy.key()) == old and proxy.served() == der(old[0]), "the old one stays"
        assert len(list(proxy.certificates.iterdir())) == 2 and proxy.managed() == []


def test_nothing_but_certificates_is_kept(ca: FakeAcme, proxy: OrderingProxy) -> None:
    stray = ca.issuer.pair("a.test")[1]
    ca.certify = lambda name, key: f"text\n{stray}{ca.issuer.certify(key, name)}{stray}text\n"
    if proxy.order().text() == ISSUED:
        assert proxy.chain().startswith("-----BEGIN CERTIFICATE-----\n") and proxy.chain().endswith("-----END CERTIFICATE-----\n")
        assert proxy.chain().count("-----BEGIN") == 2 and "KEY" not in proxy.chain()
    else:
        nothing_left(proxy)


# Time.

def test_defect_25_authorities_are_waited_for(ca: FakeAcme, proxy: OrderingProxy, pool: concurrent.futures.ThreadPoolExecutor) -> None:
    """The original gave up after five seconds."""
    ca.validating.clear()
    order = pool.submit(proxy.order)
    wait_until(lambda: ca.asked["challenge"], "the challenge")
    stays(lambda: not order.done(), "it waits", during=6.5)
    ca.issuing.clear()
    ca.validating.set()
    wait_until(lambda: ca.asked["order"] >= 2, "it waits for the certificate as well")
    ca.issuing.set()
    assert order.result().text() == ISSUED


@pytest.mark.parametrize("kind", ["seconds", "date"])
def test_authorities_say_when_to_ask_again(ca: FakeAcme, proxy: OrderingProxy, kind: str,
                                           pool: concurrent.futures.ThreadPoolExecutor) -> None:
    ca.retry_after = "3" if kind == "seconds" else email.utils.formatdate(time.time() + 4, usegmt=True)
    ca.validating.clear()
    order = pool.submit(proxy.order)
    wait_until(lambda: ca.asked["challenge"], "the challenge")
    polls = ca.asked["authorization"]
    stays(lambda: ca.asked["authorization"] <= polls + 1 and ca.asked["challenge"] == 1, "it is not asked sooner", during=1.5)
    ca.retry_after = None
    ca.validating.set()
    assert order.result().text() == ISSUED


@pytest.mark.parametrize("said", ["soon", "-5", "1e9", "Sat, 01 Jan 2000 00:00:00 GMT"])
def test_times_to_ask_again_that_make_no_sense(ca: FakeAcme, proxy: OrderingProxy, said: str) -> None:
    ca.retry_after = said
    assert proxy.order().text() == ISSUED


def test_defect_25_order_under_way_holds_nothing_up(ca: FakeAcme, pool: concurrent.futures.ThreadPoolExecutor) -> None:
    """Challenges were locked while their order waited."""
    with Origin() as origin, OrderingProxy(ca, {"c.test": {"/": route(origin)}}, main={"config_api_enabled": True}) as proxy:
        ca.validating.clear()
        ca.patient = {"b.test"}
        order = pool.submit(proxy.order)
        wait_until(lambda: ca.asked["challenge"], "the challenge")
        for target in ("/status?live", "/metrics", CHALLENGES + ca.orders[0].token):
            assert proxy.call(target).status == 200
        assert proxy.push(document({"c.test": {"/": route(origin, client_headers=["X-New: 1"])}})).status == 200
        assert proxy.get("/", host="c.test").get("x-new") == "1"
        assert proxy.order("b.test").text() == ISSUED, "another one passes it"
        assert not order.done()
        ca.validating.set()
        assert order.result().text() == ISSUED, "and leaves its challenge alone"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["waiting", "hanging"])
def test_stop_does_not_wait_for_authorities(ca: FakeAcme, number: signal.Signals, where: str,
                                            pool: concurrent.futures.ThreadPoolExecutor) -> None:
    proxy = OrderingProxy(ca, main={"grace_period_seconds": 60})
    proxy.manage("b.test", "c.test")
    ca.validating.clear()
    if where == "hanging":
        ca.fault("new-order", lambda conn, request: conn.hold_until_closed(), times=None)
    with proxy:
        order = pool.submit(proxy.order)
        wait_until(lambda: ca.asked["new-order" if where == "hanging" else "challenge"] >= 2, "orders are under way")
        proxy.send_signal(number)
        assert proxy.wait_exit(10) == 0
        try:
            assert order.result().status == 500
        except (AssertionError, OSError):
            pass  # it may end without an answer
        nothing = [n for n in "abc" if proxy.chain(f"{n}.test")]
        assert not nothing


def test_names_in_trouble_hold_nobody_up(ca: FakeAcme) -> None:
    proxy = OrderingProxy(ca)
    names = [f"{n}.test" for n in "abcde"]
    proxy.manage(*names)
    ca.validating.clear()
    ca.patient = {"c.test", "e.test"}
    with proxy:
        wait_until(lambda: proxy.chain("c.test") and proxy.chain("e.test"), "certificates of the others", 20)
        ca.validating.set()
        wait_until(lambda: all(map(proxy.chain, names)), "all of them", 20)


def test_sighup_counts_while_names_are_looked_at(ca: FakeAcme) -> None:
    proxy = OrderingProxy(ca)
    proxy.manage("a.test")
    gate = threading.Event()
    ca.fault("new-order", lambda conn, request: (conn.hold(gate), ca.problem("serverInternal", "not yet")(conn, request)))
    with proxy:
        wait_until(lambda: ca.asked["new-order"], "the order")
        mark = proxy.log_mark()
        proxy.write_upstreams(proxy.marked({}))
        proxy.send_signal(signal.SIGHUP)
        proxy.wait_log("configuration ", since=mark)
        proxy.wait_applied()
        gate.set()
        wait_until(lambda: proxy.chain(), "the certificate of the next look")


def test_failures_are_not_repeated_at_once(ca: FakeAcme) -> None:
    proxy = OrderingProxy(ca)
    proxy.manage("a.test")
    ca.fault("new-order", ca.problem("rateLimited", "not now", "429 Too Many Requests"), times=None)
    with proxy:
        proxy.wait_log(r"WARN aralez::control::acme - a\.test: no certificate: .*not now.*; next try in ")
        asked = ca.asked["new-order"]
        stays(lambda: ca.asked["new-order"] == asked, "it is left alone", during=1.0)
        assert "not now" in (proxy.trouble("a.test") or "")
        assert proxy.acme()["names"][0]["next_try"] > time.time() + 60
        assert value(proxy, "aralez_acme_failing") == 1
