"""Names whose certificates are kept fresh, with a real CA: behaviour section 11, defects 25 and 28."""

from __future__ import annotations

import pathlib
import signal
import ssl

import pytest

from support.acme import CREDENTIALS, FRESH, ISSUED, OrderingProxy, pebble, proxy, together  # pebble, proxy: fixtures
from support.certificates import der, save
from support.deadline import wait_until
from support.issuer import DAY, Issuer
from support.pebble import Pebble
from support.prometheus import value
from support.tools import run


def issuer_of(chain: str) -> str:
    return run("openssl", "x509", "-noout", "-issuer", data=chain.encode()).stdout.decode()


def by_pebble(proxy: OrderingProxy, name: str = "a.test") -> bool:
    chain = proxy.chain(name)
    return bool(chain) and "Pebble" in issuer_of(chain)


def test_restart_keeps_what_there_is(pebble: Pebble, proxy: OrderingProxy) -> None:
    assert proxy.order().text() == ISSUED
    chain = proxy.chain()
    proxy.restart()
    wait_until(lambda: value(proxy, "aralez_acme_names") == 1, "the name is known")
    assert proxy.order().text() == FRESH and proxy.chain() == chain
    assert proxy.served("a.test", pebble.context()) == der(chain)


LIVES = {"ninety-31": (-59, 31, True), "ninety-29": (-61, 29, False), "year-31": (-300, 31, True), "year-29": (-300, 29, False),
         "week-3": (-4, 3, True), "week-2": (-5, 2, False), "over": (-5, -1, False)}


def test_lives_of_certificates(pebble: Pebble) -> None:
    issuer = Issuer()
    proxy = OrderingProxy(pebble)
    for name, (begins, ends, _) in LIVES.items():
        save(proxy.certificates, f"{name}.test", issuer.pair(f"{name}.test", begins=begins * DAY, ends=ends * DAY))
    with proxy:
        got = together(lambda n=n: (n, proxy.order(f"{n}.test").text()) for n in LIVES)
        assert dict(got) == {name: FRESH if fresh else ISSUED for name, (_, _, fresh) in LIVES.items()}


def test_certificates_that_are_of_no_use_are_replaced(pebble: Pebble) -> None:
    issuer = Issuer()
    proxy = OrderingProxy(pebble)
    names = ["named.test", "keyless.test", "swapped.test", "rubbish.test"]
    save(proxy.certificates, names[0], issuer.pair("other.test"))
    for name in names[1:3]:
        save(proxy.certificates, name, issuer.pair(name))
    (proxy.certificates / "keyless.test.key").unlink()
    (proxy.certificates / "swapped.test.key").write_text(issuer.pair("a.test")[1])
    save(proxy.certificates, names[3], ("rubbish\n", "rubbish\n"))
    with proxy:
        assert together(lambda n=n: proxy.order(n).text() for n in names) == [ISSUED] * 4
        for name in names:
            assert proxy.served(name, pebble.context()) == der(proxy.chain(name))


def test_defect_25_names_beside_both_files_are_looked_at_after_the_start(pebble: Pebble) -> None:
    """Those below proxy_configs were written and those beside upstreams.yaml read."""
    proxy = OrderingProxy(pebble)
    proxy.main["proxy_configs"] = str(proxy.folder / "state")
    proxy.manage("state.test")
    proxy.manage("beside.test", folder=proxy.config / "autoconfigs")
    with proxy:
        wait_until(lambda: by_pebble(proxy, "state.test") and by_pebble(proxy, "beside.test"), "certificates for both", 30)
        assert proxy.order("ordered.test").text() == ISSUED
        assert "ordered.test" in proxy.managed()
        assert not (proxy.config / "certificates").exists()
        proxy.restart()
        wait_until(lambda: value(proxy, "aralez_acme_names") == 3, "all names are known")


