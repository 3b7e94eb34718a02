"""An ACME CA for faults that a real one cannot be made to show. What it is sent has to be as RFC 8555 demands; the rest is a fault of
the client's, which fails the test at the end of the block.

    with FakeAcme(proxy_port) as ca:
        ca.fault("new-order", ca.problem("rateLimited", "too many", "429 Too Many Requests"))
"""

from __future__ import annotations

import collections
import dataclasses
import json
import secrets
import ssl
import threading
from typing import Any, Callable

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from support.certificates import Authority, save
from support.client import Client
from support.http1 import Request
from support.issuer import Issuer
from support.jose import Object, b64, opened, public, thumbprint, unb64, verify
from support.origin import Connection, Origin

Fault = Callable[[Connection, Request], object]

STEPS = ("directory", "new-nonce", "new-account", "new-order", "authorization", "challenge", "finalize", "order", "certificate")


@dataclasses.dataclass
class Order:
    number: int
    name: str
    account: str
    token: str
    validation: str
    error: Object | None = None
    chain: str | None = None
    """Once it is finalized."""


class FakeAcme:
    """Asks for challenges at `http_port`, or believes everybody when that is None."""

    def __init__(self, http_port: int | None = None, *, port: int = 0):
        self.http_port = http_port
        self.authority = Authority("fake")
        self.ca_file = str(self.authority.root)
        self.issuer = Issuer()
        save(self.authority.folder, "listener", self.authority.issue("127.0.0.1"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority.folder / "listener.crt", self.authority.folder / "listener.key")
        self.origin = Origin("ca", tls=context, port=port)
        self.directory = self.url("/directory")
        # What tests change.
        self.validating, self.issuing = threading.Event(), threading.Event()
        """While cleared, authorizations stay pending or orders stay in processing."""
        self.validating.set()
        self.issuing.set()
        self.patient: set[str] = set()
        """Names that a cleared `validating` does not hold up."""
        self.known = False
        """New orders need no validation."""
        self.verdict: Object | None = None
        """The error of every validation."""
        self.retry_after: str | None = None
        """With what is not decided yet."""
        self.certify: Callable[[str, Any], str] = lambda name, key: self.issuer.certify(key, name)
        """The chain for a name and a public key."""
        self.edits: dict[str, Callable[[Object], Object]] = {}
        """By step: changes the object that is answered."""
        # What tests look at.
        self.asked: collections.Counter[str] = collections.Counter()
        """By step."""
        self.replayed = 0
        """Nonces that came again."""
        self.registrations: list[Object] = []
        """Payloads of all new-account requests."""
        self.orders: list[Order] = []
        self._lock = threading.RLock()
        self._nonces: dict[str, bool] = {}  # whether it was used
        self._accounts: dict[str, Object] = {}  # URL to key
        self._faults: dict[str, collections.deque[Fault]] = {step: collections.deque() for step in STEPS}
        self._always: dict[str, Fault] = {}
        self._serve("directory", "/directory", self._directory, post=False)
        self._serve("new-nonce", "/new-nonce", self._new_nonce, post=False)
        self._serve("new-account", "/new-account", self._new_account)
        self._serve("new-order", "/new-order", self._new_order)

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.origin.port}{path}"

    # Faults.

    def fault(self, step: str, fault: Fault, times: int | None = 1) -> None:
        """In place of the next answers of a step, or of all to come."""
        with self._lock:
            if times is None:
                self._always[step] = fault
            else:
                self._faults[step].extend([fault] * times)

    def mend(self) -> None:
        """The next requests meet no fault."""
        with self._lock:
            self._always.clear()
            for queue in self._faults.values():
                queue.clear()
            self.edits.clear()

    def problem(self, kind: str, detail: str = "", status: str = "400 Bad Request", fields: str = "") -> Fault:
        value = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": int(status[:3])}
        return lambda conn, request: self._send(conn, request, value, status, fields, "application/problem+json")

    def forget_accounts(self) -> None:
        with self._lock:
            self._accounts.clear()

    # Serving.

    def _serve(self, step: str, path: str, handler: Callable[..., object], post: bool = True) -> None:
        self.origin.on(path, lambda conn, request: self._take(step, handler, post, conn, request))

    def _take(self, step: str, handler: Callable[..., object], post: bool, conn: Connection, request: Request) -> None:
        assert request.get("user-agent"), f"{step}: no User-Agent"
        with self._lock:
            self.asked[step] += 1
            try:
                message = self._message(step, request) if post else ()
            except (ValueError, KeyError, TypeError) as e:
                raise AssertionError(f"{step}: {e!r} in {request.body!r}") from e
            queue = self._faults[step]
            fault = queue.popleft() if queue and not isinstance(message, str) else self._always.get(step)
        if isinstance(message, str):
            fault = self.problem(message, "told by the fake")
        if fault:
            fault(conn, request)
        else:
            handler(conn, request, *message)

    def _message(self, step: str, request: Request) -> tuple[Any, ...] | str:
        """Account, key and payload, or what is wrong."""
        assert request.method == "POST", f"{step}: {request.method}"
        assert request.get("content-type") == "application/jose+json", f"{step}: {request.get('content-type')}"
        head, body = opened(request.body)
        assert set(head) == {"alg", "nonce", "url", "jwk" if step == "new-account" else "kid"}, f"{step}: {set(head)}"
        assert head["alg"] == "ES256" and head["url"] == self.url(request.target), f"{step}: {head}"
        assert head["nonce"] in self._nonces, f"{step}: a nonce that is not from here"
        if self._nonces[head["nonce"]]:
            self.replayed += 1
            return "badNonce"
        self._nonces[head["nonce"]] = True
        key = head.get("jwk") or self._accounts.get(head["kid"])
        if key is None:
            return "accountDoesNotExist"
        verify(body, key)
        return head.get("kid"), key, json.loads(unb64(body["payload"])) if body["payload"] else None

    def _nonce(self) -> str:
        nonce = b64(secrets.token_bytes(16))
        with self._lock:
            self._nonces[nonce] = False
        return f"Replay-Nonce: {nonce}\r\n"

    def _send(self, conn: Connection, request: Request, value: Object | str, status: str = "200 OK", fields: str = "",
              kind: str = "application/json", step: str = "") -> None:
        if isinstance(value, dict) and step in self.edits:
            value = self.edits[step](value)
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        nonce = self._nonce() if request.method == "POST" else ""
        head = f"HTTP/1.1 {status}\r\n{nonce}{fields}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        conn.send(head.encode() + body)

    def _later(self) -> str:
        return f"Retry-After: {self.retry_after}\r\n" if self.retry_after else ""

    # The steps.

    def _directory(self, conn: Connection, request: Request) -> None:
        assert request.method == "GET"
        value = {"newNonce": self.url("/new-nonce"), "newAccount": self.url("/new-account"), "newOrder": self.url("/new-order"),
                 "revokeCert": self.url("/revoke"), "keyChange": self.url("/key-change"), "meta": {"termsOfService": self.url("/terms")}}
        self._send(conn, request, value, step="directory")

    def _new_nonce(self, conn: Connection, request: Request) -> None:
        assert request.method in ("GET", "HEAD")
        status = "204 No Content" if request.method == "GET" else "200 OK"
        conn.send(f"HTTP/1.1 {status}\r\n{self._nonce()}Cache-Control: no-store\r\n\r\n")

    def _new_account(self, conn: Connection, request: Request, _: None, key: Object, payload: Any) -> None:
        assert payload, "new-account: nothing in it"
        self.registrations.append(payload)
        with self._lock:
            known = next((u for u, k in self._accounts.items() if k == key), None)
            if not known and payload.get("onlyReturnExisting"):
                self.problem("accountDoesNotExist", "no such account")(conn, request)
                return
            assert known or payload.get("termsOfServiceAgreed") is True, "the terms are not agreed to"
            url = known or self.url(f"/account/{secrets.token_hex(4)}")
            self._accounts[url] = key
        value = {"status": "valid", "contact": payload.get("contact", []), "orders": f"{url}/orders"}
        self._send(conn, request, value, "200 OK" if known else "201 Created", f"Location: {url}\r\n", step="new-account")

    def _new_order(self, conn: Connection, request: Request, account: str, key: Object, payload: Any) -> None:
        assert payload and set(payload) == {"identifiers"} and len(payload["identifiers"]) == 1, f"new-order: {payload}"
        assert payload["identifiers"][0]["type"] == "dns"
        with self._lock:
            order = Order(len(self.orders), payload["identifiers"][0]["value"], account, b64(secrets.token_bytes(24)),
                          "valid" if self.known else "pending")
            self.orders.append(order)
        for step, handler in (("authorization", self._authorization), ("challenge", self._challenge), ("finalize", self._finalize),
                              ("order", self._order), ("certificate", self._certificate)):
            self._serve(step, f"/{step}/{order.number}", lambda *rest, h=handler: h(order, *rest))
        location = f"Location: {self.url(f'/order/{order.number}')}\r\n"
        self._send(conn, request, self._order_value(order), "201 Created", location, step="new-order")

    def _order_value(self, order: Order) -> Object:
        status = {"pending": "pending", "processing": "pending", "valid": "ready", "invalid": "invalid"}[order.validation]
        if order.chain is not None:
            status = "valid" if self.issuing.is_set() else "processing"
        n = order.number
        value = {"status": status, "identifiers": [{"type": "dns", "value": order.name}], "finalize": self.url(f"/finalize/{n}"),
                 "authorizations": [self.url(f"/authorization/{n}")]}
        if status == "valid":
            value["certificate"] = self.url(f"/certificate/{n}")
        if order.error:
            value["error"] = order.error
        return value

    def _order(self, order: Order, conn: Connection, request: Request, account: str, key: Object, payload: Any) -> None:
        assert payload is None and account == order.account
        self._send(conn, request, self._order_value(order), fields=self._later(), step="order")

    def _challenge_value(self, order: Order) -> Object:
        value: Object = {"type": "http-01", "url": self.url(f"/challenge/{order.number}"), "token": order.token, "status": order.validation}
        if order.error:
            value["error"] = order.error
        return value

    def _authorization(self, order: Order, conn: Connection, request: Request, account: str, key: Object, payload: Any) -> None:
        assert payload is None and account == order.account
        status = "pending" if order.validation == "processing" else order.validation
        other = {"type": "dns-01", "url": self.url("/none"), "token": order.token, "status": "pending"}
        value = {"status": status, "identifier": {"type": "dns", "value": order.name}, "challenges": [other, self._challenge_value(order)]}
        self._send(conn, request, value, fields=self._later() if status == "pending" else "", step="authorization")

    def _challenge(self, order: Order, conn: Connection, request: Request, account: str, key: Object, payload: Any) -> None:
        assert payload in (None, {}) and account == order.account
        with self._lock:
            if payload is not None and order.validation == "pending":
                order.validation = "processing"
                threading.Thread(target=self._validate, args=(order, thumbprint(key)), name=f"ca-{order.number}", daemon=True).start()
        up = f"Link: <{self.url(f'/authorization/{order.number}')}>;rel=\"up\"\r\n"
        self._send(conn, request, self._challenge_value(order), fields=up + self._later(), step="challenge")

    def _validate(self, order: Order, print_: str) -> None:
        while order.name not in self.patient and not self.validating.wait(0.05):
            if self.origin.stopping.is_set():
                return
        error = self.verdict or self._shown(order, f"{order.token}.{print_}")
        with self._lock:
            order.error = error
            order.validation = "invalid" if error else "valid"

    def _shown(self, order: Order, wanted: str) -> Object | None:
        if self.http_port is None:
            return None
        try:
            with Client(("127.0.0.1", self.http_port)) as client:
                got = client.request(f"/.well-known/acme-challenge/{order.token}", host=order.name)
            told = "" if (got.status, got.text()) == (200, wanted) else f"answered {got.status} {got.text()!r}"
        except (OSError, AssertionError) as e:
            told = str(e)
        return {"type": "urn:ietf:params:acme:error:unauthorized", "detail": f"{order.name}: {told}"} if told else None

    def _finalize(self, order: Order, conn: Connection, request: Request, account: str, key: Object, payload: Any) -> None:
        assert payload and set(payload) == {"csr"} and account == order.account
        assert order.validation == "valid" and order.chain is None, "finalized before it is ready, or twice"
        try:
            csr = x509.load_der_x509_csr(unb64(payload["csr"]))
        except ValueError as e:
            raise AssertionError(f"finalize: {e}") from e
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert csr.is_signature_valid and list(names) == [x509.DNSName(order.name)], f"finalize: {names}"
        own = csr.public_key()
        as_bytes = [k.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo) for k in (own, public(key))]
        assert as_bytes[0] != as_bytes[1], "the key of the certificate is that of the account"
        order.chain = self.certify(order.name, own)
        self._send(conn, request, self._order_value(order), fields=self._later(), step="finalize")

    def _certificate(self, order: Order, conn: Connection, request: Request, account: str, key: Object, payload: Any) -> None:
        assert payload is None and account == order.account
        self._send(conn, request, order.chain or "", kind="application/pem-certificate-chain", step="certificate")

    def __enter__(self) -> "FakeAcme":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        self.origin.close()
        if kind is None:
            self.origin.check()
