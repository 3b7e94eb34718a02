"""A proxy that orders certificates of a CA of the tests, and what it keeps of them."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import ssl
import unicodedata
from typing import Any, Callable, Iterable, Iterator

import pytest

from support.client import Client
from support.fake_acme import FakeAcme
from support.http1 import Response
from support.pebble import Pebble
from support.ports import free_port
from support.proxy import Hosts, Proxy, live

ISSUED = "Certificate is successfully generated \n"
FRESH = "Fresh certificate exists. Not renewing ! \n"
NOT_ORDERED = "Failed to order a certificate: "
NO_ACCOUNT = "Failed to create account: "
CREDENTIALS = "acme_credentials.json"
CHALLENGES = "/.well-known/acme-challenge/"


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def together(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """Their results, of threads that run at once."""
    todo = list(calls)
    with concurrent.futures.ThreadPoolExecutor(len(todo)) as pool:
        return [f.result() for f in [pool.submit(call) for call in todo]]


def listen_at(proxy: Proxy, port: int) -> None:
    """Before it starts."""
    proxy.port, proxy.address = port, (proxy.host, port)
    proxy.main["proxy_address_http"] = f"{proxy.host}:{port}"


class OrderingProxy(Proxy):
    """Listens where `ca` asks for challenges, and for TLS at `tls_port`."""

    def __init__(self, ca: Pebble | FakeAcme, hosts: Hosts | None = None, *, main: dict[str, Any] | None = None, **keys: Any):
        self.tls_port = free_port()
        super().__init__(hosts, main={"proxy_address_tls": f"127.0.0.1:{self.tls_port}", "acme_directory": ca.directory,
                                      "acme_ca_file": ca.ca_file, **(main or {})}, **keys)
        if ca.http_port:
            listen_at(self, ca.http_port)

    def restart(self) -> None:
        self.stop()
        live.remove(self)
        self.start()

    # Calls.

    def create(self, **keys: Any) -> Response:
        return self.call("/acme_create", **{"deadline": 30, **keys})

    def order(self, name: str = "a.test", **keys: Any) -> Response:
        return self.call(f"/acme_order/{name}", **{"deadline": 30, **keys})

    def acme(self) -> dict[str, Any]:
        """What the status says of it."""
        return json.loads(self.call("/status?format=json").body)["acme"]

    def trouble(self, name: str) -> str | None:
        """Of a managed name."""
        return next(n["trouble"] for n in self.acme()["names"] if n["name"] == name)

    # Files.

    @property
    def state(self) -> pathlib.Path:
        """The folder of accounts and names."""
        return pathlib.Path(self.main.get("proxy_configs", self.config)) / "autoconfigs"

    @property
    def certificates(self) -> pathlib.Path:
        return pathlib.Path(self.main.get("proxy_certificates", self.state.parent / "certificates"))

    def manage(self, *names: str, folder: pathlib.Path | None = None) -> None:
        """Writes the names, as an operator may."""
        folder = folder or self.state
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "domains.json").write_text(json.dumps(names), encoding="utf-8")

    def managed(self) -> list[str]:
        path = self.state / "domains.json"
        return json.loads(path.read_text("utf-8")) if path.exists() else []

    def write_account(self, content: str | dict[str, Any]) -> bytes:
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / CREDENTIALS).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return (self.state / CREDENTIALS).read_bytes()

    def account(self, file: str = CREDENTIALS) -> dict[str, Any]:
        return json.loads((self.state / file).read_text("utf-8"))

    def chain(self, name: str = "a.test") -> str:
        """Its file; empty when there is none."""
        path = self.certificates / f"{name}.crt"
        return path.read_text("ascii") if path.exists() else ""

    def key(self, name: str = "a.test") -> str:
        return (self.certificates / f"{name}.key").read_text("ascii")

    # The listener for TLS.

    def tls(self, name: str = "a.test", context: ssl.SSLContext | None = None) -> Client:
        return Client(("127.0.0.1", self.tls_port), tls=context or unverified(), name=name)

    def served(self, name: str = "a.test", context: ssl.SSLContext | None = None) -> bytes:
        """The certificate that a client is shown which asks for `name`; with a context it has to be good."""
        with self.tls(name, context) as client:
            return client.sock._raw.getpeercert(True)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    """As a fixture of the modules that import it: one for each."""
    with Pebble(free_port()) as p:
        yield p


@pytest.fixture
def proxy(pebble: Pebble) -> Iterator[OrderingProxy]:
    """The same: of the `pebble` of that module."""
    with OrderingProxy(pebble) as p:
        yield p


def shown(response: Response) -> tuple[int, str | None, str]:
    return response.status, response.get("content-type"), response.text()


def harmless(text: str) -> bool:
    """Without control characters, those of one byte and of two."""
    return not any(unicodedata.category(c) == "Cc" for c in text)


def refused(response: Response, *why: str, text: str = NOT_ORDERED) -> str:
    """The reason, in which `why` has to be."""
    assert (response.status, response.get("content-type")) == (500, None), response
    said = response.body.decode()
    assert said.startswith(text) and said.endswith("\n") and len(said) > len(text) + 1, said
    reason = said[len(text):-1]
    assert harmless(reason) and len(reason) < 2000, f"not for people: {reason!r}"
    assert all(w in reason for w in why), f"{why} not in {reason!r}"
    return reason
