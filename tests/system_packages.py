"""Tests that need servers which come with the operating system, and what they need.

On a machine without these they are left out and that is told; where CI is set they must run, and fail.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import Final

_PATH: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
_NEEDS: Final = {
    "ldap": (("slapd", "slapadd"), "ldap", "apt-get install slapd libldap-dev libsasl2-dev, and the extra 'ldap'"),
    "kerberos": (
        ("krb5kdc", "kadmin.local", "java"),
        "gssapi",
        "apt-get install krb5-kdc krb5-admin-server libkrb5-dev default-jre-headless, and the extra 'kerberos'",
    ),
}
_FILES: Final = {
    "tests/providers/test_ldap.py": "ldap",
    "tests/providers/test_ldap_socket.py": "ldap",
    "tests/integration/test_ldap_logins.py": "ldap",
    "tests/integration/test_hanging_directory.py": "ldap",
    "tests/providers/test_kerberos.py": "kerberos",
    "tests/upstream/test_kerberos.py": "kerberos",
    "tests/integration/test_kerberos_logins.py": "kerberos",
    "tests/integration/test_kerberos_next_hop.py": "kerberos",
}


def missing(need: str) -> str | None:
    """How to get what is missing on this machine; None if all is there."""
    programs, package, remedy = _NEEDS[need]
    there = find_spec(package) is not None and all(shutil.which(program, path=_PATH) for program in programs)
    return None if there else remedy


def left_out() -> dict[str, str]:
    """The files of tests that cannot run here, each with the remedy; none where all must run."""
    if os.environ.get("CI"):
        return {}
    found = {need: missing(need) for need in _NEEDS}
    return {file: remedy for file, need in _FILES.items() if (remedy := found[need]) is not None}
