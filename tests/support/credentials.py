"""Credentials for the `authorization` of routes: a block and what a client sends, for every type."""

from __future__ import annotations

import base64
import dataclasses
import time
from typing import Any

import jwt  # PyJWT, Debian's python3-jwt

SECRET = "a secret of some length, thirty-two bytes and more"
BCRYPT = "$2b$04$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC"
"""Of "s3cret"."""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def claims(valid: float = 600, **more: Any) -> dict[str, Any]:
    """What the `jwt` filter asks for where its key is a secret."""
    return {"master_key": "", "owner": "tests", "exp": int(time.time() + valid), **more}


def token(valid: float = 600, secret: str = SECRET, **more: Any) -> str:
    return jwt.encode(claims(valid, **more), secret, algorithm="HS256")


@dataclasses.dataclass
class Kind:
    """A way to protect a route."""

    name: str
    block: dict[str, Any]
    good: tuple[str, str]
    """The field that lets in."""
    wrong: tuple[str, str]
    scheme: str
    """Of WWW-Authenticate."""

    def lines(self, good: bool = True) -> str:
        name, value = self.good if good else self.wrong
        return f"{name}: {value}\r\n"


def kinds() -> list[Kind]:
    return [
        Kind("basic", {"type": "basic", "data": "user:secret"}, ("authorization", basic("user", "secret")),
             ("authorization", basic("user", "guess")), "Basic"),
        Kind("hash", {"type": "basic", "data": ["x:y", f"ann:{BCRYPT}"]}, ("authorization", basic("ann", "s3cret")),
             ("authorization", basic("ann", "guess")), "Basic"),
        Kind("apikey", {"type": "apikey", "data": ["one", "two"]}, ("x-api-key", "two"), ("x-api-key", "three"), "ApiKey"),
        Kind("jwt", {"type": "jwt", "data": SECRET}, ("authorization", f"Bearer {token(86400)}"),
             ("authorization", f"Bearer {token(-1)}"), "Bearer"),
    ]


KINDS = kinds()
NAMES = [k.name for k in KINDS]
