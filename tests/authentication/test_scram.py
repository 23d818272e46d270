"""SASL/SCRAM as a client sees it: known answers, every refusal, and the laws."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.model import Principal
from proxy.authentication.credentials import MIN_ITERATIONS, ScramCredential, ScramMechanism
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import Authenticated, Challenge, Conversation, Failed
from proxy.authentication.users import FileUsers

MakeMechanisms = Callable[[Mapping[str, str]], Mechanisms]

SHA_256 = "SCRAM-SHA-256"
INVALID = "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256"
FOREIGN = "Authentication failed: Client requested an authorization id that is different from username"

# RFC 7677 section 3; for SHA-512 the same inputs, computed with hashlib alone.
RFC_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
RFC_SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
RFC_CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
RFC_FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="
RFC_PROOFS = {
    "SCRAM-SHA-256": (
        b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
    "SCRAM-SHA-512": (
        b"gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
        b"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    ),
}


def prove(
    first: str,
    challenge: bytes,
    password: str,
    *,
    binding: str | None = None,
    extensions: str = "",
    nonce: str | None = None,
) -> bytes:
    """The client's last message, straight from RFC 5802 section 3; `first` is the whole client-first-message."""
    gs2, bare = first[: first.index("n=", 2)], first[first.index("n=", 2) :]
    fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    channel = binding if binding is not None else base64.b64encode(gs2.encode()).decode()
    unproven = f"c={channel},r={nonce or fields['r']}{extensions}"
    signed = f"{bare},{challenge.decode()},{unproven}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return f"{unproven},p={base64.b64encode(proof).decode()}".encode()


def begin(mechanisms: Mechanisms, first: str) -> tuple[Conversation, bytes]:
    """A conversation that has answered the first message, and the answer."""
    conversation = mechanisms.start(SHA_256)
    challenge = conversation.respond(first.encode())
    assert isinstance(challenge, Challenge), challenge
    return conversation, challenge.data


@pytest.mark.parametrize("name", list(RFC_PROOFS))
def test_the_example_of_rfc_7677(name: str) -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    credential = ScramCredential.of_password(ScramMechanism(name), "pencil", salt, MIN_ITERATIONS)
    users = FileUsers({"user": {name: credential}})
    conversation = Mechanisms([name], users, lambda: RFC_SERVER_NONCE, secret=b"s").start(name)
    proof, signature = RFC_PROOFS[name]
    assert conversation.respond(RFC_FIRST) == Challenge(RFC_CHALLENGE)
    assert conversation.respond(RFC_FINAL + proof) == Authenticated(Principal("User", "user"), signature)


@pytest.mark.parametrize(
    "first",
    [
        "n,,n=alice,r=abc",
        "y,,n=alice,r=abc",
        "n,a=alice,n=alice,r=abc",
        "n,,n=alice,r=abc,tokenauth=false",
        "n,,n=alice,r=abc,tokenauth=nonsense,x=y=z",
        "n,,n=alice,r=!~",
    ],
)
def test_every_valid_opening_authenticates(mechanisms: Mechanisms, first: str) -> None:
    conversation, challenge = begin(mechanisms, first)
    outcome = conversation.respond(prove(first, challenge, "pencil"))
    assert isinstance(outcome, Authenticated)
    assert outcome.principal == Principal("User", "alice")


def test_a_second_name_is_but_an_extension(mechanisms: Mechanisms) -> None:
    first = "n,,n=alice,r=abc,n=mallory,r=xyz"
    conversation, challenge = begin(mechanisms, first)
    outcome = conversation.respond(prove(first, challenge, "pencil"))
    assert isinstance(outcome, Authenticated)
    assert outcome.principal.name == "alice"


def test_extensions_of_the_last_message_are_signed_and_ignored(mechanisms: Mechanisms) -> None:
    first = "n,,n=alice,r=abc"
    conversation, challenge = begin(mechanisms, first)
    assert isinstance(conversation.respond(prove(first, challenge, "pencil", extensions=",x=1")), Authenticated)


def test_commas_and_equals_signs_of_a_name_are_escaped(mechanisms: Mechanisms) -> None:
    """Features-and-cases 31; the password is untouched."""
    for first in ("n,,n=a=2Cb=3Dc,r=abc", "n,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=abc"):
        conversation, challenge = begin(mechanisms, first)
        outcome = conversation.respond(prove(first, challenge, "p,=w"))
        assert isinstance(outcome, Authenticated)
        assert outcome.principal == Principal("User", "a,b=c")


def test_an_escape_is_undone_once(make_mechanisms: MakeMechanisms) -> None:
    first = "n,,n=a=3D2C,r=abc"
    conversation, challenge = begin(make_mechanisms({"a=2C": "pencil"}), first)
    outcome = conversation.respond(prove(first, challenge, "pencil"))
    assert isinstance(outcome, Authenticated)
    assert outcome.principal.name == "a=2C"


