"""The page of tests/support/grafana_panels: draws a Grafana dashboard from a real Prometheus."""

from __future__ import annotations

import dataclasses
import http.server
import json
import pathlib
import threading
import urllib.error
import urllib.request
from typing import Any

from support.chromium import Chromium
from support.deadline import seconds, wait_until
from support.peers import peer
from support.prometheus import Prometheus
from support.proxy import ROOT

Board = dict[str, Any]

FILE = ROOT / "packaging/grafana/aralez.json"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json",
          ".svg": "image/svg+xml", ".woff2": "font/woff2"}

# What the canvas of a graph shows: its texts, for the axes are nowhere else, and how many of its pixels are no grey.
_WATCH_TEXTS = """
window.textsOf = new WeakMap();
const fillText = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
  textsOf.set(this.canvas, (textsOf.get(this.canvas) ?? new Set()).add(text));
  return fillText.call(this, text, ...place);
};
"""
_READ_PANELS = """
[...document.querySelectorAll('[data-panel]')].map(panel => ({
  lines: panel.innerText.split('\\n').map(line => line.trim()).filter(line => line),
  canvases: [...panel.querySelectorAll('canvas')].filter(c => c.width && c.height).map(canvas => {
    const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let coloured = 0;
    for (let i = 0; i < bytes.length; i += 4) {
      const rgb = bytes.slice(i, i + 3);
      coloured += bytes[i + 3] > 100 && Math.max(...rgb) - Math.min(...rgb) > 60;
    }
    return {coloured, texts: [...textsOf.get(canvas) ?? []]};
  }),
}))
"""


@dataclasses.dataclass
class Panel:
    title: str
    lines: list[str]
    """Its texts in the document, without the title: values, legends, cells."""
    axes: list[str]
    coloured: int
    """Pixels of its graph that have a colour."""


def board() -> Board:
    return json.loads(FILE.read_text(encoding="utf-8"))


class DashboardPage:
    """Serves the page, a dashboard, and Prometheus below api/v1: of one origin, so a browser asks nobody's leave."""

    def __init__(self, prometheus: Prometheus):
        files = pathlib.Path(peer("grafana-panels", "page/index.html")).parent
        page = self
        self.shown = board()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path.startswith("/api/v1/"):
                    self._forward()
                elif path == "/dashboard.json":
                    self._answer(200, ".json", json.dumps(page.shown).encode())
                else:
                    file = (files / (path.lstrip("/") or "index.html")).resolve()
                    found = file.is_file() and file.is_relative_to(files.resolve())
                    self._answer(200 if found else 404, file.suffix, file.read_bytes() if found else b"")

            def _forward(self) -> None:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{prometheus.port}{self.path}", timeout=seconds(20)) as got:
                        self._answer(200, ".json", got.read())
                except urllib.error.HTTPError as e:
                    self._answer(e.code, ".json", e.read())

            def _answer(self, status: int, suffix: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", _TYPES.get(suffix, "application/octet-stream"))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def open(self, browser: Chromium, query: str = "from=now-15s&to=now&scrape=1", height: int = 2900) -> str:
        """Opens it so high that every panel is in view, and gives what the page says: `mounted`, or what went wrong."""
        browser.size(1400, height)
        browser.call("Emulation.setScrollbarsHidden", hidden=True)
        watch = browser.call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH_TEXTS)["identifier"]
        browser.open(f"http://127.0.0.1:{self._server.server_address[1]}/?{query}")
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=watch)
        return wait_until(lambda: browser.run("document.body.dataset.state"), f"an end of the page's start; it said {browser.said}", 30)

    def __enter__(self) -> "DashboardPage":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def panels(browser: Chromium) -> dict[str, Panel]:
    """The panels of the open page, by title."""
    found: dict[str, Panel] = {}
    for p in browser.run(_READ_PANELS):
        title, *lines = p["lines"] or [""]
        assert title not in found, f"two panels {title!r}"
        found[title] = Panel(title, lines, [t for c in p["canvases"] for t in c["texts"]], sum(c["coloured"] for c in p["canvases"]))
    return found
