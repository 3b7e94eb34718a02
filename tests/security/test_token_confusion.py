"""Threats row 24 (and 23, 29 where tokens meet them): the algorithm belongs to the key, and nothing in a token names a key of its own.

Every forged token is made from a good one whose key the attacker knows in public alone. None of them is let in, none reaches the
upstream, none makes the proxy ask somebody, and the good one passes before and after.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Iterator

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.credentials import SECRET, claims
from support.origin import Origin
from support.proxy import Proxy, route

RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
OTHER = rsa.generate_private_key(65537, 2048)
Encoding, PublicFormat = serialization.Encoding, serialization.PublicFormat


def b64(data: bytes | str) -> str:
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def body() -> dict[str, Any]:
    return {**claims(), "sub": "admin"}


def forged(header: dict[str, Any] | str, signature: bytes | None = b"", payload: str | None = None, secret: bytes | None = None) -> str:
    text = b64(header if isinstance(header, str) else json.dumps(header)) + "." + b64(payload or json.dumps(body()))
    if secret is not None:
        signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return text if signature is None else f"{text}.{b64(signature)}"


def public(key: Any, encoding: Encoding = Encoding.PEM, kind: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return key.public_key().public_bytes(encoding, kind)


def own_key() -> dict[str, str]:
    made = jwt.algorithms.RSAAlgorithm.to_jwk(OTHER.public_key())
    return json.loads(made) if isinstance(made, str) else made


def confusions(key: Any) -> dict[str, str]:
    """An HMAC with whatever of the public key an attacker could take for its bytes."""
    out = {}
    texts = {"PEM": public(key), "PEM without the last line end": public(key).rstrip(), "DER": public(key, Encoding.DER)}
    if isinstance(key, rsa.RSAPrivateKey):
        texts["PKCS1"] = public(key, Encoding.PEM, PublicFormat.PKCS1)
    for name, secret in texts.items():
        for algorithm in ("HS256", "hs256", "HS256 "):
            out[f"{algorithm!r} with the {name}"] = forged({"alg": algorithm, "typ": "JWT"}, secret=secret)
    return out


def headers(algorithm: str, origin: Origin) -> dict[str, str]:
    """Headers that name a key or ask for less; signed by the attacker's own key where the algorithm allows."""
    def signed(**more: Any) -> str:
        return jwt.encode(body(), OTHER, algorithm="RS256", headers=more)
    return {
        **{f"alg {a!r}": forged({"alg": a}) for a in ("none", "None", "NONE", "nOnE", "", " none", "null")},
        "alg none without the last part": forged({"alg": "none"}, signature=None),
        "no alg": forged({"typ": "JWT"}),
        "alg null": forged('{"alg":null}'), "alg list": forged('{"alg":["none"]}'), "alg twice": forged('{"alg":"none","alg":"%s"}' % algorithm),
        "own key in the header": signed(jwk=own_key()),
        "jku": signed(jku=f"http://127.0.0.1:{origin.port}/jku"), "x5u": signed(x5u=f"http://127.0.0.1:{origin.port}/x5u"),
        "kid of a file": signed(kid="/dev/null"), "kid of a query": signed(kid="x' UNION SELECT 'secret"), "kid number": forged(
            {"alg": algorithm, "kid": 1}),
        "crit": forged({"alg": algorithm, "crit": ["b64"], "b64": False}), "zip": forged({"alg": algorithm, "zip": "DEF"}),
        "empty signature": forged({"alg": algorithm}), "zero signature": forged({"alg": algorithm}, signature=bytes(64)),
        "zero signature of RSA size": forged({"alg": algorithm}, signature=bytes(256)),
        "header is a list": forged("[]"), "header is deep": forged('{"alg":"%s","x":%s%s}' % (algorithm, "[" * 5000, "]" * 5000)),
        "payload is deep": forged({"alg": algorithm}, payload="[" * 5000 + "]" * 5000),
        "four parts": forged({"alg": algorithm}) + ".x", "dots": "." * 8000, "JSON form": b64(json.dumps({"payload": "x", "signatures": []})),
    }


@pytest.fixture(scope="module", params=["RS256", "ES256", "HS256"])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[str, Proxy, Origin]]:
    key = {"RS256": RSA, "ES256": P256, "HS256": SECRET}[request.param]
    data = key if isinstance(key, str) else public(key).decode()
    with Origin() as origin:
        hosts = {"a.test": {"/": route(origin, authorization={"type": "jwt", "data": data})}}
        with Proxy(hosts, main={"auth_failure_limit": 0}) as proxy:  # every attack is judged by itself
            yield request.param, proxy, origin
        origin.check()


def test_no_forged_token_is_let_in(world: tuple[str, Proxy, Origin]) -> None:
    algorithm, proxy, origin = world
    key: Any = {"RS256": RSA, "ES256": P256, "HS256": SECRET}[algorithm]
    good = jwt.encode(body(), key, algorithm=algorithm)
    attacks = headers(algorithm, origin)
    for public_key in (RSA, P256):
        attacks |= confusions(public_key)
    attacks["the good one with other claims"] = ".".join([good.split(".")[0], b64(json.dumps({**body(), "exp": 2**40})), good.split(".")[2]])
    attacks["the good one without its signature"] = good.rpartition(".")[0] + "."
    with proxy.client() as client:
        def status(token: str) -> int:
            return client.request("/x", fields=f"Authorization: Bearer {token}\r\n").status
        assert status(good) == 200
        for name, token in attacks.items():
            assert status(token) == 401, name
            if len(token) < 4000:
                assert client.request(f"/x?araleztoken={token}".replace(" ", "%20")).status == 401, name
        assert status(good) == 200
    assert {r.path for r in origin.requests} == {"/x"}, "nobody was asked for a key"


def test_tokens_cannot_be_large(world: tuple[str, Proxy, Origin]) -> None:
    algorithm, proxy, _ = world
    for size in (11_000, 17_000, 50_000):
        with proxy.client() as client:
            assert client.request("/", fields=f"Authorization: Bearer {forged({'alg': algorithm, 'x': 'y' * size})}\r\n").status in (401, 431)
