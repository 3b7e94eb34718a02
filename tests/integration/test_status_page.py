"""The status page in a browser: issue 6 point 10."""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import re
from typing import Any, Iterator

import pytest

from support.addresses import outside
from support.chromium import Chromium
from support.deadline import wait_until
from support.origin import Origin
from support.ports import free_port
from support.proxy import ROOT, Proxy, route
from support.tls import install

KEY = "key of the page"
PICTURE = ROOT / "docs/user/status-page.png"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as b:
        yield b


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as o:
        yield o


def hosts(origin: Origin) -> Any:
    return {"shop.test": {"/": route(origin), "/cart": route(origin, origin)},
            "down.test": {"/": route("127.0.0.1:1")},
            "&lt;i.test": {"/<i>&amp;": route(origin)},
            "DEFAULT": {"/": route(origin)}}


@pytest.fixture(scope="module")
def proxy(origin: Origin) -> Iterator[Proxy]:
    main = {"config_address": f"0.0.0.0:{free_port()}", "config_api_enabled": True, "master_key": KEY, "threads": 2}
    with Proxy(hosts(origin), main=main) as p:
        yield p


@pytest.fixture
def page(browser: Chromium, proxy: Proxy) -> Iterator[Chromium]:
    browser.said.clear()
    browser.size(1200, 900)
    browser.scheme("light")
    browser.open(f"http://127.0.0.1:{proxy.api_address[1]}/")
    browser.wait("document.getElementById('state').textContent === 'live'", "the page shows something")
    yield browser
    assert not browser.said, "the page complained"


def text(page: Chromium, id_: str) -> str:
    return page.run(f"document.getElementById('{id_}').innerText")


