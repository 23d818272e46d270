"""Editing `users.yaml`: the rest of the file stays, the file is never half written and never readable by others."""

import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.strict_yaml import InvalidDocument
from proxy.authentication.credentials import MIN_ITERATIONS, ScramCredential, ScramMechanism
from proxy.authentication.users import Credentials, FileUsers
from proxy.authentication.users_file import add_user, list_users, remove_user, with_user, without_user

SHA_256, SHA_512 = ScramMechanism.SHA_256, ScramMechanism.SHA_512


def verifier(password: str, mechanism: ScramMechanism = SHA_256) -> ScramCredential:
    return ScramCredential.of_password(mechanism, password, b"salt", MIN_ITERATIONS)


ONE, TWO = verifier("one"), verifier("two")
NEW: Credentials = {"SCRAM-SHA-256": verifier("new"), "SCRAM-SHA-512": verifier("new", SHA_512)}
FILE = f"""\
# The users of the west gate.
users:   # verifiers only

  # the first
  alice:   # on call
    SCRAM-SHA-256: {ONE.format()}   # since May

  # the second
  bob:
    SCRAM-SHA-256: {TWO.format()}
# the end
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "users.yaml"
    file.write_text(FILE)
    file.chmod(0o600)
    return file


def test_a_new_user_comes_last_and_nothing_else_moves() -> None:
    assert with_user(FILE, "f", "carol", NEW) == FILE.replace(
        "# the end\n",
        f"  carol:\n    SCRAM-SHA-256: {NEW['SCRAM-SHA-256'].format()}\n"
        f"    SCRAM-SHA-512: {NEW['SCRAM-SHA-512'].format()}\n# the end\n",
    )


def test_a_new_password_replaces_the_verifiers_in_place() -> None:
    assert with_user(FILE, "f", "alice", {"SCRAM-SHA-256": TWO}) == FILE.replace(
        f"{ONE.format()}   # since May", TWO.format()
    )


def test_a_removed_user_takes_no_comment_along_but_its_own() -> None:
    assert without_user(FILE, "f", "bob") == FILE.replace(f"  bob:\n    SCRAM-SHA-256: {TWO.format()}\n", "")
    without_alice = without_user(FILE, "f", "alice")
    assert "# the second\n  bob:" in without_alice
    assert "alice" not in without_alice


@pytest.mark.parametrize(
    "text",
    [
        "users:\n",
        "users:",
        "users: # none yet\n# alice will come\n",
        "users: {}\n",
        "---\nusers:\n...\n",
        f"users: {{bob: {{SCRAM-SHA-256: '{ONE.format()}'}}, alice: {{SCRAM-SHA-256: '{ONE.format()}'}}}}\n",
        f"users:\n  alice: {{SCRAM-SHA-256: '{ONE.format()}'}}",
        f"users:\n  ? alice\n  : SCRAM-SHA-256: {ONE.format()}\n",
        f"users:\n    alice:\n     SCRAM-SHA-256:\n       {ONE.format()}\n",
        f"users:\r\n  alice:\r\n    SCRAM-SHA-256: {ONE.format()}\r\n",
        f'"users":\n  "alice":\n    "SCRAM-SHA-256": "{ONE.format()}"\n',
    ],
)
def test_any_layout_can_be_edited(text: str) -> None:
    before = FileUsers.load(text, "f").users
    for name in ("alice", "carol"):
        edited = with_user(text, "f", name, NEW)
        assert FileUsers.load(edited, "f").users == {**before, name: NEW}
        assert FileUsers.load(without_user(edited, "f", name), "f").users == {
            each: credentials for each, credentials in before.items() if each != name
        }


names = st.text(min_size=1, max_size=255).filter(str.isprintable) | st.sampled_from(
    [
        "null",
        "true",
        "yes",
        "~",
        "1",
        "0x1",
        "1e3",
        "-",
        "?",
        ":",
        "#",
        "a: b",
        "a #b",
        "<<",
        "=",
        "*",
        "&a",
        "!t",
        '"',
        "'",
    ]
)


@given(st.lists(st.tuples(names, st.booleans()), max_size=8))
def test_any_edits_leave_a_file_that_says_what_was_done(edits: list[tuple[str, bool]]) -> None:
    text = FILE
    expected: dict[str, Credentials] = dict(FileUsers.load(FILE, "f").users)
    for name, adds in edits:
        if adds:
            expected[name] = NEW
            text = with_user(text, "f", name, NEW)
        else:
            expected.pop(name, None)
            text = without_user(text, "f", name)
        assert FileUsers.load(text, "f").users == expected
    assert text.startswith("# The users of the west gate.\n")
    assert text.endswith("# the end\n")


def test_an_added_user_has_both_mechanisms_and_a_salt_for_each(path: Path) -> None:
    assert add_user(path, "carol", "päss,=wörd", secrets.randbits)
    credentials = list_users(path)["carol"]
    assert list(credentials) == ["SCRAM-SHA-256", "SCRAM-SHA-512"]
    assert all(each.matches("päss,=wörd") and each.iterations == 8192 for each in credentials.values())
    assert len({each.salt for each in credentials.values()}) == 2
    assert list(list_users(path)) == ["alice", "bob", "carol"]


def test_no_verifier_of_an_old_password_stays(path: Path) -> None:
    add_user(path, "carol", "old", secrets.randbits)
    assert not add_user(path, "carol", "new", secrets.randbits, mechanisms=[SHA_512], iterations=4096)
    credentials = list_users(path)["carol"]
    assert list(credentials) == ["SCRAM-SHA-512"]
    assert credentials["SCRAM-SHA-512"].iterations == 4096
    assert credentials["SCRAM-SHA-512"].matches("new")


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_the_first_user_makes_the_file_for_its_owner_only(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "users.yaml"
    if content is not None:
        path.write_text(content)
    assert add_user(path, "alice", "pencil", secrets.randbits)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(list_users(path)) == ["alice"]


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o600, 0o600), (0o400, 0o400), (0o640, 0o600)])
def test_nobody_else_can_read_an_edited_file(path: Path, before: int, after: int) -> None:
    path.chmod(before)
    assert remove_user(path, "bob")
    assert path.stat().st_mode & 0o777 == after


def test_an_edit_behind_a_link_keeps_the_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    remove_user(link, "bob")
    assert link.is_symlink()
    assert list(list_users(path)) == ["alice"]


def test_an_unknown_user_is_not_removed_and_the_file_not_touched(path: Path) -> None:
    inode = path.stat().st_ino
    assert not remove_user(path, "mallory")
    assert path.stat().st_ino == inode


def test_a_faulty_file_is_told_and_not_touched(path: Path) -> None:
    path.write_text(FILE + "more: 1\n")
    for edit in (
        lambda: add_user(path, "carol", "pencil", secrets.randbits),
        lambda: remove_user(path, "bob"),
        lambda: list_users(path),
    ):
        with pytest.raises(InvalidDocument, match="unknown key 'more'"):
            edit()
    assert path.read_text() == FILE + "more: 1\n"


def test_a_file_that_is_no_text_is_told(path: Path) -> None:
    path.write_bytes(b"users:\n\xff")
    with pytest.raises(InvalidDocument, match="not UTF-8 at byte 7"):
        list_users(path)


@pytest.mark.parametrize("name", ["", "a\nb", "a\0b", "\u2028", "\ud800", "x" * 256])
def test_an_impossible_name_is_refused(path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="a user's name must be"):
        add_user(path, name, "pencil", secrets.randbits)
    assert path.read_text() == FILE


def test_impossible_settings_are_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="at least one mechanism"):
        add_user(path, "carol", "pencil", secrets.randbits, mechanisms=[])
    with pytest.raises(ValueError, match="100 iterations"):
        add_user(path, "carol", "pencil", secrets.randbits, iterations=100)
    with pytest.raises(ValueError, match="empty"):
        add_user(path, "carol", "", secrets.randbits)
    assert path.read_text() == FILE


def test_a_failed_write_leaves_the_old_file_and_no_litter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        remove_user(path, "bob")
    assert path.read_text() == FILE
    assert [each.name for each in path.parent.iterdir()] == ["users.yaml"]
