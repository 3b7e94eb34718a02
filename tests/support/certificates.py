"""Certificates for the tests, made with openssl."""

from __future__ import annotations

import ipaddress
import pathlib
import ssl
import subprocess
import tempfile

from support.tools import run

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("-newkey", "rsa:2048")


def _alternative(name: str) -> str:
    """As subjectAltName has it."""
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


class Authority:
    """A root and an intermediate; what it issues is a chain of leaf and intermediate."""

    def __init__(self, name: str = "test") -> None:
        self._kept = tempfile.TemporaryDirectory(prefix="aralez-test-ca-")
        self.folder = pathlib.Path(self._kept.name)
        self.root = self.folder / "root.crt"
        self._request("root", f"/CN={name} root", EC, "-x509", "-days", "9", "-addext", "basicConstraints=critical,CA:TRUE")
        self._request("middle", f"/CN={name} intermediate", EC)
        self._sign("middle", "root", "basicConstraints=critical,CA:TRUE\n")
        self.serial = 0

    def _request(self, name: str, subject: str, kind: tuple[str, ...], *options: str) -> None:
        end = "crt" if "-x509" in options else "csr"
        run("openssl", "req", *kind, "-nodes", "-subj", subject, *options, "-keyout", str(self.folder / f"{name}.key"),
            "-out", str(self.folder / f"{name}.{end}"))

    def _sign(self, name: str, by: str, extensions: str, days: int = 9) -> None:
        (self.folder / "ext").write_text(extensions)
        run("openssl", "x509", "-req", "-in", str(self.folder / f"{name}.csr"), "-CA", str(self.folder / f"{by}.crt"),
            "-CAkey", str(self.folder / f"{by}.key"), "-CAcreateserial", "-days", str(days), "-extfile", str(self.folder / "ext"),
            "-out", str(self.folder / f"{name}.crt"))

    def issue(self, *names: str, kind: tuple[str, ...] = EC) -> tuple[str, str]:
        """Chain and key, as text, for names and numeric addresses."""
        self.serial += 1
        stem = f"leaf{self.serial}"
        self._request(stem, f"/CN={names[0]}", kind)
        self._sign(stem, "middle", "subjectAltName=" + ",".join(map(_alternative, names)) +
                   "\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n")
        chain = (self.folder / f"{stem}.crt").read_text() + (self.folder / "middle.crt").read_text()
        return chain, (self.folder / f"{stem}.key").read_text()

    def context(self) -> ssl.SSLContext:
        """Of a client that trusts the root and nothing else."""
        return ssl.create_default_context(cafile=str(self.root))


def save(folder: pathlib.Path, stem: str, pair: tuple[str, str]) -> None:
    """Key first, as files that appear whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for text, end in ((pair[1], "key"), (pair[0], "crt")):
        temporary = folder / f".{stem}.{end}.new"
        temporary.write_text(text)
        temporary.replace(folder / f"{stem}.{end}")


def der(chain: str) -> bytes:
    """The first certificate of a chain, as a client's getpeercert(True) gives it."""
    return ssl.PEM_cert_to_DER_cert(chain[:chain.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n")


def s_client(port: int, *options: str, data: bytes = b"") -> str:
    """What `openssl s_client` says of a handshake, whether or not it succeeds."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options], input=data, capture_output=True,
                          timeout=30, check=False)
    return done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
