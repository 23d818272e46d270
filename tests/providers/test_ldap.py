"""Passwords checked by a real OpenLDAP."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import ldap
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap.dn import str2dn

from proxy.authentication.outcome import WaitsFor
from proxy.authentication.passwords import BackendUnavailable
from proxy.config.ldap_model import BindByTemplate, LdapServers, SearchThenBind
from proxy.config.secret import Secret
from proxy.embedded.network import LOOPBACK, free_port
from proxy.embedded.pki import CertificateAuthority
from proxy.providers.ldap_names import canonical_name, in_filter, in_name
from proxy.providers.ldap_passwords import LdapPasswords
from proxy.providers.password_cache import CachedPasswords
from tests.providers.slapd import ADMIN, ADMIN_PASSWORD, PEOPLE, TEMPLATE, USERS, Slapd

BY_TEMPLATE = BindByTemplate(TEMPLATE)
BY_SEARCH = SearchThenBind(ADMIN, Secret(ADMIN_PASSWORD), PEOPLE, "(uid={username})")
WAYS = pytest.mark.parametrize("way", [BY_TEMPLATE, BY_SEARCH], ids=["template", "search"])


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("slapd")).running() as running:
        yield running


@pytest.fixture
def own_slapd(tmp_path: Path) -> Iterator[Slapd]:
    """One that a test may stop."""
    folder = tmp_path / "own"
    folder.mkdir()
    with Slapd(folder).running() as running:
        yield running


def servers(slapd: Slapd, *urls: str) -> LdapServers:
    return LdapServers(urls or (slapd.tls_url,), ca=slapd.ca, timeout_s=2)


@WAYS
def test_the_right_password_and_no_other_is_the_users(slapd: Slapd, way: BindByTemplate | SearchThenBind) -> None:
    passwords = LdapPasswords(servers(slapd), way)
    assert passwords.owner("alice", "alice-password") == "alice"
    for user, password in (("alice", "bob-password"), ("alice", "alice-passwor"), ("nobody", "alice-password")):
        assert passwords.owner(user, password) is None
    assert passwords.owner("bob", "bob-password") == "bob"


@WAYS
@pytest.mark.parametrize(("user", "password"), [("alice", ""), ("", ""), ("", "x"), ("alice", "\0"), ("alice", "\0x")])
def test_without_a_password_nobody_is_anybody(
    slapd: Slapd, way: BindByTemplate | SearchThenBind, user: str, password: str
) -> None:
    """The server is one that lets such a bind succeed."""
    assert LdapPasswords(servers(slapd), way).owner(user, password) is None


@WAYS
@pytest.mark.parametrize(
    "user",
    [
        "*",
        "a*",
        "alice)(uid=*",
        "*)(|(uid=*",
        "alice,ou=people,dc=example,dc=com",
        "alice+cn=x",
        "\\61lice",
        "#616c696365",
        "alice\0",
        "ali\\63e",
        "",
    ],
)
def test_a_name_is_never_read_as_anything_else(slapd: Slapd, way: BindByTemplate | SearchThenBind, user: str) -> None:
    passwords = LdapPasswords(servers(slapd), way)
    assert all(passwords.owner(user, password) is None for password in USERS.values())


def test_an_odd_name_is_found_as_it_is(slapd: Slapd) -> None:
    assert LdapPasswords(servers(slapd), BY_SEARCH).owner("o'neil (ops), *", "odd-password") == "o'neil (ops), *"


@WAYS
@pytest.mark.parametrize("user", ["ALICE", "Alice", "ａｌｉｃｅ"])
def test_however_a_name_is_written_the_principal_is_one(
    slapd: Slapd, way: BindByTemplate | SearchThenBind, user: str
) -> None:
    """A denial of `User:alice` is not got around by a capital letter."""
    assert LdapPasswords(servers(slapd), way).owner(user, "alice-password") in ("alice", None)


@pytest.mark.parametrize("user", [" alice", "alice ", "al\u00adice", "alice\ufe0f", "a\u200blice", "alice\t"])
def test_a_name_with_what_a_directory_does_not_see_is_nobodys(slapd: Slapd, user: str) -> None:
    assert canonical_name(user) is None
    assert LdapPasswords(servers(slapd), BY_TEMPLATE).owner(user, "alice-password") is None


def test_two_entries_are_nobody(slapd: Slapd) -> None:
    passwords = LdapPasswords(servers(slapd), BY_SEARCH)
    assert passwords.owner("twin", "twin-password") is None
    assert passwords.owner("twin", "other-password") is None


def test_somebody_unknown_takes_as_many_questions_as_a_wrong_password() -> None:
    asked: dict[str, int] = {}

    class Directory:
        """Knows alice, and no password of hers."""

        def __init__(self, user: str) -> None:
            self.user = user

        def simple_bind_s(self, name: str, _password: str) -> None:
            asked[self.user] = asked.get(self.user, 0) + 1
            if name != ADMIN:
                raise ldap.INVALID_CREDENTIALS

        def search_ext_s(self, *_: object, **__: object) -> list[tuple[str, dict[str, list[bytes]]]]:
            return [(f"uid=alice,{PEOPLE}", {"uid": [b"alice"]})] if self.user == "alice" else []

    for user in ("alice", "mallory"):
        passwords = LdapPasswords(LdapServers(("ldaps://nowhere",)), BY_SEARCH)
        passwords._pool.use = lambda work, user=user: work(Directory(user))
        assert passwords.owner(user, "wrong") is None
    assert asked["alice"] == asked["mallory"]


def test_an_entry_of_two_names_is_nobody(slapd: Slapd) -> None:
    assert LdapPasswords(servers(slapd), BY_SEARCH).owner("two", "two-password") is None


def test_the_principal_may_have_another_name_than_the_login(slapd: Slapd) -> None:
    by_mail = replace(BY_SEARCH, filter="(mail={username})", name_attribute="UID")
    assert LdapPasswords(servers(slapd), by_mail).owner("a@x", "alice-password") == "alice"


def test_the_filter_may_leave_users_out(slapd: Slapd) -> None:
    only_bob = replace(BY_SEARCH, filter="(&(uid={username})(mail=b@x))")
    assert LdapPasswords(servers(slapd), only_bob).owner("alice", "alice-password") is None


@pytest.mark.parametrize("start_tls", [False, True])
def test_passwords_go_over_tls(slapd: Slapd, start_tls: bool) -> None:
    where = LdapServers((slapd.url if start_tls else slapd.tls_url,), start_tls, slapd.ca, timeout_s=2)
    assert LdapPasswords(where, BY_TEMPLATE).owner("alice", "alice-password") == "alice"


@pytest.fixture
def forgiving_libldap() -> Iterator[None]:
    before = ldap.get_option(ldap.OPT_X_TLS_REQUIRE_CERT)
    ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_NEVER)
    yield
    ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, before)


@pytest.mark.usefixtures("forgiving_libldap")
@pytest.mark.parametrize("start_tls", [False, True])
def test_a_directory_of_a_strange_authority_is_not_told_a_password(
    slapd: Slapd, start_tls: bool, tmp_path: Path
) -> None:
    """Nor does a file ldap.conf or the environment switch that off, from which the library has its defaults."""
    strange = tmp_path / "strange.pem"
    CertificateAuthority.create("Strange CA").write_pem(strange)
    where = LdapServers((slapd.url if start_tls else slapd.tls_url,), start_tls, strange, timeout_s=2)
    with pytest.raises(BackendUnavailable, match="no directory can be reached"):
        LdapPasswords(where, BY_TEMPLATE).owner("alice", "alice-password")


def test_a_certificate_for_another_name_is_not_told_a_password(slapd: Slapd) -> None:
    where = servers(slapd, slapd.tls_url.replace(LOOPBACK, "localhost"))
    with pytest.raises(BackendUnavailable, match="no directory can be reached"):
        LdapPasswords(where, BY_TEMPLATE).owner("alice", "alice-password")


@WAYS
def test_a_dead_directory_is_an_error_and_never_a_yes(own_slapd: Slapd, way: BindByTemplate | SearchThenBind) -> None:
    passwords = LdapPasswords(servers(own_slapd), way)
    assert passwords.owner("alice", "alice-password") == "alice"
    own_slapd.process.stop()
    for password in ("alice-password", "wrong"):
        with pytest.raises(BackendUnavailable, match="no directory can be reached: ldaps://"):
            passwords.owner("alice", password)


def test_a_directory_that_comes_back_is_used_again(own_slapd: Slapd) -> None:
    passwords = LdapPasswords(servers(own_slapd), BY_TEMPLATE)
    assert passwords.owner("alice", "alice-password") == "alice"
    own_slapd.process.stop()
    own_slapd.start()
    assert passwords.owner("alice", "alice-password") == "alice"


def test_the_second_server_answers_when_the_first_does_not(slapd: Slapd) -> None:
    where = servers(slapd, f"ldaps://{LOOPBACK}:{free_port()}", slapd.tls_url)
    assert LdapPasswords(where, BY_TEMPLATE).owner("alice", "alice-password") == "alice"


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_directory_that_says_nothing_is_given_up(slapd: Slapd, scheme: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as mute:
        where = LdapServers((f"{scheme}://{LOOPBACK}:{mute.getsockname()[1]}",), ca=slapd.ca, timeout_s=1)
        before = time.monotonic()
        with pytest.raises(BackendUnavailable):
            LdapPasswords(where, BY_TEMPLATE).owner("alice", "alice-password")
        assert time.monotonic() - before < 4


def test_an_account_of_ours_that_is_refused_is_told(slapd: Slapd) -> None:
    wrong = replace(BY_SEARCH, bind_password=Secret("wrong"))
    with pytest.raises(BackendUnavailable, match=f"the directory refuses '{ADMIN}'"):
        LdapPasswords(servers(slapd), wrong).owner("alice", "alice-password")


def test_a_place_to_search_that_is_not_there_is_told(slapd: Slapd) -> None:
    wrong = replace(BY_SEARCH, base="ou=nowhere,dc=example,dc=com")
    with pytest.raises(BackendUnavailable, match="could not tell: No such object"):
        LdapPasswords(servers(slapd), wrong).owner("alice", "alice-password")


@WAYS
def test_many_at_one_time_share_few_connections_and_nobody_is_mistaken(
    slapd: Slapd, way: BindByTemplate | SearchThenBind
) -> None:
    passwords = LdapPasswords(replace(servers(slapd), connections=2, timeout_s=10), way)
    asked = [(user, f"{other}-password") for user in ("alice", "bob") for other in ("alice", "bob")] * 15
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda pair: passwords.owner(*pair), asked))
    assert told == [user if password == f"{user}-password" else None for user, password in asked]


def test_when_all_connections_are_in_use_it_is_told(slapd: Slapd) -> None:
    with socket.create_server((LOOPBACK, 0)) as mute:
        url = f"ldap://{LOOPBACK}:{mute.getsockname()[1]}"
        passwords = LdapPasswords(LdapServers((url,), connections=1, timeout_s=1, ca=slapd.ca), BY_TEMPLATE)
        with ThreadPoolExecutor(4) as threads:
            told = [threads.submit(passwords.owner, "alice", "x") for _ in range(4)]
            assert all(isinstance(each.exception(10), BackendUnavailable) for each in told)


class Counting:
    waits_for = WaitsFor.DIRECTORY

    def __init__(self) -> None:
        self.asked = 0
        self.right = "right"

    def owner(self, username: str, password: str) -> str | None:
        self.asked += 1
        return username if password == self.right else None

    def knows(self, name: str) -> bool:
        return bool(name)


def test_a_yes_is_remembered_for_a_while_and_a_no_is_not() -> None:
    behind, now = Counting(), [0.0]
    cached = CachedPasswords(behind, 30, lambda: now[0])
    for _ in range(3):
        assert cached.owner("alice", "right") == "alice"
    assert behind.asked == 1
    assert cached.owner("bob", "wrong") is None
    behind.right = "wrong"
    assert cached.owner("bob", "wrong") == "bob"
    now[0] = 29.9
    assert cached.owner("alice", "right") == "alice"
    now[0] = 30.0
    assert cached.owner("alice", "right") is None


def test_what_is_remembered_is_for_this_user_and_password_and_has_a_bound() -> None:
    behind = Counting()
    cached = CachedPasswords(behind, 30, lambda: 0.0, max_entries=2)
    for user in ("a", "b", "c"):
        assert cached.owner(user, "right") == user
    assert cached.owner("c", "righ") is None
    asked = behind.asked
    assert cached.owner("c", "right") == "c"
    assert behind.asked == asked
    assert cached.owner("a", "right") == "a"
    assert behind.asked == asked + 1
    assert b"right" not in repr(vars(cached)).encode()


def test_a_directory_that_is_gone_is_not_asked_for_what_is_remembered() -> None:
    behind = Counting()
    cached = CachedPasswords(behind, 30, lambda: 0.0)
    cached.owner("alice", "right")

    def gone(_username: str, _password: str) -> str | None:
        raise BackendUnavailable("gone")

    behind.owner = gone  # type: ignore[method-assign]
    assert cached.owner("alice", "right") == "alice"
    with pytest.raises(BackendUnavailable):
        cached.owner("alice", "wrong")


@given(st.text(min_size=1))
def test_a_name_stays_one_value_of_one_attribute(name: str) -> None:
    ((attribute, value, _),) = str2dn(in_name("uid={username}", name))[0]
    assert (attribute, value) == ("uid", name)


@given(st.text())
def test_nothing_special_is_left_in_a_filter(name: str) -> None:
    escaped = in_filter("{username}", name)
    assert not set(
        escaped.replace("\\5c", "").replace("\\2a", "").replace("\\28", "").replace("\\29", "").replace("\\00", "")
    ) & set("*()\\\0")


@given(st.text())
def test_a_canonical_name_is_its_own(name: str) -> None:
    canonical = canonical_name(name)
    assert canonical is None or canonical_name(canonical) == canonical


def test_names_that_are_letters_and_digits_are_kept() -> None:
    for name in ("alice", "first.last@example.com", "svc-orders_1", "jörg", "李", "first last"):
        assert canonical_name(name) == name
