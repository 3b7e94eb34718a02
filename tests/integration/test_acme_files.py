"""Files that orders need, when they cannot be used: nothing that was issued is thrown away, and nothing of the operator is overwritten."""

from __future__ import annotations

import grp
import os
import pwd
import shutil

import pytest

from support.acme import ISSUED, NO_ACCOUNT, OrderingProxy, pebble, proxy, refused  # pebble, proxy: fixtures
from support.certificates import der, save
from support.issuer import DAY, Issuer
from support.pebble import Pebble
from support.tools import run


def test_folder_of_certificates_that_cannot_be_written_to(pebble: Pebble, proxy: OrderingProxy) -> None:
    before = pebble.orders()
    shutil.rmtree(proxy.certificates)
    proxy.certificates.write_text("no folder")
    for _ in range(2):
        refused(proxy.order(), "certificates")
    assert pebble.orders() == before, "each order that cannot be kept counts against the limits of the authority"
    assert proxy.managed() == []
    proxy.certificates.unlink()
    assert proxy.order().text() == ISSUED


def test_folder_of_accounts_that_cannot_be_written_to(pebble: Pebble, proxy: OrderingProxy) -> None:
    proxy.state.write_text("no folder")
    before = pebble.count("There are now . accounts|new-acct|newAccount")
    refused(proxy.create(), "autoconfigs", text=NO_ACCOUNT)
    refused(proxy.order(), "autoconfigs")
    assert pebble.count("There are now . accounts|new-acct|newAccount") == before


@pytest.mark.parametrize("kind", ["passphrase", "folder"])
def test_pair_that_cannot_be_read_is_left_alone(pebble: Pebble, proxy: OrderingProxy, kind: str) -> None:
    save(proxy.certificates, "a.test", Issuer().pair("a.test", ends=300 * DAY))
    key = proxy.certificates / "a.test.key"
    if kind == "passphrase":
        key.write_bytes(run("openssl", "pkey", "-aes256", "-passout", "pass:x", data=key.read_bytes()).stdout)
    else:
        key.unlink()
        key.mkdir()
    before, chain = pebble.orders(), proxy.chain()
    refused(proxy.order(), "a.test.key")
    assert pebble.orders() == before and proxy.chain() == chain and (key.is_dir() or "ENCRYPTED" in proxy.key())


def test_user_that_the_process_becomes_can_order(pebble: Pebble) -> None:
    """Root makes the folder of certificates before it becomes another user."""
    root = os.geteuid() == 0
    user, group = ("nobody", "daemon") if root else (pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name)
    proxy = OrderingProxy(pebble, main={"runuser": user, "rungroup": group})
    proxy.folder.chmod(0o711)
    proxy.main["acme_ca_file"] = shutil.copy(pebble.ca_file, proxy.folder)  # that user has to read it too
    if root:
        shutil.chown(proxy.config, user, group)
    with proxy:
        assert proxy.order().text() == ISSUED
        assert proxy.served("a.test", pebble.context()) == der(proxy.chain())
        assert proxy.key() and proxy.certificates.stat().st_uid == pwd.getpwnam(user).pw_uid
