"""`aralez top`: issue 6 point 9."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import termios
from typing import Any, Iterator

import pytest

from support import poll
from support.addresses import outside
from support.deadline import Deadline, seconds
from support.origin import Origin
from support.ports import free_port
from support.proxy import BINARY, Proxy, route

KEY = "key of top"


@pytest.fixture
def proxy(origin: Origin) -> Iterator[Proxy]:
    main = {"master_key": KEY, "config_address": f"0.0.0.0:{free_port()}"}
    with Proxy({"a.test": {"/": route(origin), "/down": route("127.0.0.1:1")}}, main=main) as p:
        yield p


def top(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("ARALEZ_KEY", "JWT_KEY")}
    return subprocess.run([str(BINARY), "top", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds(30),
                          env={**clean, **(env or {})}, check=False)


def once(proxy: Proxy, *words: str, **keys: Any) -> str:
    done = top("--once", "--interval", "0.2", *(words or ("-c", str(proxy.folder / "main.yaml"))), **keys)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    return done.stdout


def test_one_frame_for_scripts(proxy: Proxy, origin: Origin) -> None:
    for _ in range(3):
        assert proxy.get("/").status == 200
    assert proxy.get("/down").status == 502
    said = once(proxy)
    assert re.search(rf"^aralez \S+  http://127\.0\.0\.1:{proxy.api_address[1]}  up ", said)
    assert re.search(r"^requests \d+\.\d/s  active 0  errors ", said, re.MULTILINE)
    assert re.search(r"^a\.test/ +0\.0 +0\.0 +[\d.]+ \w?s$", said, re.MULTILINE), said
    assert re.search(rf"^  {origin.server} \w+ http/1\.1 ", said, re.MULTILINE), said
    assert re.search(r"^a\.test/down ", said, re.MULTILINE)
    assert re.search(r"^connect_failed +0\.0 +1$", said, re.MULTILINE), said


def test_key_is_needed_from_elsewhere_and_comes_by_environment_or_file(proxy: Proxy) -> None:
    url = ("--url", f"http://{outside()}:{proxy.api_address[1]}/")
    denied = top("--once", *url)
    assert denied.returncode == 1 and "access denied" in denied.stderr
    assert "aralez" in once(proxy, *url, env={"ARALEZ_KEY": KEY})
    assert "aralez" in once(proxy, *url, "-c", str(proxy.folder / "main.yaml"))


def test_mistakes() -> None:
    nobody = top("--once", "--url", f"http://127.0.0.1:{free_port()}")
    assert nobody.returncode == 1 and nobody.stderr.startswith("aralez top: http://127.0.0.1:")
    assert top("--nope").returncode == 2
    assert top("--interval", "0").returncode == 2
    assert top("-c", "/none").returncode == 1
    assert top("--help").returncode == 0


def test_something_else_than_the_api_is_told_from_it(origin: Origin) -> None:
    said = top("--once", "--url", f"http://{origin.server}")
    assert said.returncode == 1 and "not the API of aralez" in said.stderr


class Screen:
    def __init__(self, proxy: Proxy):
        master, slave = pty.openpty()
        self.master = open(master, "r+b", buffering=0)
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        termios.tcsetwinsize(slave, (12, 60)) if hasattr(termios, "tcsetwinsize") else None
        self.process = subprocess.Popen([str(BINARY), "top", "--interval", "0.2", "-c", str(proxy.folder / "main.yaml")],
                                        stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        self.seen = ""

    def wait(self, pattern: str) -> None:
        end = Deadline(20)
        while not re.search(pattern, self.seen):
            ready, _, _ = poll.select([self.master], [], [], end.left())
            assert ready, f"no {pattern!r} in {self.seen[-2000:]!r}"
            self.seen += os.read(self.master.fileno(), 65536).decode()

    def ended(self) -> int:
        code = self.process.wait(seconds(15))
        self.wait(r"\x1b\[\?25h\x1b\[\?1049l")
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is as it was"
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.master.close()
        os.close(self.slave)


@pytest.fixture
def screen(proxy: Proxy) -> Iterator[Screen]:
    s = Screen(proxy)
    yield s
    s.close()


@pytest.mark.parametrize("end", ["q", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_terminal_is_put_back(screen: Screen, end: Any) -> None:
    screen.wait(r"\x1b\[\?1049h")
    screen.wait("ROUTE")
    assert termios.tcgetattr(screen.slave) != screen.before
    if end == "q":
        screen.master.write(b"xq")
    else:
        screen.process.send_signal(end)
    assert screen.ended() == 0


def test_it_says_when_nobody_answers_any_more(screen: Screen, proxy: Proxy) -> None:
    screen.wait("ROUTE")
    proxy.stop()
    screen.wait("http://127.0.0.1:[0-9]+: ")
    screen.master.write(b"q")
    assert screen.ended() == 0
