"""A real MIT Kerberos: one realm, its KDC, and keytabs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.embedded.network import LOOPBACK, free_port
from proxy.embedded.process import ChildProcess

REALM = "EXAMPLE.COM"
ENOUGH_S = 30.0

_KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {realm} = {{
        kdc = {host}:{port}
    }}
"""
_KDC_CONF = """\
[kdcdefaults]
    kdc_ports = {port}
    kdc_tcp_ports = {port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/kadm5.acl
        max_life = 1h
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


class Kdc:
    """The realm with the principals `kafka/localhost`, `other/localhost`, `alice`, `bob` and `admin/admin`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.conf = folder / "krb5.conf"
        settings = {"realm": REALM, "host": LOOPBACK, "port": self.port, "folder": folder}
        self.conf.write_text(_KRB5_CONF.format(**settings))
        (folder / "kdc.conf").write_text(_KDC_CONF.format(**settings))
        (folder / "kadm5.acl").touch()
        self.environment = {
            **os.environ,
            "KRB5_CONFIG": str(self.conf),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "KRB5RCACHENAME": f"file2:{folder}/rcache",
        }
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master-password")
        self.server_keytab = self.keytab("kafka/localhost")
        for name in ("other/localhost", "alice", "bob", "admin/admin"):
            self.keytab(name)
        self.process = ChildProcess("krb5kdc", [_found("krb5kdc"), "-n"], folder / "krb5kdc.out", self.environment)

    def keytab(self, name: str) -> Path:
        """Make a principal with a key that nobody knows; its keytab."""
        path = self.folder / f"{name.replace('/', '-')}.keytab"
        self._run("kadmin.local", "-r", REALM, "-q", f"addprinc -randkey {name}@{REALM}")
        self._run("kadmin.local", "-r", REALM, "-q", f"ktadd -k {path} {name}@{REALM}")
        return path

    def client_keytab(self, name: str) -> Path:
        """The keytab of a principal that was made before."""
        return self.folder / f"{name.replace('/', '-')}.keytab"

    @contextmanager
    def running(self) -> Iterator[Kdc]:
        """Run it, and let the Kerberos of this process and its children know of it."""
        self.process.start()
        self.process.wait_until(self._accepts, ENOUGH_S)
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name in ("KRB5_CONFIG", "KRB5RCACHENAME"):
                    patch.setenv(name, self.environment[name])
                yield self
        finally:
            self.process.stop()

    def _accepts(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), 1).close()
        except OSError:
            return False
        return True

    def _run(self, command: str, *arguments: str) -> None:
        subprocess.run(
            [_found(command), *arguments], env=self.environment, check=True, capture_output=True, timeout=ENOUGH_S
        )


def _found(command: str) -> str:
    path = shutil.which(command, path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert path, f"the tests need MIT Kerberos ({command}): apt-get install krb5-kdc krb5-admin-server"
    return path
