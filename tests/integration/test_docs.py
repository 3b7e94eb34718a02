"""Every page of docs/user does what it says: issue 4 point 3. Its fenced blocks, in their order:

- ```yaml FILE: written to FILE. main.yaml is the one of getting-started.md unless the page has its own. All files pass `-t`,
  except after ```yaml FILE broken. A block after the first ```console is a save while the proxy runs.
- ```console: commands behind `$ `, run by a shell beside the files; the lines below each must be in its output, in that order.
  A line `...` stands for others and changes nothing. The proxy is running, as `aralez -c main.yaml`.

127.0.0.1:8080 is the proxy, 127.0.0.1:9001 to 9009 are upstreams that answer `upstream PORT METHOD TARGET`, and to /show with the
head of the request. 127.0.0.1:8500 is a Consul and 127.0.0.1:6443 a Kubernetes that have a service web, at 9001; the folder account is
that of a pod of its namespace shop. 127.0.0.1:14000 is an ACME CA: authority.pem has signed its own certificate, issuer.pem those that it
issues. All ports behind 127.0.0.1 and localhost are exchanged for free ones. There is a folder www with a file index.html.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
from typing import Iterator

import pytest

from support.certificates import Authority
from support.client import Client
from support.consul import Consul
from support.deadline import seconds, wait_until
from support.origin import Connection, Origin, answer
from support.fake_kubernetes import Account, FakeKubernetes
from support.http1 import Request
from support.pebble import Pebble
from support.ports import free_port
from support.proxy import BINARY, ROOT

USER = ROOT / "docs/user"
PAGES = sorted(p.name for p in USER.glob("*.md"))
WITHOUT_EXAMPLES = {"README.md", "limits.md"}
"""The list of pages, and a table that a test of its own reads."""

_BLOCK = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"(127\.0\.0\.1|localhost):(\d+)")


@dataclasses.dataclass
class Block:
    kind: str
    name: str
    text: str


def blocks(page: str) -> list[Block]:
    text = (USER / page).read_text(encoding="utf-8")
    return [Block(kind, name or "", body) for kind, name, body in _BLOCK.findall(text)]


def show(conn: Connection, request: Request) -> None:
    conn.send(answer("".join(f"{name}: {value}\n" for name, value in request.fields)))


class Page:
    """A page being tried out in a folder of its own."""

    def __init__(self, folder: pathlib.Path, stack: contextlib.ExitStack):
        self.folder = folder
        self.stack = stack
        self.ports: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "www").mkdir()
        (folder / "www/index.html").write_text("hello\n")
        (folder / "bin").mkdir()
        (folder / "bin/aralez").symlink_to(BINARY)
        self.env = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}",
                    "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1"}

    def real(self, text: str) -> str:
        return _PORT.sub(lambda m: f"{m[1]}:{self._port(m[2])}", text)

    def as_written(self, text: str) -> str:
        back = {real: port for port, real in self.ports.items()}
        return _PORT.sub(lambda m: f"{m[1]}:{back.get(m[2], m[2])}", text)

    def _port(self, port: str) -> str:
        if port not in self.ports:
            if 9001 <= int(port) <= 9009:
                origin = self.stack.enter_context(Origin(f"upstream {port}"))
                origin.on("/show", show)
                self.ports[port] = str(origin.port)
            elif port == "8500":
                consul = self.stack.enter_context(Consul())
                consul.register("web", "127.0.0.1", int(self._port("9001")))
                self.ports[port] = str(consul.port)
            elif port == "6443":
                authority = Authority()
                Account(self.folder / "account", authority)
                kubernetes = self.stack.enter_context(FakeKubernetes(authority, self.folder))
                kubernetes.set("web", f"127.0.0.1:{self._port('9001')}")
                self.ports[port] = str(kubernetes.origin.port)
            elif port == "14000":
                pebble = self.stack.enter_context(Pebble(int(self._port("8080"))))
                (self.folder / "authority.pem").write_bytes(pathlib.Path(pebble.ca_file).read_bytes())
                (self.folder / "issuer.pem").write_text(pebble.root())
                self.ports[port] = str(pebble.port)
            else:
                self.ports[port] = str(free_port())
        return self.ports[port]

    def shell(self, command: str) -> str:
        done = subprocess.run(["bash", "-c", self.real(command)], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds(30), check=False)
        return self.as_written(done.stdout.decode("utf-8", "replace"))

    def write(self, block: Block) -> None:
        name, _, how = block.name.partition(" ")
        assert how in ("", "broken"), block.name
        mark = len(self.log())
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        new = file.with_name("." + file.name + ".new")
        new.write_text(self.real(block.text), encoding="utf-8")
        new.rename(file)
        if self.process:
            said = r"reload refused" if how else r"configuration \d+: "
            wait_until(lambda: re.search(said, self.log()[mark:]), f"{said} after {block.name}")

    def check(self, broken: bool) -> None:
        said = self.shell("aralez -c main.yaml -t; echo \"code $?\"")
        assert ("code 0" in said) == (not broken), said
        assert "unknown key" not in said, said

    def start(self) -> None:
        with open(self.folder / "log", "ab") as out:
            self.process = subprocess.Popen(["aralez", "-c", "main.yaml"], executable=BINARY, cwd=self.folder, env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.stack.callback(self.process.kill)
        wait_until(self._listening, "the proxy listens", 15)

    def _listening(self) -> bool:
        assert self.process and self.process.poll() is None, self.log()
        try:
            Client(("127.0.0.1", int(self._port("8080")))).close()
            return True
        except OSError:
            return False

    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def stop(self) -> None:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.process.wait(seconds(15)) == 0, self.log()
        assert "Sanitizer" not in self.log()


def commands(console: str) -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^\$ ", console.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, [line.strip() for line in expected.splitlines() if line.strip() not in ("", "...")]


def try_out(page: Page, console: str) -> None:
    for command, expected in commands(console):
        def missing() -> str:
            output = [line.strip() for line in page.shell(command).splitlines()]
            rest = iter(output)
            for line in expected:
                if not any(line == other for other in rest):
                    return f"`{command}`: no line `{line}` in its place in\n" + "\n".join(output)
            return ""
        if "log" in command:  # what has been asked for shows there a moment later
            wait_until(lambda: not missing(), f"output of {command}: {missing()}")
        else:
            why = missing()
            assert not why, why


def test_every_page_is_in_the_list() -> None:
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (USER / "README.md").read_text(encoding="utf-8"))
    assert sorted([*listed, "README.md"]) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", (USER / name).read_text(encoding="utf-8")):
        assert (USER / target).exists(), target


@pytest.mark.parametrize("name", [p for p in PAGES if p not in WITHOUT_EXAMPLES])
def test_page_does_what_it_says(name: str, tmp_path: pathlib.Path) -> None:
    own = [b for b in blocks(name) if b.kind == "yaml" and b.name or b.kind == "console"]
    assert any(b.kind == "yaml" for b in own) and any(b.kind == "console" for b in own), "no example"
    with contextlib.ExitStack() as stack:
        page = Page(tmp_path, stack)
        if not any(b.name == "main.yaml" for b in own):
            page.write(next(b for b in blocks("getting-started.md") if b.name == "main.yaml"))
        unchecked = False
        for block in own:
            if block.kind == "yaml":
                page.write(block)
                unchecked = True
                if block.name.endswith(" broken"):
                    page.check(broken=True)
                    unchecked = False
                continue
            if unchecked:
                page.check(broken=False)
                unchecked = False
            if not page.process:
                page.start()
            try_out(page, block.text)
        if unchecked:
            page.check(broken=False)
        page.stop()