def test_it_is_one_document_that_may_load_nothing(proxy: Proxy) -> None:
    answer = proxy.call("/")
    html = answer.body.decode()
    assert (answer.status, answer.get("content-type"), answer.get("referrer-policy")) == (200, "text/html; charset=utf-8", "no-referrer")
    assert proxy.call("/", method="HEAD").get("content-length") == str(len(answer.body))
    policy = dict(p.strip().partition(" ")[::2] for p in answer.get("content-security-policy").split(";"))
    assert policy["default-src"] == "'none'" and policy["connect-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
    for element in ("script", "style"):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{element}-src"] == f"'sha256-{digest}'"
    assert not re.search(r"\son\w+=|style=|https?://(?!www\.w3\.org/2000/svg)|javascript:|innerHTML|eval\(", html)
    assert re.findall(r'(?:src|href)="([^"]*)"', html) == ["data:,", "#routes"]


def test_who_may_see_it(proxy: Proxy) -> None:
    assert proxy.call("/", address=outside()).status == 403
    assert proxy.call(f"/?key={KEY.replace(' ', '%20')}", address=outside()).status == 200


def test_it_shows_hosts_routes_servers_and_counts(page: Chromium, proxy: Proxy, origin: Origin) -> None:
    for _ in range(5):
        proxy.get("/cart/x", host="shop.test")
    proxy.get("/", host="down.test")
    page.wait("/cart[^]*\\b[5-9]\\b/.test(document.getElementById('hosts').innerText)", "requests are counted")
    tree = text(page, "hosts")
    for part in ("shop.test — 2 routes", "down.test — 1 route", "/cart", origin.server, "127.0.0.1:1", "http/1.1", "&lt;i.test", "/%3Ci%3E&amp;"):
        assert part in tree, tree
    page.wait("document.getElementById('reasons').innerText.includes('connect_failed')", "errors by reason")
    assert "generation" in text(page, "config") and "start" in text(page, "config")
    assert page.run("document.querySelectorAll('#hosts b, #hosts i').length") == 0, "names are never markup"


def test_plots_move(page: Chromium, proxy: Proxy) -> None:
    def points() -> int:
        return page.run("(document.querySelector('#rate polyline')?.getAttribute('points') || '').split(' ').filter(Boolean).length")
    wait_until(lambda: points() >= 1, "a first point")
    seen = points()
    for _ in range(50):
        proxy.get("/", host="shop.test")
    wait_until(lambda: points() > seen, "another point")
    page.wait("/now [\\d.]+, most (?!0$)[\\d.]+/.test(document.getElementById('rate-text').textContent)", "the rate in words")


def test_a_new_configuration_and_a_refused_one_are_told(page: Chromium, proxy: Proxy, origin: Origin) -> None:
    before = proxy.call("/status?format=json").text()
    assert proxy.push("provider: file\nto_https: perhaps\n").status == 502
    page.wait("document.getElementById('messages').innerText.includes('body:2:11: to_https')", "messages of the refused one")
    page.wait("document.getElementById('news').textContent.includes('refused')", "it is said aloud")
    assert proxy.push({"provider": "file", "upstreams": {h: {"paths": p} for h, p in {**hosts(origin), "new.test": {"/": route(origin)}}.items()}}).status == 200
    page.wait("document.getElementById('hosts').innerText.includes('new.test')", "the new host")
    page.wait("/Configuration \\d+ applied/.test(document.getElementById('news').textContent)", "it is said aloud")
    assert before


def test_filter_and_pause(page: Chromium) -> None:
    page.run("const f = document.getElementById('filter'); f.value = 'CART'; f.dispatchEvent(new Event('input'))")
    assert "down.test" not in text(page, "hosts") and "/cart" in text(page, "hosts")
    page.run("f.value = 'nothing like it'; f.dispatchEvent(new Event('input'))")
    assert text(page, "more") == "No host matches."
    page.run("document.getElementById('pause').click()")
    assert text(page, "state") == "paused"
    assert page.run("document.getElementById('pause').getAttribute('aria-pressed')") == "true"


def test_key_works_and_leaves_the_address_bar(browser: Chromium, proxy: Proxy) -> None:
    browser.open(f"http://{outside()}:{proxy.api_address[1]}/?key={KEY.replace(' ', '%20')}")
    browser.wait("document.getElementById('state').textContent === 'live'", "the key is used for the figures")
    assert browser.run("location.href") == f"http://{outside()}:{proxy.api_address[1]}/"
    browser.said.clear()


def test_it_is_read_by_screen_readers(page: Chromium) -> None:
    page.wait("document.querySelector('#hosts table')", "the tree")
    nodes = page.accessible()
    roles = [role for role, _ in nodes]
    assert "main" in roles and "banner" in roles
    names = {name for role, name in nodes if role == "region"}
    assert {"Traffic", "Configuration", "Hosts and routes", "Answers made here", "Certificates"} <= names
    assert any(role == "status" for role in roles), "what is said aloud"
    assert {"columnheader", "rowheader", "table"} <= set(roles)
    assert ("heading", "Traffic") in nodes
    images = [name for role, name in nodes if role in ("image", "img")]
    assert len(images) == 3 and all(": now" in name for name in images), images
    assert any(role == "searchbox" and "contain" in name for role, name in nodes)
    assert all(name for role, name in nodes if role == "button")


def test_it_is_used_by_keyboard(page: Chromium) -> None:
    page.wait("document.querySelector('#hosts summary')", "the tree")
    met = []
    for _ in range(12):
        page.press("Tab")
        met.append(page.run("(e => e.id || (e.tagName === 'SUMMARY' ? e.tagName : e.className || e.tagName))(document.activeElement)"))
        assert page.run("(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(document.activeElement))"), met
        if met[-1] == "SUMMARY":
            break
    assert met[0] == "skip" and "pause" in met and "filter" in met and met[-1] == "SUMMARY", met
    page.press("Enter")
    assert page.run("document.activeElement.parentElement.open") is False


_CONTRAST = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (c) => { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (c) => { const [r, g, b] = rgb(c).map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return 'white'; };
  let worst = [99, ''];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !e.getClientRects().length || e.closest('svg,script,style,noscript')) continue;
    const a = light(getComputedStyle(e).color), b = light(back(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < worst[0]) worst = [ratio, e.tagName + ' ' + e.textContent.slice(0, 40)];
  }
  return worst;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_by_day_and_by_night(page: Chromium, scheme: str) -> None:
    page.scheme(scheme)
    page.wait("document.querySelector('#hosts td')", "the tree")
    ratio, where = page.run(_CONTRAST)
    assert ratio >= 4.5, where
    dark = page.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


@pytest.mark.parametrize("width", [320, 390])
def test_it_fits_a_phone(page: Chromium, width: int) -> None:
    page.size(width, 700, mobile=True)
    page.wait("document.querySelector('#hosts table')", "the tree")
    assert page.run("document.documentElement.scrollWidth") <= width, "tables scroll by themselves"


def test_gone_and_back(browser: Chromium, origin: Origin) -> None:
    with Proxy({"a.test": {"/": route(origin)}}) as proxy:
        browser.open(f"http://127.0.0.1:{proxy.api_address[1]}/")
        browser.wait("document.getElementById('state').textContent === 'live'", "live")
    browser.wait("document.getElementById('state').textContent === 'no answer'", "the page says so")
    browser.said.clear()


def test_picture_of_the_manual(browser: Chromium, origin: Origin, tmp_path: pathlib.Path) -> None:
    """ARALEZ_PICTURES=1 makes it anew; otherwise it is only looked at that it is there."""
    install(tmp_path)
    main = {"proxy_address_tls": f"127.0.0.1:{free_port()}", "proxy_certificates": str(tmp_path), "proxy_configs": str(tmp_path), "threads": 2}
    with Proxy({"shop.test": {"/": route(origin), "/cart": route(origin, "127.0.0.1:1")}, "blog.test": {"/": route(origin)}}, main=main) as proxy:
        browser.size(1200, 1250)
        browser.scheme("light")
        browser.open(f"http://127.0.0.1:{proxy.api_address[1]}/")
        browser.wait("document.getElementById('certificates').innerText.includes('a.test')", "certificates")
        for n in range(4):
            for _ in range(30 + 20 * (n % 2)):
                proxy.get("/cart" if n % 2 else "/", host="shop.test")
            seen = browser.run("document.querySelector('#rate polyline').getAttribute('points').length")
            browser.wait(f"document.querySelector('#rate polyline').getAttribute('points').length > {seen}", "the next look")
        picture = browser.picture()
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000
    if os.environ.get("ARALEZ_PICTURES"):
        PICTURE.write_bytes(picture)
    assert PICTURE.exists()
