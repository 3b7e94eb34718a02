"""Addresses of this machine."""

from __future__ import annotations

import fcntl
import socket
import struct

_SIOCGIFADDR = 0x8915


def outside() -> str:
    """An IPv4 address that is not loopback: whoever connects to it comes from it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _, name in socket.if_nameindex():
            try:
                raw = fcntl.ioctl(s.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue
            address = socket.inet_ntoa(raw[20:24])
            if not address.startswith("127."):
                return address
    raise AssertionError("this machine has no address but loopback: ip link add dummy0 type dummy; "
                         "ip addr add 192.0.2.2/32 dev dummy0; ip link set dummy0 up")
