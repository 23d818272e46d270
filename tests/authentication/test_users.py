"""Reading `users.yaml`: strict, all faults at once, and nothing of a verifier repeated."""

import pytest

from policies.strict_yaml import InvalidDocument
from proxy.authentication.credentials import DEFAULT_ITERATIONS, MIN_ITERATIONS, ScramCredential, ScramMechanism
from proxy.authentication.users import Directory, FileUsers

SHA_256, SHA_512 = ScramMechanism.SHA_256, ScramMechanism.SHA_512
ALICE = ScramCredential.of_password(SHA_256, "pencil", b"salt", MIN_ITERATIONS)
ALICE_512 = ScramCredential.of_password(SHA_512, "pencil", b"salt", MIN_ITERATIONS)

FORM = "expected salt=...,stored_key=...,server_key=...,iterations=N"
OTHER_LENGTH = "'stored_key' has 32 bytes where SCRAM-SHA-512 has 64"


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        FileUsers.load(text, "users.yaml")
    return [str(fault) for fault in caught.value.faults]


def test_verifiers_are_found_by_user_and_mechanism() -> None:
    text = f"""\
# who may enter
users:
  alice:
    SCRAM-SHA-256: {ALICE.format()}
    SCRAM-SHA-512: {ALICE_512.format()}
  "b,o=b": {{SCRAM-SHA-256: "{ALICE.format()}"}}
  123: {{SCRAM-SHA-256: "{ALICE.format()}"}}
"""
    users = FileUsers.load(text, "users.yaml")
    assert list(users.users) == ["alice", "b,o=b", "123"]
    assert users.credential("alice", "SCRAM-SHA-256") == ALICE
    assert users.credential("alice", "SCRAM-SHA-512") == ALICE_512
    assert users.credential("b,o=b", "SCRAM-SHA-512") is None
    assert users.credential("Alice", "SCRAM-SHA-256") is None
    assert users.credential("alice", "PLAIN") is None


@pytest.mark.parametrize("text", ["users:\n", "users: {}\n"])
def test_a_file_may_have_no_users_yet(text: str) -> None:
    users = FileUsers.load(text, "users.yaml")
    assert not users.users
    assert users.usual_iterations("SCRAM-SHA-256") is None


def test_every_fault_is_told_with_its_place() -> None:
    text = f"""\
user: 1
users:
  alice:
    SCRAM-SHA256: {ALICE.format()}
  bob:
    SCRAM-SHA-256: hunter2
    SCRAM-SHA-512: {ALICE.format()}
  carol: {{}}
  dave: hunter2
  "": {{SCRAM-SHA-256: "{ALICE.format()}"}}
  erin:
    SCRAM-SHA-256:
"""
    assert faults(text) == [
        "users.yaml:1:1: unknown key 'user' (did you mean 'users'?)",
        "users.yaml:4:5: unknown key 'SCRAM-SHA256' (did you mean 'SCRAM-SHA-256'?)",
        f"users.yaml:6:20: bad SCRAM-SHA-256 verifier of user 'bob': {FORM}",
        f"users.yaml:7:20: bad SCRAM-SHA-512 verifier of user 'bob': {OTHER_LENGTH}",
        "users.yaml:8:10: user 'carol' has no verifier (add one with 'doorkeeper user add')",
        "users.yaml:9:9: user 'dave' is not a mapping of mechanisms to verifiers",
        "users.yaml:10:3: '' cannot be a user's name",
        f"users.yaml:12:19: bad SCRAM-SHA-256 verifier of user 'erin': {FORM}",
    ]


@pytest.mark.parametrize(
    "value", ["hunter2", "[hunter2]", "4711", "{SCRAM-SHA-256: hunter2}", "{SCRAM-SHA-256: [4711]}"]
)
def test_a_password_in_the_wrong_place_is_not_repeated(value: str) -> None:
    told = "".join(faults(f"users:\n  alice: {value}\n"))
    assert "'alice'" in told
    assert "hunter2" not in told
    assert "4711" not in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a mapping, found nothing"),
        ("[]", "expected a mapping, found a list"),
        ("{}", "the key 'users' is missing"),
        ("users: [alice]", "expected a mapping, found a list"),
        ("users: {a: {}, a: {}}", "key 'a' is given twice"),
        ("users: &x {}", "anchors are not supported"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, problem: str) -> None:
    assert any(problem in fault for fault in faults(text))


def test_the_most_common_iteration_count_is_the_usual_one_and_ties_go_up() -> None:
    def user(iterations: int) -> dict[str, ScramCredential]:
        return {"SCRAM-SHA-256": ScramCredential.of_password(SHA_256, "p", b"s", iterations)}

    users = FileUsers({"a": user(4096), "b": user(4096), "c": user(8192)})
    assert users.usual_iterations("SCRAM-SHA-256") == 4096
    assert FileUsers({"a": user(4096), "b": user(8192)}).usual_iterations("SCRAM-SHA-256") == 8192
    assert users.usual_iterations("SCRAM-SHA-512") is None


def test_a_stranger_is_shown_what_users_usually_have() -> None:
    directory = Directory(FileUsers({"alice": {"SCRAM-SHA-256": ALICE}}), b"secret")
    assert directory.credential("alice", SHA_256) == (ALICE, True)
    decoy, known = directory.credential("mallory", SHA_256)
    assert (decoy.iterations, known) == (MIN_ITERATIONS, False)
    assert directory.credential("alice", SHA_512)[0].iterations == DEFAULT_ITERATIONS


@pytest.mark.parametrize("credential", [ALICE, ALICE_512])
def test_a_stranger_to_plain_costs_what_users_cost(credential: ScramCredential) -> None:
    directory = Directory(FileUsers({"alice": {credential.mechanism.value: credential}}), b"secret")
    decoy, known = directory.any_credential("mallory")
    assert not known
    assert (decoy.mechanism, decoy.iterations) == (credential.mechanism, credential.iterations)
