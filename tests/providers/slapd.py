"""A real OpenLDAP server with a few users."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.embedded.network import LOOPBACK, free_port
from proxy.embedded.pki import CertificateAuthority
from proxy.embedded.process import ChildProcess

SUFFIX = "dc=example,dc=com"
PEOPLE = f"ou=people,{SUFFIX}"
ADMIN = f"cn=admin,{SUFFIX}"
ADMIN_PASSWORD = "admin-password"
TEMPLATE = f"uid={{username}},{PEOPLE}"
ENOUGH_S = 20.0

USERS = {"alice": "alice-password", "bob": "bob-password", "o'neil (ops), *": "odd-password", "twin": "twin-password"}

_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/ldap.pem
TLSCertificateKeyFile {folder}/ldap.key
allow bind_anon_dn
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw {password}
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{admin}" read by * none
"""


class Slapd:
    """One server; its data is made anew each time it is prepared. `allow bind_anon_dn` is an old server's leniency."""

    def __init__(self, folder: Path) -> None:
        slapd, slapadd = _found("slapd"), _found("slapadd")
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.ca = folder / "ca.pem"
        self._slapadd = slapadd
        self.config = folder / "slapd.conf"
        self._prepare()
        urls = f"ldap://{LOOPBACK}:{self.port} ldaps://{LOOPBACK}:{self.tls_port}"
        self.process = ChildProcess(
            "slapd", [slapd, "-d", "0", "-f", str(self.config), "-h", urls], folder / "slapd.log"
        )

    @property
    def url(self) -> str:
        return f"ldap://{LOOPBACK}:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://{LOOPBACK}:{self.tls_port}"

    def accepts(self) -> bool:
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection((LOOPBACK, port), 1).close()
        except OSError:
            return False
        return True

    def start(self) -> None:
        self.process.start()
        self.process.wait_until(self.accepts, ENOUGH_S)

    @contextmanager
    def running(self) -> Iterator[Slapd]:
        self.start()
        try:
            yield self
        finally:
            self.process.stop()

    def _prepare(self) -> None:
        authority = CertificateAuthority.create("LDAP CA")
        authority.write_pem(self.ca)
        authority.server([LOOPBACK]).write_pem(self.folder / "ldap.pem", self.folder / "ldap.key")
        (self.folder / "data").mkdir()
        self.config.write_text(_CONFIG.format(folder=self.folder, suffix=SUFFIX, admin=ADMIN, password=ADMIN_PASSWORD))
        data = self.folder / "data.ldif"
        data.write_text(_ldif())
        subprocess.run(
            [self._slapadd, "-f", self.config, "-l", data], check=True, timeout=ENOUGH_S, capture_output=True
        )


def _ldif() -> str:
    entries = [
        f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n",
        f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n",
        # Two users of one mail address, and one of two names.
        f"dn: cn=other twin,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: other twin\nsn: t\nuid: twin\nmail: b@x\n"
        + _password("other-password"),
        f"dn: cn=two names,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: two names\nsn: t\nuid: one\nuid: two\n"
        + _password("two-password"),
    ]
    for user, password in USERS.items():
        entries.append(
            f"dn:: {_base64(f'uid={_escaped(user)},{PEOPLE}')}\nobjectClass: inetOrgPerson\n"
            f"cn: x\nsn: x\nmail: {user[0]}@x\nuid:: {_base64(user)}\n" + _password(password)
        )
    return "\n".join(entries)


def _escaped(user: str) -> str:
    return user.replace(",", "\\,")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _password(password: str) -> str:
    salt = b"salt"
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return f"userPassword: {{SSHA}}{base64.b64encode(digest + salt).decode()}\n"


def _found(command: str) -> str:
    path = shutil.which(command, path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert path, f"the tests need OpenLDAP's server ({command}): apt-get install slapd"
    return path