@pytest.mark.parametrize(
    ("first", "detail"),
    [
        (b"", "malformed"),
        (b"n,,n=alice", "malformed"),
        (b"n,,n=alice,r=", "malformed"),
        (b"n,,n=,r=abc", "malformed"),
        (b"n,,r=abc,n=alice", "malformed"),
        (b"n,n=alice,r=abc", "malformed"),
        (b"n=alice,r=abc", "malformed"),
        (b"x,,n=alice,r=abc", "malformed"),
        (b"N,,n=alice,r=abc", "malformed"),
        (b"n,,n=a,b=c,r=abc", "malformed"),
        (b"n,,n=a=b,r=abc", "malformed"),
        (b"n,,n=a=2c,r=abc", "malformed"),
        (b"n,,n=a=,r=abc", "malformed"),
        (b"n,,n=al\0ice,r=abc", "malformed"),
        (b"n,a=,n=alice,r=abc", "malformed"),
        (b"n,,m=must,n=alice,r=abc", "malformed"),
        (b"n,,n=alice,r=a b", "malformed"),
        (b"n,,n=alice,r=a\x7f", "malformed"),
        ("n,,n=alice,r=ä".encode(), "malformed"),
        (b"n,,n=alice,r=abc,", "malformed"),
        (b"n,,n=alice,r=abc,x", "malformed"),
        (b"n,,n=alice,r=abc\n", "malformed"),
        (b"p=tls-unique,,n=alice,r=abc", "channel binding"),
        (b"n,,n=al\xffice,r=abc", "not UTF-8"),
        (b"n,,n=alice,r=abc,tokenauth=true", "delegation token"),
        (b"n,,n=alice,r=abc,x=y,tokenauth=TRUE", "delegation token"),
        (b"n,,n=alice,r=abc,tokenauth=false,tokenauth=true", "delegation token"),
        (b"\0alice\0pencil", "malformed"),
    ],
)
def test_a_bad_opening_is_refused(mechanisms: Mechanisms, first: bytes, detail: str) -> None:
    outcome = mechanisms.start(SHA_256).respond(first)
    assert isinstance(outcome, Failed)
    assert outcome.message == INVALID
    assert detail in outcome.detail


@pytest.mark.parametrize("name", ["alice", "mallory"])
def test_nobody_may_act_as_somebody_else_and_the_answer_does_not_tell_who_exists(
    mechanisms: Mechanisms, name: str
) -> None:
    """CVE-2017-12610."""
    outcome = mechanisms.start(SHA_256).respond(f"n,a=admin,n={name},r=abc".encode())
    assert isinstance(outcome, Failed)
    assert (outcome.message, outcome.username) == (FOREIGN, name)


@pytest.mark.parametrize("binding", ["eSws", "bixhPWFsaWNlLA==", "", "biw=", "cD10bHMtdW5pcXVlLCw="])
def test_a_wrong_channel_binding_is_refused_however_well_signed(mechanisms: Mechanisms, binding: str) -> None:
    """Features-and-cases 30."""
    first = "n,,n=alice,r=abc"
    conversation, challenge = begin(mechanisms, first)
    outcome = conversation.respond(prove(first, challenge, "pencil", binding=binding))
    assert isinstance(outcome, Failed)
    assert (outcome.message, outcome.username) == (INVALID, "alice")
    assert "channel binding" in outcome.detail


@pytest.mark.parametrize(
    "nonce", ["foo", "abc", "abcservernonc", "abcservernonceX", "ABCservernonce", "servernonce", "abcabcservernonce"]
)
def test_a_wrong_nonce_is_refused_however_well_signed(mechanisms: Mechanisms, nonce: str) -> None:
    """Features-and-cases 30, CVE-2024-56128."""
    first = "n,,n=alice,r=abc"
    conversation, challenge = begin(mechanisms, first)
    outcome = conversation.respond(prove(first, challenge, "pencil", nonce=nonce))
    assert isinstance(outcome, Failed)
    assert outcome.message == INVALID
    assert "nonce" in outcome.detail


def test_a_replayed_last_message_is_refused(make_users: Callable[[Mapping[str, str]], FileUsers]) -> None:
    nonces = iter(["one", "two"])
    mechanisms = Mechanisms([SHA_256], make_users({"alice": "pencil"}), lambda: next(nonces), secret=b"s")
    first = "n,,n=alice,r=abc"
    conversation, challenge = begin(mechanisms, first)
    final = prove(first, challenge, "pencil")
    assert isinstance(conversation.respond(final), Authenticated)
    again, _ = begin(mechanisms, first)
    assert isinstance(again.respond(final), Failed)


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws,r=abcservernonce",
        b"c=biws,r=abcservernonce,p=",
        b"c=biws,r=abcservernonce,p=YQ==",
        b"c=biws,r=abcservernonce,p=!!!!",
        b"c=biws,r=abcservernonce,p=" + base64.b64encode(bytes(31)),
        b"c=biws,r=abcservernonce,p=" + base64.b64encode(bytes(32)),
        b"c=biws,r=abcservernonce,p=" + base64.b64encode(bytes(33)),
        b"r=abcservernonce,c=biws,p=" + base64.b64encode(bytes(32)),
        b"c=biws,r=abcservernonce,p=" + base64.b64encode(bytes(32)) + b",x=1",
        b"c=biws,r=abcservernonce,p=" + base64.b64encode(bytes(32)) + b"\n",
        b"c=biws,r=abcserver\xffnonce,p=" + base64.b64encode(bytes(32)),
        b"n,,n=alice,r=abc",
    ],
)
def test_a_bad_last_message_is_refused(mechanisms: Mechanisms, final: bytes) -> None:
    conversation, _ = begin(mechanisms, "n,,n=alice,r=abc")
    outcome = conversation.respond(final)
    assert isinstance(outcome, Failed)
    assert outcome.message == INVALID


