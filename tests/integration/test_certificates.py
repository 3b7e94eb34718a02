"""`-t` and the start look at the certificate folder: issue 4 point 11, behaviour section 10.1."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest

from support.deadline import seconds
from support.ports import free_port
from support.proxy import BINARY, Proxy, route
from support.tools import run


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a.crt and a.key that belong together."""
    folder = tmp_path_factory.mktemp("pair")
    make(folder, "a", "-days", "2")
    return folder


def make(folder: pathlib.Path, name: str, *options: str) -> None:
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}.test",
        *options, "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt"))


@pytest.fixture
def proxy():
    p = Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main={"proxy_address_tls": f"127.0.0.1:{free_port()}"})
    (p.config / "certificates").mkdir()
    yield p
    p.close()


def dash_t(proxy: Proxy) -> tuple[int, str]:
    proxy.prepare()
    done = subprocess.run([str(BINARY), "-t", "-c", str(proxy.folder / "main.yaml")], capture_output=True, text=True,
                          timeout=seconds(20), check=False)
    return done.returncode, done.stdout + done.stderr


def copy(pair: pathlib.Path, proxy: Proxy, crt: str | None = "a.crt", key: str | None = "a.key") -> pathlib.Path:
    folder = proxy.config / "certificates"
    if crt:
        shutil.copy(pair / "a.crt", folder / crt)
    if key:
        shutil.copy(pair / "a.key", folder / key)
    return folder


def test_good_pair_passes_in_silence(proxy: Proxy, pair: pathlib.Path) -> None:
    copy(pair, proxy)
    code, said = dash_t(proxy)
    assert code == 0 and "certificates/" not in said, said


def test_all_bad_pairs_are_reported_with_all_other_mistakes(proxy: Proxy, pair: pathlib.Path) -> None:
    folder = copy(pair, proxy)
    make(folder, "b", "-days", "2")
    shutil.copy(folder / "a.key", folder / "b.key")
    (folder / "c.crt").write_text("no certificate\n")
    (folder / "c.key").write_text("no key\n")
    shutil.copy(folder / "a.crt", folder / "d.crt")
    shutil.copy(folder / "a.key", folder / "e.key")
    proxy._first = "provider: file\nupstreams: {a.test: {paths: {/: {servers: [nonsense]}}}}\n"
    code, said = dash_t(proxy)
    assert code == 1, said
    where = re.escape(str(folder))
    for line in (rf"{where}/b\.key: not the key of b\.crt", rf"{where}/c\.crt: holds no certificate", rf"{where}/c\.key: holds no private key",
                 rf"{where}/d\.crt: its key is missing", rf"{where}/e\.key: its certificate is missing", r"upstreams\.yaml:2:\d+: servers"):
        assert re.search(rf"^{line}" if line.startswith(where) else line, said, re.MULTILINE), f"{line} not in\n{said}"
    assert "a.crt: " not in said.replace("d.crt", "")


def test_they_are_reported_when_main_has_mistakes_too(proxy: Proxy, pair: pathlib.Path) -> None:
    folder = copy(pair, proxy, key=None)
    proxy.main["threads"] = "many"
    code, said = dash_t(proxy)
    assert code == 1 and "threads" in said and f"{folder}/a.crt: its key is missing" in said


def test_expired_certificate_is_a_warning(proxy: Proxy, tmp_path: pathlib.Path) -> None:
    make_expired(proxy.config / "certificates", tmp_path)
    code, said = dash_t(proxy)
    assert code == 0, said
    assert "a.crt: warning: expired on 2020-01-02 00:00:00 UTC" in said, said


def make_expired(folder: pathlib.Path, work: pathlib.Path) -> None:
    """By `openssl ca`, the one command of Debian 12's that takes dates of the past."""
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a.test",
        "-keyout", str(folder / "a.key"), "-out", str(work / "a.csr"))
    (work / "index").write_text("")
    (work / "serial").write_text("01\n")
    (work / "ca.cnf").write_text(f"[ca]\ndefault_ca = x\n[x]\nnew_certs_dir = {work}\ndatabase = {work}/index\nserial = {work}/serial\n"
                                 "default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n")
    run("openssl", "ca", "-selfsign", "-batch", "-notext", "-config", str(work / "ca.cnf"), "-in", str(work / "a.csr"),
        "-keyfile", str(folder / "a.key"), "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-out", str(folder / "a.crt"))


def test_old_key_names_the_folder_itself(proxy: Proxy, pair: pathlib.Path) -> None:
    old = proxy.folder / "old.crt"  # the ending in a folder's name changes nothing
    old.mkdir()
    shutil.copy(pair / "a.crt", old / "a.crt")
    proxy.main["proxy_certificates"] = str(old)
    code, said = dash_t(proxy)
    assert code == 1 and f"{old}/a.crt: its key is missing; write it to a.key" in said
    shutil.copy(pair / "a.key", old / "a.key")
    assert dash_t(proxy)[0] == 0


def test_no_certificate_at_all_is_a_warning_when_tls_is_asked_for(proxy: Proxy) -> None:
    code, said = dash_t(proxy)
    assert code == 0 and re.search(r"certificates: warning: no usable certificate", said), said
    del proxy.main["proxy_address_tls"]
    code, said = dash_t(proxy)
    assert code == 0 and "certificate" not in said, said


def test_start_warns_of_a_bad_pair_and_goes_on(proxy: Proxy, pair: pathlib.Path) -> None:
    folder = copy(pair, proxy, key=None)
    with proxy:
        proxy.wait_log(rf"ERROR aralez::tls - {re.escape(str(folder))}/a\.crt: its key is missing; write it to a\.key")
        assert proxy.get("/").status == 502


def test_without_a_tls_listener_the_start_warns_on_standard_error(proxy: Proxy, pair: pathlib.Path) -> None:
    folder = copy(pair, proxy, key=None)
    del proxy.main["proxy_address_tls"]
    with proxy:
        assert f"{folder}/a.crt: warning: its key is missing" in proxy.stderr()
