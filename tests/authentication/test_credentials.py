"""Verifiers: made as Kafka makes them, read strictly, and telling nothing."""

import base64
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.authentication.credentials import (
    MAX_ITERATIONS,
    MIN_ITERATIONS,
    ScramCredential,
    ScramMechanism,
    decoy_credential,
    random_text,
)

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")  # RFC 7677 section 3
SHA_256, SHA_512 = ScramMechanism.SHA_256, ScramMechanism.SHA_512
PENCIL_256 = (
    "salt=W22ZaJ0SNY7soEsUEjb6gQ==,stored_key=WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
    "server_key=wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=,iterations=4096"
)
PENCIL_512 = (
    "salt=W22ZaJ0SNY7soEsUEjb6gQ==,"
    "stored_key=6AAub3065EYRmyFpM2RNwqK+eGnrkYuEWbXn19LsEmBqzu8QaCXNc1FwpnX9NhH2hK/60dzj9DoO5DvVkOHbvg==,"
    "server_key=jZHbYjC1aHh0/hKbxyBuGFjDrgjgKTT1esA7awWiKcRZ0o/0b1yWEebBeSVkkCFewf91nLDfKF24mvD5nmE6rA==,"
    "iterations=4096"
)


@pytest.mark.parametrize(("mechanism", "text"), [(SHA_256, PENCIL_256), (SHA_512, PENCIL_512)])
def test_a_known_password_makes_the_known_verifier(mechanism: ScramMechanism, text: str) -> None:
    assert ScramCredential.of_password(mechanism, "pencil", SALT, MIN_ITERATIONS).format() == text


@pytest.mark.parametrize(("mechanism", "text"), [(SHA_256, PENCIL_256), (SHA_512, PENCIL_512)])
def test_what_is_read_is_written_again(mechanism: ScramMechanism, text: str) -> None:
    credential = ScramCredential.parse(mechanism, text)
    assert credential.format() == text
    assert credential.matches("pencil")
    assert not credential.matches("pencil ")


def test_fields_may_stand_in_any_order() -> None:
    fields = PENCIL_256.split(",")
    assert ScramCredential.parse(SHA_256, ",".join(reversed(fields))).matches("pencil")


def test_passwords_are_taken_as_they_are_like_kafka_does() -> None:
    """SASLprep would fold the compatibility characters, and Kafka's verifiers would stop matching."""
    credential = ScramCredential.of_password(SHA_256, "Ⅸ\u00ad", SALT, MIN_ITERATIONS)
    assert credential.matches("Ⅸ\u00ad")
    assert not credential.matches("IX")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected salt="),
        ("pencil", "expected salt="),
        (PENCIL_256.replace("stored_key", "stored"), "expected salt="),
        (PENCIL_256 + ",more=1", "expected salt="),
        (PENCIL_256 + ",salt=YQ==", "expected salt="),
        (PENCIL_256.replace("W22Z", "W2*Z"), "'salt' is not base64"),
        (PENCIL_256.replace("W22ZaJ0SNY7soEsUEjb6gQ==", ""), "'salt' is empty"),
        (PENCIL_256.replace("WG5d", ""), "'stored_key' has 29 bytes where SCRAM-SHA-256 has 32"),
        (PENCIL_512, "'stored_key' has 64 bytes where SCRAM-SHA-256 has 32"),
        (PENCIL_256.replace("4096", "4095"), "4095 iterations: expected 4096 to 1000000"),
        (PENCIL_256.replace("4096", "1000001"), "1000001 iterations"),
        (PENCIL_256.replace("4096", "-1"), "'iterations' is not a positive number"),
        (PENCIL_256.replace("4096", "٤٠٩٦"), "'iterations' is not a positive number"),
        (PENCIL_256.replace("4096", "9" * 5000), "'iterations' is not a positive number"),
    ],
)
def test_a_bad_verifier_is_refused_without_being_repeated(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        ScramCredential.parse(SHA_256, text)
    assert not any(part in str(caught.value) for part in ("NY7so", "3OtcPnkdi4", "nTWhTAmQ", "pencil"))


@pytest.mark.parametrize(
    ("password", "salt", "iterations", "problem"),
    [
        ("", b"salt", 4096, "empty"),
        ("pencil", b"", 4096, "empty"),
        ("pencil", b"salt", MIN_ITERATIONS - 1, "4095 iterations"),
        ("pencil", b"salt", MAX_ITERATIONS + 1, "1000001 iterations"),
        ("\ud800", b"salt", 4096, "surrogates not allowed"),
    ],
)
def test_an_impossible_verifier_is_not_made(password: str, salt: bytes, iterations: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ScramCredential.of_password(SHA_256, password, salt, iterations)


def test_no_key_shows_in_a_printed_credential() -> None:
    shown = repr(ScramCredential.parse(SHA_256, PENCIL_256))
    assert shown == "ScramCredential(mechanism=<ScramMechanism.SHA_256: 'SCRAM-SHA-256'>, iterations=4096)"


def test_a_decoy_stays_the_same_for_one_name_and_differs_for_all_else() -> None:
    decoy = decoy_credential(b"secret", SHA_256, "mallory", 8192)
    others = [
        decoy_credential(b"secret", SHA_256, "mallorY", 8192),
        decoy_credential(b"secret", SHA_512, "mallory", 8192),
        decoy_credential(b"Secret", SHA_256, "mallory", 8192),
    ]
    assert decoy == decoy_credential(b"secret", SHA_256, "mallory", 8192)
    assert len({decoy.salt, *(other.salt for other in others)}) == 4


@given(st.text(), st.sampled_from(ScramMechanism))
def test_a_decoy_is_a_valid_verifier_shaped_like_a_real_one(username: str, mechanism: ScramMechanism) -> None:
    decoy = decoy_credential(b"secret", mechanism, username, MIN_ITERATIONS)
    assert ScramCredential.parse(mechanism, decoy.format()) == decoy
    assert 0 < len(decoy.salt) <= 26
    assert decoy.salt.decode("ascii").isalnum()


def test_random_text_is_fresh_printable_and_in_base_36() -> None:
    texts = {random_text(secrets.randbits) for _ in range(100)}
    assert len(texts) == 100
    assert all(int(text, 36).bit_length() <= 130 for text in texts)
    assert random_text(lambda _: 0) == "0"