def test_strangers_look_like_users_until_the_proof_fails_like_a_wrong_password(mechanisms: Mechanisms) -> None:
    """One shape of challenge, one sentence at the end, and a salt that stays."""
    failures = set()
    for name in ("alice", "mallory"):
        first = f"n,,n={name},r=abc"
        conversation, challenge = begin(mechanisms, first)
        assert begin(mechanisms, first)[1] == challenge
        assert challenge.startswith(b"r=abcservernonce,s=")
        assert challenge.endswith(b",i=4096")
        outcome = conversation.respond(prove(first, challenge, "wrong"))
        assert isinstance(outcome, Failed)
        failures.add((outcome.message, outcome.detail))
    assert len(failures) == 1


def test_two_strangers_get_two_salts(mechanisms: Mechanisms) -> None:
    assert begin(mechanisms, "n,,n=mallory,r=abc")[1] != begin(mechanisms, "n,,n=trudy,r=abc")[1]


def test_a_user_without_this_mechanism_is_a_stranger_to_it() -> None:
    credential = ScramCredential.of_password(ScramMechanism.SHA_512, "pencil", b"salt", MIN_ITERATIONS)
    users = FileUsers({"alice": {"SCRAM-SHA-512": credential}})
    first = "n,,n=alice,r=abc"
    conversation, challenge = begin(Mechanisms([SHA_256], users, lambda: "n", secret=b"s"), first)
    assert isinstance(conversation.respond(prove(first, challenge, "pencil")), Failed)


def test_nothing_follows_the_end(mechanisms: Mechanisms) -> None:
    first = "n,,n=alice,r=abc"
    conversation, challenge = begin(mechanisms, first)
    right = prove(first, challenge, "pencil")
    assert isinstance(conversation.respond(prove(first, challenge, "wrong")), Failed)
    assert isinstance(conversation.respond(right), Failed)
    done, _ = begin(mechanisms, first)
    assert isinstance(done.respond(right), Authenticated)
    assert isinstance(done.respond(right), Failed)
    assert isinstance(done.respond(first.encode()), Failed)


def test_a_refused_opening_cannot_be_tried_again(mechanisms: Mechanisms) -> None:
    conversation = mechanisms.start(SHA_256)
    assert isinstance(conversation.respond(b"n,,n=alice"), Failed)
    assert isinstance(conversation.respond(b"n,,n=alice,r=abc"), Failed)


def test_a_result_nobody_waits_for_is_a_bug(mechanisms: Mechanisms) -> None:
    with pytest.raises(RuntimeError, match="no password check is pending"):
        mechanisms.start(SHA_256).verified(True)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(texts, st.text(min_size=1), st.text(min_size=1))
def test_exactly_the_right_password_authenticates(
    make_mechanisms: MakeMechanisms, name: str, password: str, other: str
) -> None:
    mechanisms = make_mechanisms({name: password})
    first = f"n,,n={name.replace('=', '=3D').replace(',', '=2C')},r=abc"
    for attempt in (password, other):
        conversation, challenge = begin(mechanisms, first)
        outcome = conversation.respond(prove(first, challenge, attempt))
        assert isinstance(outcome, Authenticated) == (attempt == password)
        if isinstance(outcome, Authenticated):
            assert outcome.principal.name == name


pieces = st.lists(
    st.sampled_from(
        [b"n,,", b"n=alice", b",r=abc", b",", b"=", b"c=biws", b"r=abcservernonce", b",p=", b"AAAA", b"\xff"]
    )
)


@given(st.binary() | pieces.map(b"".join), st.binary() | pieces.map(b"".join))
def test_garbage_never_raises_and_never_authenticates(mechanisms: Mechanisms, one: bytes, two: bytes) -> None:
    conversation = mechanisms.start(SHA_256)
    assert isinstance(conversation.respond(one), Challenge | Failed)
    assert isinstance(conversation.respond(two), Challenge | Failed)
    opened, _ = begin(mechanisms, "n,,n=alice,r=abc")
    assert isinstance(opened.respond(two), Failed)


@given(st.data())
def test_one_flipped_bit_spoils_the_proof(mechanisms: Mechanisms, data: st.DataObject) -> None:
    first = "n,,n=alice,r=abc"
    conversation, challenge = begin(mechanisms, first)
    head, _, proof = prove(first, challenge, "pencil").partition(b",p=")
    raw = bytearray(base64.b64decode(proof))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert isinstance(conversation.respond(head + b",p=" + base64.b64encode(raw)), Failed)
