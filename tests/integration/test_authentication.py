"""Basic, API keys and tokens as clients use them: issue 6 point 1, behaviour sections 8.1 to 8.3."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from support.certificates import Authority
from support.credentials import BCRYPT, KINDS, NAMES, SECRET, Kind, basic, claims, token
from support.deadline import wait_until
from support.origin import Connection, Origin, answer
from support.http1 import Request
from support.pairs import PairClient
from support.proxy import Proxy, route
from support.tls import install
from support.ports import free_port
from support.tools import run

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def printed(*command: str) -> str:
    return run(*command).stdout.decode().strip()


def public_pem(key: Private) -> str:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: Private, **more: str) -> dict[str, str]:
    algorithm = {"rsa": jwt.algorithms.RSAAlgorithm, "ec": jwt.algorithms.ECAlgorithm, "okp": jwt.algorithms.OKPAlgorithm}
    name = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ec" if isinstance(key, ec.EllipticCurvePrivateKey) else "okp"
    if name == "ec":  # PyJWT 2.6 cannot write these
        numbers = key.public_key().public_numbers()  # type: ignore[union-attr]
        b64 = lambda n: base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode()  # noqa: E731
        return {"kty": "EC", "crv": "P-256", "x": b64(numbers.x), "y": b64(numbers.y), **more}
    made = algorithm[name].to_jwk(key.public_key())
    return {**(json.loads(made) if isinstance(made, str) else made), **more}


RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def status(proxy: Proxy, bearer: str) -> int:
    return proxy.get("/", fields=f"Authorization: Bearer {bearer}\r\n").status


UNTHROTTLED: dict[str, Any] = {"auth_failure_limit": 0}
"""What is asked for here is asked often; test_auth_throttle.py is about that."""


def protected(origin: Origin, block: dict[str, Any], main: dict[str, Any] | None = None, **keys: Any) -> Proxy:
    return Proxy({"a.test": {"/": route(origin, authorization=block)}}, main={**UNTHROTTLED, **(main or {})}, **keys)


def test_401_byte_for_byte(origin: Origin) -> None:
    with protected(origin, {"type": "basic", "data": "u:p"}) as proxy, proxy.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        lines = client.wait_closed(allow_bytes=True).decode().split("\r\n")
        assert [line for line in lines if not line.startswith("Date: ")] == [
            "HTTP/1.1 401 Unauthorized", 'WWW-Authenticate: Basic realm="aralez", charset="UTF-8"',
            "Cache-Control: private, no-store", "Content-Length: 0", "Connection: close", "", ""]


def test_curl_speaks_basic(origin: Origin) -> None:
    with protected(origin, {"type": "basic", "data": ["u:p", f"ann:{BCRYPT}"]}) as proxy:
        def curl(user: str) -> str:
            return printed("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", user, "-H", "Host: a.test", f"http://127.0.0.1:{proxy.port}/")
        assert curl("u:p") == "200"
        assert curl("ann:s3cret") == "200"
        assert curl("ann:s3cre") == "401"
        assert curl("u:s3cret") == "401"


def test_scheme_must_be_basic(origin: Origin) -> None:
    with protected(origin, {"type": "basic", "data": "u:p"}) as proxy:
        encoded = base64.b64encode(b"u:p").decode()
        for scheme, wanted in (("Basic", 200), ("basic", 200), ("Bearer", 401), ("X", 401)):
            assert proxy.get("/", fields=f"Authorization: {scheme} {encoded}\r\n").status == wanted, scheme
        assert proxy.get("/", fields=f"Authorization: Basic {encoded}\r\n" * 2).status == 401


@pytest.mark.parametrize("method", ["sha256crypt", "sha512crypt", "bcrypt-a"])
def test_hashes_of_the_tools_of_the_field(origin: Origin, method: str) -> None:
    hashed = {"sha256crypt": lambda: printed("openssl", "passwd", "-5", "s3cret"), "sha512crypt": lambda: printed("openssl", "passwd", "-6", "s3cret"),
              "bcrypt-a": lambda: "$2a$04$t/nDdkJ3pxpX8.5CVG6Gp.X/jPA65p2g6z8dWWQI6.1wOgrvt0aJG"}[method]()
    with protected(origin, {"type": "basic", "data": f"u:{hashed}"}) as proxy:
        assert proxy.get("/", fields=f"Authorization: {basic('u', 's3cret')}\r\n").status == 200
        assert proxy.get("/", fields=f"Authorization: {basic('u', 'S3cret')}\r\n").status == 401
        assert proxy.get("/", fields=f"Authorization: {basic('u', hashed)}\r\n").status == 401, "the hash is no password"


def test_slow_hashes_do_not_hold_up_the_worker(origin: Origin) -> None:
    """While more passwords are guessed than can be checked, an open route of the only worker is served, and the queue is bounded."""
    hashed = printed("openssl", "passwd", "-6", "-salt", "abc", "s3cret")
    hosts = {"a.test": {"/": route(origin), "/locked": route(origin, authorization={"type": "basic", "data": f"u:{hashed}"})}}
    with Proxy(hosts, main=UNTHROTTLED) as proxy, proxy.client() as open_client:
        clients = [proxy.client() for _ in range(150)]
        for n, client in enumerate(clients):
            client.send(f"GET /locked HTTP/1.1\r\nHost: a.test\r\nAuthorization: {basic('u', f'guess{n}')}\r\n\r\n")
        assert open_client.request("/open").status == 200
        answers = [client.response().status for client in clients]
        assert set(answers) <= {401, 503} and answers.count(401) >= 64
        for client in clients:
            client.close()
        assert open_client.request("/locked", fields=f"Authorization: {basic('u', 's3cret')}\r\n").status == 200


def test_a_client_that_leaves_while_its_password_is_checked(origin: Origin) -> None:
    hashed = printed("openssl", "passwd", "-6", "s3cret")
    with protected(origin, {"type": "basic", "data": f"u:{hashed}"}) as proxy:
        for n in range(30):
            with proxy.client() as client:
                client.send(f"GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: {basic('u', f'x{n}')}\r\n\r\n")
                client.reset()
        assert proxy.get("/", fields=f"Authorization: {basic('u', 's3cret')}\r\n").status == 200


def test_api_key_goes_on_to_the_upstream(origin: Origin) -> None:
    with protected(origin, {"type": "apikey", "data": ["one", "two"]}) as proxy:
        assert proxy.get("/", fields="X-API-Key: two\r\n").status == 200
        assert origin.requests[0].get("x-api-key") == "two"
        for bad in ("X-API-Key: \r\n", "X-API-Key: on\r\n", "X-API-Key: one\r\nX-API-Key: two\r\n", "X_API_Key: one\r\n"):
            assert proxy.get("/", fields=bad).status == 401, bad


def test_token_in_query_or_field(origin: Origin) -> None:
    with protected(origin, {"type": "jwt", "data": SECRET}) as proxy:
        good = token()
        assert status(proxy, good) == 200
        assert proxy.get(f"/x?araleztoken={good}").status == 200
        assert origin.requests[-1].target == f"/x?araleztoken={good}"
        assert proxy.get(f"/x?%61raleztoken={good}&a=b").status == 200
        assert proxy.get("/x?araleztoken=", fields=f"Authorization: Bearer {good}\r\n").status == 401, "the query alone counts"
        assert proxy.get(f"/x?araleztoken=y&araleztoken={good}").status == 200, "the last one"
        assert proxy.get(f"/x?araleztoken={good}x").status == 401
        proxy.wait_log(r" 401 .* GET /x\?araleztoken=\*\*\* ")
        assert good[:40] not in proxy.log()


def test_claims_of_the_reference(origin: Origin) -> None:
    with protected(origin, {"type": "jwt", "data": SECRET}) as proxy:
        assert status(proxy, token(random="x", iss="any", nbf=2**40)) == 200
        assert status(proxy, jwt.encode({"exp": int(time.time()) + 60}, SECRET, algorithm="HS256")) == 401
        assert status(proxy, token(aud="x")) == 401
        assert status(proxy, token(-1)) == 401
        assert status(proxy, jwt.encode(claims(), SECRET, algorithm="HS512")) == 401
        r = proxy.get("/", fields=f"Authorization: Bearer {token(-1)}\r\n")
        assert r.get("www-authenticate") == 'Bearer realm="aralez", error="invalid_token", error_description="the token has expired"'
        proxy.wait_log("401 auth_expired: credentials have expired: the token has expired")


def test_token_is_refused_once_it_has_expired_although_it_was_remembered(origin: Origin) -> None:
    with protected(origin, {"type": "jwt", "data": SECRET}) as proxy:
        short = token(4)
        assert status(proxy, short) == 200
        wait_until(lambda: status(proxy, short) == 401, "the token to expire")


@pytest.mark.parametrize("env, data, master, good", [
    ("env-key-env-key-env-key-env-key-", "data-key-data-key-data-key-data-k", "master-key", "env-key-env-key-env-key-env-key-"),
    (None, "data-key-data-key-data-key-data-k", "master-key", "data-key-data-key-data-key-data-k"),
    (None, None, "master-key", "master-key"), ("", None, "master-key", None), (None, None, None, None)])
def test_secret_order(origin: Origin, env: str | None, data: str | None, master: str | None, good: str | None) -> None:
    """Defect 23 of behaviour section 19."""
    block = {"type": "jwt"} if data is None else {"type": "jwt", "data": data}
    with protected(origin, block, main={"master_key": master}, env=None if env is None else {"JWT_KEY": env}) as proxy:
        for secret in ("env-key-env-key-env-key-env-key-", "data-key-data-key-data-key-data-k", "master-key", ""):
            assert status(proxy, token(secret=secret)) == (200 if secret == good else 401), secret
        if good is None:
            proxy.wait_log("WARN .*type jwt without a key")


@pytest.mark.parametrize("key, algorithm", [(RSA, "RS256"), (P256, "ES256"), (ED, "EdDSA")], ids=["RS256", "ES256", "EdDSA"])
def test_public_key_written_out(origin: Origin, key: Private, algorithm: str) -> None:
    with protected(origin, {"type": "jwt", "data": public_pem(key)}) as proxy:
        def made(**more: object) -> str:
            return jwt.encode({"exp": int(time.time()) + 60, **more}, key, algorithm=algorithm)
        good = made()
        assert [status(proxy, good) for _ in range(3)] == [200] * 3
        assert status(proxy, made(nbf=int(time.time()) + 3600)) == 401
        assert status(proxy, made(aud="x")) == 401
        assert status(proxy, good[:-6] + "AAAAAA") == 401
        assert status(proxy, jwt.encode({"sub": "no expiry"}, key, algorithm=algorithm)) == 401


def test_agrees_with_pyjwt_on_every_algorithm(origin: Origin) -> None:
    """A key set of all of them: good tokens pass, changed ones do not, and nothing passes that PyJWT refuses."""
    keys: dict[str, Private] = {a: RSA for a in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")}
    keys |= {"ES256": P256, "EdDSA": ED}
    block = {"type": "jwt", "data": json.dumps({"keys": [jwk(k, kid=a, alg=a) for a, k in keys.items()]})}
    with protected(origin, block) as proxy, proxy.client() as client:
        for algorithm, key in keys.items():
            good = jwt.encode({"exp": int(time.time()) + 60, "sub": algorithm}, key, algorithm=algorithm, headers={"kid": algorithm})
            header, payload, signature = good.split(".")
            other = next(a for a in keys if a != algorithm)
            tokens = {good: True, f"{header}.{payload[:-2]}AA.{signature}": False, f"{header[:-2]}AA.{payload}.{signature}": False,
                      jwt.encode({"exp": int(time.time()) + 60}, keys[other], algorithm=other, headers={"kid": algorithm}): False,
                      jwt.encode({"exp": int(time.time()) - 1}, key, algorithm=algorithm, headers={"kid": algorithm}): False,
                      **{f"{header}.{payload}.{signature[:i]}{'A' if signature[i] != 'A' else 'B'}{signature[i + 1:]}": False for i in range(0, len(signature), 17)}}
            for token_, wanted in tokens.items():
                let_in = client.request("/", fields=f"Authorization: Bearer {token_}\r\n").status == 200
                try:
                    jwt.decode(token_, key.public_key(), algorithms=[algorithm])  # type: ignore[arg-type]
                    theirs = True
                except jwt.InvalidTokenError:
                    theirs = False
                assert let_in == wanted and (theirs or not let_in), (algorithm, token_)


def test_issuer_and_audience(origin: Origin) -> None:
    block = {"type": "jwt", "data": public_pem(P256), "issuer": "https://id.test", "audience": "shop"}
    with protected(origin, block) as proxy:
        def made(**more: object) -> str:
            return jwt.encode({"exp": int(time.time()) + 60, **more}, P256, algorithm="ES256")
        assert status(proxy, made(iss="https://id.test", aud="shop")) == 200
        assert status(proxy, made(iss="https://id.test", aud=["x", "shop"])) == 200
        for wrong in ({"iss": "https://id.test"}, {"aud": "shop"}, {"iss": "x", "aud": "shop"}, {"iss": "https://id.test", "aud": "x"}):
            assert status(proxy, made(**wrong)) == 401, wrong


def test_file_of_keys_is_followed(origin: Origin) -> None:
    proxy = Proxy(main=UNTHROTTLED)
    keys = proxy.config / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk(RSA, kid="old")]}))
    proxy._first = {"provider": "file", "upstreams": {"a.test": {"paths": {"/": route(origin, authorization={"type": "jwt", "data": str(keys)})}}}}
    with proxy:
        body = {"exp": int(time.time()) + 60}
        old = jwt.encode(body, RSA, algorithm="RS256", headers={"kid": "old"})
        new = jwt.encode(body, P256, algorithm="ES256", headers={"kid": "new"})
        assert (status(proxy, old), status(proxy, new)) == (200, 401)
        keys.write_text(json.dumps({"keys": [jwk(P256, kid="new")]}))
        wait_until(lambda: status(proxy, new) == 200, "the new key to be used")
        assert status(proxy, old) == 401, "remembered under the old key"


class Issuer:
    """An https server of a key set."""

    def __init__(self, authority: Authority):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain, key = authority.issue("localhost")
        (authority.folder / "issuer.crt").write_text(chain)
        (authority.folder / "issuer.key").write_text(key)
        context.load_cert_chain(authority.folder / "issuer.crt", authority.folder / "issuer.key")
        self.origin = Origin(tls=context)
        self.keys: list[dict[str, str]] = []
        self.status = "200 OK"
        self.origin.on("/jwks", self.serve)
        self.url = f"https://localhost:{self.origin.port}/jwks"

    def serve(self, conn: Connection, request: Request) -> None:
        conn.send(answer(json.dumps({"keys": self.keys}), self.status, "Location: /elsewhere\r\n"))


def test_url_of_keys_is_fetched_kept_and_refreshed(origin: Origin) -> None:
    authority = Authority()
    issuer = Issuer(authority)
    issuer.keys = [jwk(RSA, kid="old", alg="PS256")]
    with issuer.origin, protected(origin, {"type": "jwt", "data": issuer.url}, main={"ca_file": str(authority.root)}) as proxy:
        body = {"exp": int(time.time()) + 60}
        old = jwt.encode(body, RSA, algorithm="PS256", headers={"kid": "old"})
        new = jwt.encode(body, ED, algorithm="EdDSA", headers={"kid": "new"})
        assert status(proxy, old) == 200, "fetched before the first request"
        assert status(proxy, jwt.encode(body, RSA, algorithm="RS256", headers={"kid": "old"})) == 401, "the key says PS256"
        assert len(issuer.origin.seen("/jwks")) == 1
        issuer.status = "500 Oops"
        assert status(proxy, jwt.encode(body, RSA, algorithm="PS256", headers={"kid": "new"})) == 401
        proxy.wait_log("no keys for tokens: the answer has status 500; the last ones stay in use", deadline=20)
        assert status(proxy, old) == 200
        issuer.status = "200 OK"
        issuer.keys = [jwk(ED, kid="new")]
        wait_until(lambda: status(proxy, new) == 200, "the new key to be used", 20)
        assert status(proxy, old) == 401
        assert not issuer.origin.seen("/elsewhere")


def test_url_of_keys_is_verified_and_a_route_without_keys_is_shut(origin: Origin) -> None:
    authority = Authority()
    issuer = Issuer(authority)
    issuer.keys = [jwk(P256)]
    with issuer.origin, protected(origin, {"type": "jwt", "data": issuer.url}) as proxy:  # trusts the system's authorities
        good = jwt.encode({"exp": int(time.time()) + 60}, P256, algorithm="ES256")
        r = proxy.get("/", fields=f"Authorization: Bearer {good}\r\n")
        assert (r.status, r.get("retry-after")) == (503, "1")
        assert status(proxy, "x.y.z") == 503
        proxy.wait_log("WARN .*no keys for tokens: .*certificate.*; its routes answer 503")
        assert not issuer.origin.requests and not origin.requests


@pytest.mark.parametrize("protocol", ["h1s", "h2c", "h2s"])
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_on_every_protocol(origin: Origin, protocol: str, kind: Kind) -> None:
    tls_port = free_port()
    hosts = {"a.test": {"/": route(origin), "/locked": route(origin, authorization=kind.block)}}
    proxy = Proxy(hosts, main={"proxy_address_tls": f"127.0.0.1:{tls_port}"})
    install(proxy.config / "certificates")
    with proxy:
        address = proxy.address if protocol == "h2c" else ("127.0.0.1", tls_port)
        with PairClient(protocol, address) as client:
            for path in ("/locked", "//locked", "/x/../locked", "/%6cocked/y"):
                head, body = client.request("GET", path)
                assert (head.status, body) == (401, b""), path
                assert (head.get("www-authenticate") or "").startswith(kind.scheme)
                head, _ = client.request("GET", path, [kind.wrong])
                assert head.status == 401
            assert not origin.requests
            head, body = client.request("GET", "/locked", [kind.good])
            assert (head.status, body) == (200, b"origin GET /locked")


def test_grpc_clients_get_unauthenticated(origin: Origin) -> None:
    with protected(origin, KINDS[3].block) as proxy, PairClient("h2c", proxy.address) as client:
        head, _ = client.request("POST", "/pkg.Service/Method", [("content-type", "application/grpc"), ("te", "trailers")])
        assert (head.status, head.get("grpc-status"), head.get("grpc-message")) == (200, "16", "no credentials")
        assert not origin.requests


def test_many_clients_at_once_share_the_threads(origin: Origin) -> None:
    hashed = printed("openssl", "passwd", "-5", "s3cret")
    with protected(origin, {"type": "basic", "data": f"u:{hashed}"}, main={"threads": 2}) as proxy:
        def ask(n: int) -> int:
            password = "s3cret" if n % 2 == 0 else f"guess{n}"
            return proxy.get("/", fields=f"Authorization: {basic('u', password)}\r\n").status
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(48)))
        assert answers[::2] == [200] * 24 and answers[1::2] == [401] * 24


def test_wrong_configurations_are_named_with_their_line(origin: Origin) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    lines = {"type: basic, data: 'u:$apr1$x$y'": "a hash that is damaged or not known", "type: jwt, data: /no/such/file": "not readable",
             "type: jwt, data: 'http://id.test/'": "https:// only", f"type: jwt, data: {json.dumps(public_pem(weak))}": "too weak"}
    for text, said in lines.items():
        with_block = ("provider: file\nupstreams:\n  a.test:\n    paths:\n      /:\n        servers: ['127.0.0.1:1']\n"
                      f"        authorization: {{{text}}}\n")
        proxy = Proxy(upstreams=with_block).prepare()
        try:
            done = subprocess.run([*proxy.command(), "-t"], capture_output=True, text=True, env=proxy.env, check=False)
            assert done.returncode == 1
            assert f"upstreams.yaml:7:" in done.stderr and said in done.stderr, done.stderr
        finally:
            proxy.close()
