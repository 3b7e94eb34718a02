"""A CA in memory that certifies any key, for dates of a test's choice; openssl of Debian 12 knows no other start than now."""

from __future__ import annotations

import datetime
import ssl
from typing import Any, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = 24 * 3600.0


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """PKCS#8 PEM."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


class Issuer:
    """A root and an intermediate, as certificates.Authority."""

    def __init__(self, name: str = "issuer") -> None:
        self._key, root_key = new_key(), new_key()
        self._name = _name(f"{name} intermediate")
        dates = (-100 * DAY, 100 * DAY)
        self.root = _signed(_name(f"{name} root"), root_key.public_key(), _name(f"{name} root"), root_key, dates, authority=True)
        """As PEM."""
        self._middle = _signed(self._name, self._key.public_key(), _name(f"{name} root"), root_key, dates, authority=True)

    def certify(self, key: Any, *names: str, begins: float = -3600, ends: float = 90 * DAY) -> str:
        """Leaf and intermediate as PEM for a public key; dates are in seconds from now."""
        return _signed(_name(""), key, self._name, self._key, (begins, ends), names=names) + self._middle

    def pair(self, *names: str, begins: float = -3600, ends: float = 90 * DAY) -> tuple[str, str]:
        """Chain and key, as certificates.save takes them."""
        key = new_key()
        return self.certify(key.public_key(), *names, begins=begins, ends=ends), key_text(key)

    def context(self) -> ssl.SSLContext:
        """Of a client that trusts the root and nothing else."""
        return ssl.create_default_context(cadata=self.root)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
                         key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False)


def _signed(subject: x509.Name, key: Any, issuer: x509.Name, by: ec.EllipticCurvePrivateKey, dates: tuple[float, float], *,
            names: Sequence[str] = (), authority: bool = False) -> str:
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
    builder = (x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
               .not_valid_before(now + datetime.timedelta(seconds=dates[0])).not_valid_after(now + datetime.timedelta(seconds=dates[1]))
               .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
               .add_extension(_usage(authority), critical=True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False))
    if names:
        builder = (builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False))
    return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
