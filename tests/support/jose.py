"""The other side of a client's JSON Web Signatures (RFC 7515), strict: ES256 of flattened messages, as ACME has them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Object = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: Any) -> bytes:
    """Unpadded, and the one spelling of its bytes."""
    assert isinstance(text, str), f"not a text: {text!r}"
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b64(data) == text, f"not base64url: {text!r}"
    return data


def public(jwk: Object) -> ec.EllipticCurvePublicKey:
    assert set(jwk) == {"kty", "crv", "x", "y"} and (jwk["kty"], jwk["crv"]) == ("EC", "P-256"), f"not a public P-256 key: {jwk}"
    x, y = unb64(jwk["x"]), unb64(jwk["y"])
    assert len(x) == len(y) == 32, "coordinates have 32 bytes"
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()).public_key()


def thumbprint(jwk: Object) -> str:
    """RFC 7638."""
    return b64(hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest())


def opened(message: bytes) -> tuple[Object, Object]:
    """The protected header, and the message to verify."""
    body = json.loads(message)
    assert set(body) == {"protected", "payload", "signature"}, f"members {set(body)}"
    return json.loads(unb64(body["protected"])), body


def verify(body: Object, jwk: Object) -> None:
    signature = unb64(body["signature"])
    assert len(signature) == 64, f"signature of {len(signature)} bytes"
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        public(jwk).verify(encode_dss_signature(r, s), f"{body['protected']}.{body['payload']}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise AssertionError("the signature is wrong") from None
