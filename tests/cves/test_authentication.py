"""Attacks on who somebody is: other names, other nonces, other keys."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from joserfc.jws import JWSRegistry
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.authentication import credentials, scram
from proxy.authentication.credentials import ScramCredential, ScramMechanism
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import Authenticated, Challenge, Failed, Outcome
from proxy.authentication.users import FileUsers
from proxy.embedded import KafkaCluster
from tests.authentication.conversations import answer
from tests.authentication.issuer import AUDIENCE, NAME, Issuer, encoded
from tests.authentication.test_oauthbearer import message
from tests.authentication.test_scram import prove
from tests.integration.door import Door
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire, wire

pytestmark = pytest.mark.kafka


def shown(client: Wire, mechanism: str, *tokens: bytes) -> list[tuple[ErrorCode, bytes]]:
    """What is answered to each token."""
    client.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism=mechanism)
    answers = [client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=token) for token in tokens]
    return [(answer.error_code, answer.auth_bytes) for answer in answers]


@pytest.mark.parametrize(
    ("mechanism", "token"),
    [
        ("PLAIN", b"admin\0bob\0bob-password"),
        ("PLAIN", b"\0bob\0bob-password\0admin"),
        ("PLAIN", b"\0admin\0bob\0bob-password"),
        ("SCRAM-SHA-256", b"n,a=admin,n=bob,r=abc"),
        ("SCRAM-SHA-256", b"n,,n=bob,n=admin,r=abc"),
        ("SCRAM-SHA-512", b"n,,n=admin,a=bob,r=abc,n=bob"),
    ],
)
def test_cve_2017_12610_a_crafted_message_makes_nobody_somebody_else(door: Door, mechanism: str, token: bytes) -> None:
    failed = len(door.audited("authentication.failed", mechanism=mechanism))
    with wire(door, None) as client:
        ((error, data),) = shown(client, mechanism, token)
        assert (error, data) == (ErrorCode.sasl_authentication_failed, b"")
        assert client.is_closed()
    door.expect_failed_login(mechanism=mechanism)
    assert len(door.audited("authentication.failed", mechanism=mechanism)) > failed
    assert not door.audited("authentication.succeeded", principal="User:admin")


FORGED: dict[str, Callable[[str], str]] = {
    "half of the server's part": lambda nonce: nonce[: len(nonce) // 2],
    "the client's part alone": lambda _: "mallory",
    "one more character": lambda nonce: f"{nonce}x",
    "one other character": lambda nonce: nonce[:-1] + chr(ord(nonce[-1]) ^ 1),
}


@pytest.mark.parametrize("kind", FORGED)
def test_cve_2024_56128_a_last_message_with_another_nonce_is_refused(door: Door, kind: str) -> None:
    """However well it is signed: with the right password, over that very nonce."""
    first = "n,,n=alice,r=mallory"
    with wire(door, None) as client:
        ((_, challenge),) = shown(client, "SCRAM-SHA-256", first.encode())
        nonce = challenge.decode().split(",")[0].removeprefix("r=")
        final = prove(first, challenge, "alice-password", nonce=FORGED[kind](nonce))
        answer = client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=final)
        assert answer.error_code == ErrorCode.sasl_authentication_failed
        assert client.is_closed()


def test_cve_2024_56128_a_last_message_of_another_exchange_is_refused(door: Door) -> None:
    """It was good, once."""
    first = "n,,n=alice,r=mallory"
    with wire(door, None) as client, wire(door, None) as again:
        ((_, challenge),) = shown(client, "SCRAM-SHA-256", first.encode())
        final = prove(first, challenge, "alice-password")
        assert client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=final).error_code == ErrorCode.none
        (_, (error, _)) = shown(again, "SCRAM-SHA-256", first.encode(), final)
        assert error == ErrorCode.sasl_authentication_failed
        assert again.is_closed()


def plain(mechanisms: Mechanisms, user: str, password: str) -> Outcome:
    return answer(mechanisms.start("PLAIN"), f"\0{user}\0{password}".encode())


def scrammed(mechanisms: Mechanisms, user: str, password: str) -> Outcome:
    first = f"n,,n={user},r=abc"
    conversation = mechanisms.start("SCRAM-SHA-256")
    challenge = conversation.respond(first.encode())
    assert isinstance(challenge, Challenge)
    return conversation.respond(prove(first, challenge.data, password))


def test_cve_2021_38153_secrets_are_compared_in_equal_time_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each login costs one such comparison, right or wrong, known or unknown; and the answers are alike."""
    compared: list[int] = []

    def watched(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return hmac.compare_digest(one, other)

    mechanism = ScramMechanism.SHA_256
    secret = ScramCredential.of_password(mechanism, "pencil", b"saltsaltsalt", 4096)
    users = FileUsers({"alice": {mechanism.value: secret}})
    mechanisms = Mechanisms(["PLAIN", "SCRAM-SHA-256"], users, lambda: "nonce", secret=b"s")
    for module in (credentials, scram):
        monkeypatch.setattr(module, "hmac", type("hmac", (), {**vars(hmac), "compare_digest": staticmethod(watched)}))
    for log_in in (plain, scrammed):
        costs, told = set(), set()
        for user, password in (("alice", "pencil"), ("alice", "pencik"), ("alice", "x"), ("nobody", "pencil")):
            compared.clear()
            outcome = log_in(mechanisms, user, password)
            assert isinstance(outcome, Authenticated) == ((user, password) == ("alice", "pencil"))
            costs.add(tuple(compared))
            if isinstance(outcome, Failed):
                told.add(outcome.message)
        assert len(costs) == len(told) == 1
        assert 32 in costs.pop()


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def token_door(kafka_4_1: KafkaCluster, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    folder: Path = tmp_path_factory.mktemp("tokens")
    (folder / "keys.json").write_bytes(issuer.jwks(alg="RS256"))
    sasl = (
        "{mechanisms: [OAUTHBEARER], oauthbearer: "
        f"{{jwks_file: keys.json, expected_issuer: '{NAME}', expected_audience: [{AUDIENCE}]}}}}"
    )
    door = WayIn(folder, kafka_4_1.bootstrap_servers, sasl=sasl, protocol="SASL_PLAINTEXT")
    yield door.start()
    door.stop()


def bearer(door: WayIn, token: str) -> ErrorCode:
    """The error behind a token: a refused one is told in a challenge first (RFC 7628), which has to be acknowledged."""
    with Wire(door.ports["way_in"]) as client:
        ((error, data),) = shown(client, "OAUTHBEARER", message(token))
        if not data:
            return error
        answer = client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=b"\x01")
        assert client.is_closed()
        return ErrorCode(answer.error_code)


def test_cve_2022_29217_the_issuers_public_key_signs_nothing(token_door: WayIn, issuer: Issuer) -> None:
    """Nor does no key at all."""
    assert bearer(token_door, issuer.token()) == ErrorCode.none
    claims = encoded(json.dumps(issuer.claims(sub="admin")).encode())
    for algorithm in ("HS256", "HS384", "HS512"):
        signed = f"{encoded(json.dumps({'alg': algorithm, 'kid': 'one'}).encode())}.{claims}"
        for secret in (issuer.keys["one"].as_pem(private=False), issuer.jwks(alg="RS256"), b""):
            mac = hmac.digest(secret, signed.encode(), algorithm.replace("HS", "sha"))
            assert bearer(token_door, f"{signed}.{encoded(mac)}") == ErrorCode.sasl_authentication_failed
    unsigned = encoded(json.dumps({"alg": "none"}).encode())
    assert bearer(token_door, f"{unsigned}.{claims}.") == ErrorCode.sasl_authentication_failed
    token_door.expect_failed_login(mechanism="OAUTHBEARER")
    assert not token_door.audited("authentication.succeeded", principal="User:admin")


def test_cve_2026_48523_a_token_does_not_choose_how_its_key_is_used(token_door: WayIn, issuer: Issuer) -> None:
    """The key is published for RS256; a good signature of it by PS256 is none."""
    private = issuer.keys["one"]
    for algorithm in ("PS256", "RS512"):
        head = encoded(json.dumps({"alg": algorithm, "kid": "one", "typ": "JWT"}).encode())
        signed = f"{head}.{encoded(json.dumps(issuer.claims(sub='admin')).encode())}"
        token = f"{signed}.{encoded(JWSRegistry.algorithms[algorithm].sign(signed.encode(), private))}"
        assert bearer(token_door, token) == ErrorCode.sasl_authentication_failed
    assert not token_door.audited("authentication.succeeded", principal="User:admin")


@pytest.mark.parametrize("head", [{"crit": ["b64"], "b64": False}, {"kid": "../../keys.json"}, {"jku": "file:///x"}])
def test_python_jose_issue_274_a_header_opens_no_way_around_the_keys(
    token_door: WayIn, issuer: Issuer, head: dict[str, object]
) -> None:
    mallory = Issuer("mallory")
    mallory.rotate("one")
    token = issuer.token(head) if "crit" in head else mallory.token(head, sub="admin")
    assert bearer(token_door, token) == ErrorCode.sasl_authentication_failed
    assert not token_door.audited("authentication.succeeded", principal="User:admin")