def test_defect_28_state_is_beside_the_configuration(pebble: Pebble) -> None:
    """It was in /tmp, where anybody can be first."""
    def in_tmp() -> dict[str, list[str]]:
        folders = [pathlib.Path("/tmp") / f for f in ("autoconfigs", "certificates")]
        return {str(f): sorted(map(str, f.rglob("*"))) for f in folders if f.exists()}
    before = in_tmp()
    proxy = OrderingProxy(pebble, main={"proxy_configs": None})
    proxy.main["proxy_certificates"] = str(proxy.folder / "pairs")
    with proxy:
        assert proxy.order().text() == ISSUED
        assert {f.name for f in (proxy.config / "autoconfigs").iterdir()} == {CREDENTIALS, "domains.json"}
        assert {f.name for f in (proxy.folder / "pairs").iterdir()} == {"a.test.crt", "a.test.key"}
        proxy.served("a.test", pebble.context())
    proxy = OrderingProxy(pebble, main={"proxy_configs": None, "proxy_address_tls": None})
    with proxy:
        assert proxy.order().text() == ISSUED
        assert (proxy.config / "certificates" / "a.test.key").exists()
    assert in_tmp() == before


def test_sighup_looks_at_the_names(pebble: Pebble, proxy: OrderingProxy) -> None:
    assert proxy.order().text() == ISSUED
    save(proxy.certificates, "a.test", Issuer().pair("a.test", begins=-80 * DAY, ends=10 * DAY))
    proxy.manage("a.test", "b.test")
    proxy.send_signal(signal.SIGHUP)
    wait_until(lambda: by_pebble(proxy) and by_pebble(proxy, "b.test"), "a new certificate and another one", 30)
    for name in ("a.test", "b.test"):
        wait_until(lambda: proxy.served(name) == der(proxy.chain(name)), f"{name} is served")
        proxy.served(name, pebble.context())


def test_authority_says_when_to_renew(pebble: Pebble, proxy: OrderingProxy) -> None:
    assert proxy.order().text() == ISSUED
    chain = proxy.chain()
    asked = r"GET /draft-ietf-acme-ari-03/renewalInfo/ -> "
    for nonsense in ("null", "{", '{"suggestedWindow": {"start": "yesterday", "end": 5}}'):
        before = pebble.count(asked)
        pebble.wish_renewal(chain, nonsense)
        proxy.send_signal(signal.SIGHUP)
        wait_until(lambda: pebble.count(asked) > before, "the question")
        assert proxy.order().text() == FRESH and proxy.chain() == chain
    pebble.wish_renewal(chain, '{"suggestedWindow": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}}')
    wait_until(lambda: proxy.send_signal(signal.SIGHUP) or proxy.chain() != chain, "another certificate", 30, pause=1)
    assert pebble.count(r"ARI: order \S+ is a replacement of") == 1
    wait_until(lambda: proxy.served() == der(proxy.chain()), "it is served")
    assert proxy.order().text() == FRESH


def test_name_in_trouble_is_told_and_mended(pebble: Pebble) -> None:
    proxy = OrderingProxy(pebble)
    proxy.manage("bad.test", "good.test", "not a name", "../x")
    pebble.point("bad.test", "127.0.0.77")
    try:
        with proxy:
            proxy.wait_log(r"WARN aralez::control::acme - bad\.test: no certificate: .*; next try in ", deadline=30)
            wait_until(lambda: by_pebble(proxy, "good.test"), "the other is not held up", 30)
            assert proxy.trouble("bad.test") and proxy.trouble("good.test") is None
            assert (value(proxy, "aralez_acme_names"), value(proxy, "aralez_acme_failing")) == (2, 1)
            assert set(proxy.managed()) >= {"bad.test", "good.test"}
            pebble.point_back("bad.test")
            proxy.send_signal(signal.SIGHUP)
            wait_until(lambda: by_pebble(proxy, "bad.test"), "it has one as well", 30)
            wait_until(lambda: value(proxy, "aralez_acme_failing") == 0, "nothing fails")
            assert proxy.trouble("bad.test") is None
    finally:
        pebble.point_back("bad.test")


def test_old_key_names_the_folder_of_certificates(pebble: Pebble) -> None:
    proxy = OrderingProxy(pebble)
    proxy.main["proxy_certificates"] = str(proxy.folder / "old")
    with proxy:
        assert proxy.order().text() == ISSUED
        assert {f.name for f in (proxy.folder / "old").iterdir()} == {"a.test.crt", "a.test.key"}
        proxy.served("a.test", pebble.context())
        with pytest.raises(ConnectionError, match="certificate verify failed"):
            proxy.served("a.test", ssl.create_default_context())
