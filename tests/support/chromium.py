"""Chromium without a window, driven by the DevTools protocol."""

from __future__ import annotations

import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
from typing import Any

from support.deadline import wait_until
from support.websocket import EchoClient


class Chromium:
    """One browser with one page.

    with Chromium() as page:
        page.open("http://127.0.0.1:1/")
        page.run("document.title")
    """

    def __init__(self) -> None:
        program = shutil.which("chromium")
        assert program, "chromium is missing: apt-get install chromium (tools/setup.sh test does it)"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aralez-chromium-"))
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket: EchoClient | None = None
        self.said: list[str] = []
        """Console messages, exceptions, and what the page's policy refused."""
        self._number = 0
        self._session = ""
        try:
            port, path = wait_until(self._port, "Chromium listens", 60)
            self.socket = EchoClient(("127.0.0.1", port), f"127.0.0.1:{port}", path)
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def _port(self) -> tuple[int, str] | None:
        assert self.process.poll() is None, f"Chromium ended with {self.process.returncode}"
        file = self.folder / "DevToolsActivePort"
        lines = file.read_text().splitlines() if file.exists() else []
        return (int(lines[0]), lines[1]) if len(lines) == 2 else None

    def call(self, method: str, **params: Any) -> Any:
        assert self.socket
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self.socket.send(json.dumps(message))
        while True:
            got = json.loads(self.socket.receive())
            if got.get("id") == self._number:
                assert "error" not in got, f"{method}: {got['error']}"
                return got["result"]
            self._event(got)

    def _event(self, got: dict[str, Any]) -> None:
        params = got.get("params", {})
        if got.get("method") == "Runtime.exceptionThrown":
            self.said.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif got.get("method") == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        elif got.get("method") == "Runtime.consoleAPICalled":
            self.said.append(str([a.get("value") for a in params["args"]]))

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        wait_until(lambda: self.run("document.readyState") == "complete", f"{url} is loaded", 30)

    def run(self, script: str) -> Any:
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def wait(self, script: str, what: str, deadline: float = 20) -> Any:
        return wait_until(lambda: self.run(f"!!({script})"), what, deadline)

    def press(self, key: str) -> None:
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code={" ": "Space"}.get(key, key),
                      windowsVirtualKeyCode=codes[key], text=text if kind == "keyDown" else "")

    def size(self, width: int, height: int, mobile: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def scheme(self, name: str) -> None:
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def accessible(self) -> list[tuple[str, str]]:
        """Role and name of everything that a screen reader meets."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored") and "role" in n]

    def close(self) -> None:
        if self.socket:
            self.socket.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
