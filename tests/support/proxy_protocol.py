"""Headers of the PROXY protocol."""

from __future__ import annotations

import ipaddress
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version1(client: str, port: int = 40000) -> bytes:
    family = "TCP6" if ":" in client else "TCP4"
    server = "2001:db8::1" if ":" in client else "198.51.100.1"
    return f"PROXY {family} {client} {server} {port} 443\r\n".encode()


def version2(client: str | None, *, tlvs: bytes = b"") -> bytes:
    """Without a client it is LOCAL."""
    if client is None:
        return SIGNATURE + struct.pack("!BBH", 0x20, 0, len(tlvs)) + tlvs
    source = ipaddress.ip_address(client)
    v6 = source.version == 6
    server = ipaddress.ip_address("2001:db8::1" if v6 else "198.51.100.1")
    rest = source.packed + server.packed + struct.pack("!HH", 40000, 443) + tlvs
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x21 if v6 else 0x11, len(rest)) + rest
