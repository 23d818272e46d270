"""Which tokens are taken for whose."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from proxy.authentication.jwks import MAX_KEYS, InvalidKeySet, KeySet
from proxy.authentication.tokens import KeyUnknown, TokenAccepted, TokenChecker, TokenRejected, TokenResult, TokenRules
from tests.authentication.issuer import AUDIENCE, NAME, Issuer, encoded

RULES = TokenRules(NAME, (AUDIENCE, "other"), clock_skew_seconds=30)
NOW = int(time.time())


class Source:
    """Gives the issuer's keys as they were, and as they are when asked again."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.keys: KeySet | None = KeySet.parse(issuer.jwks())

    def renewed(self, seen: KeySet | None) -> KeySet | None:
        assert seen is self.keys
        self.keys = KeySet.parse(self.issuer.jwks())
        return self.keys


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def check(issuer: Issuer, token: str, rules: TokenRules = RULES, now: float = NOW) -> TokenResult:
    return TokenChecker(rules, Source(issuer), lambda: now).check(token)


def rejection(result: TokenResult) -> str:
    assert isinstance(result, TokenRejected | KeyUnknown)
    return result.detail


def test_a_good_token_is_its_subjects_until_it_expires(issuer: Issuer) -> None:
    result = check(issuer, issuer.token(iat=NOW, exp=NOW + 300))
    assert result == TokenAccepted("alice", 330_000)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": NOW - 31}, "expired 31 seconds ago"),
        ({"exp": None}, "has no claim 'exp'"),
        ({"exp": "tomorrow"}, "'exp' is not a time"),
        ({"exp": True}, "'exp' is not a time"),
        ({"exp": 10**400}, "'exp' is not a time"),
        ({"exp": 1e300}, "'exp' is not a time"),
        ({"iat": None}, "has no claim 'iat'"),
        ({"nbf": NOW + 31}, "valid only in 31 seconds"),
        ({"nbf": "x"}, "'nbf' is not a time"),
        ({"iss": None}, "issuer is None"),
        ({"iss": f"{NAME}/"}, "issuer is 'https://issuer.example.com/'"),
        ({"iss": [NAME]}, "issuer is ["),
        ({"aud": None}, "audience is None"),
        ({"aud": "elsewhere"}, "audience is 'elsewhere'"),
        ({"aud": ["else", 7]}, "audience is ['else', 7]"),
        ({"sub": None}, "'sub' is not a name"),
        ({"sub": "  "}, "'sub' is not a name"),
        ({"sub": ["alice"]}, "'sub' is not a name"),
    ],
)
def test_a_token_that_lacks_something_is_refused_with_the_reason(
    issuer: Issuer, changes: dict[str, Any], why: str
) -> None:
    assert why in rejection(check(issuer, issuer.token(**({"iat": NOW, "exp": NOW + 300} | changes))))


@pytest.mark.parametrize(
    "changes", [{"exp": NOW - 29}, {"nbf": NOW + 29}, {"aud": ["else", "other"]}, {"nbf": NOW - 1}]
)
def test_within_the_clock_skew_and_for_one_audience_of_several_it_is_taken(
    issuer: Issuer, changes: dict[str, Any]
) -> None:
    result = check(issuer, issuer.token(**({"iat": NOW, "exp": NOW + 300} | changes)))
    assert isinstance(result, TokenAccepted)
    assert result.lifetime_ms > 0


def test_the_name_may_come_from_another_claim(issuer: Issuer) -> None:
    rules = TokenRules(NAME, sub_claim_name="client_id")
    result = check(issuer, issuer.token(client_id="orders-app"), rules)
    assert isinstance(result, TokenAccepted)
    assert result.username == "orders-app"
    assert isinstance(check(issuer, issuer.token(), rules), TokenRejected)


@pytest.mark.parametrize("scope", ["kafka.read kafka.write", ["kafka.write", "kafka.read"]])
def test_scopes_may_be_a_list_or_one_text(issuer: Issuer, scope: object) -> None:
    rules = TokenRules(NAME, scope_claim_name="scp", required_scope=("kafka.read",))
    assert isinstance(check(issuer, issuer.token(scp=scope), rules), TokenAccepted)
    lacking = check(issuer, issuer.token(scp="kafka.readall"), rules)
    assert isinstance(lacking, TokenRejected)
    assert lacking.scope == "kafka.read"


def test_cve_2022_29217_a_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    """Algorithm confusion: HMAC keyed with the public key that everybody knows."""
    key = issuer.keys["one"]
    for secret in (key.as_pem(private=False), issuer.jwks(), json.dumps(key.as_dict(private=False)).encode()):
        header = json.dumps({"alg": "HS256", "kid": "one"}).encode()
        signed = f"{encoded(header)}.{encoded(json.dumps(issuer.claims()).encode())}"
        token = f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
        assert "signed with 'HS256'" in rejection(check(issuer, token))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, ["RS256"], "HS256", "HS512", "RS1", "rs256"])
def test_only_listed_algorithms_are_taken(issuer: Issuer, algorithm: object) -> None:
    assert "signed with" in rejection(check(issuer, issuer.token({"alg": algorithm})))
    header, payload, _ = issuer.token({"alg": algorithm}).split(".")
    assert isinstance(check(issuer, f"{header}.{payload}."), TokenRejected)


def test_an_algorithm_that_is_not_listed_is_refused_though_the_signature_is_good(issuer: Issuer) -> None:
    rules = TokenRules(NAME, algorithms=("ES256", "PS256"))
    assert "signed with 'RS256', expected one of ES256, PS256" in rejection(check(issuer, issuer.token(), rules))


def test_cve_2026_48523_the_keys_own_algorithm_binds_the_token(issuer: Issuer) -> None:
    """A key published for PS256 does not check RS256, whatever the token says; nor does it widen what is allowed."""
    for_another = KeySet.parse(issuer.jwks(alg="PS256"))
    source = Source(issuer)
    source.keys = for_another
    assert isinstance(TokenChecker(RULES, source, time.time).check(issuer.token()), KeyUnknown)
    source.keys = KeySet.parse(issuer.jwks(alg="RS256"))
    assert isinstance(TokenChecker(RULES, source, time.time).check(issuer.token()), TokenAccepted)
    only_es = TokenChecker(TokenRules(NAME, algorithms=("ES256",)), source, time.time)
    assert isinstance(only_es.check(issuer.token()), TokenRejected)


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], ["x-unknown"], "b64", None])
def test_python_jose_crit_is_never_ignored(issuer: Issuer, crit: object) -> None:
    header = json.dumps({"alg": "RS256", "kid": "one", "crit": crit, "b64": True, "x-unknown": 1}).encode()
    assert "crit" in rejection(check(issuer, issuer.sign(header, json.dumps(issuer.claims()).encode())))


def test_a_key_that_the_token_brings_along_is_not_looked_at(issuer: Issuer) -> None:
    mallory = Issuer("one")
    mallory.rotate("one", RSAKey.generate_key(2048))
    jwk = mallory.keys["one"].as_dict(private=False)
    token = mallory.token({"jwk": jwk, "jku": "https://mallory.example.com/keys", "x5u": "file:///etc/passwd"})
    assert "signature is wrong" in rejection(check(issuer, token))


@pytest.mark.parametrize("kid", ["../../etc/passwd", "one\0", "ONE", "", "' OR 1=1 --"])
def test_a_kid_is_a_name_and_nothing_else(issuer: Issuer, kid: str) -> None:
    assert isinstance(check(issuer, issuer.token({"kid": kid})), KeyUnknown)


@pytest.mark.parametrize("kid", [7, ["one"], {"one": 1}])
def test_a_kid_that_is_no_text_is_refused(issuer: Issuer, kid: object) -> None:
    assert "kid is not a text" in rejection(check(issuer, issuer.token({"kid": kid})))


def test_without_a_kid_every_key_that_fits_is_tried(issuer: Issuer) -> None:
    issuer.rotate("two", RSAKey.generate_key(2048))
    assert isinstance(check(issuer, issuer.token({"kid": None})), TokenAccepted)
    assert isinstance(check(issuer, Issuer().token({"kid": None})), TokenAccepted)


def test_a_curve_that_does_not_belong_to_the_algorithm_is_no_signature(issuer: Issuer) -> None:
    issuer.rotate("curve", ECKey.generate_key("P-256"))
    token = issuer.token()
    assert isinstance(check(issuer, token), TokenAccepted)
    issuer.rotate("curve", ECKey.generate_key("P-384"))
    assert isinstance(check(issuer, token), TokenRejected)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss":"https://issuer.example.com","aud":"kafka","sub":"alice","sub":"admin","iat":1,"exp":99999999999}',
        b'{"iss":"https://issuer.example.com","aud":"kafka","sub":"alice","iat":1,"exp":NaN}',
        b'{"iss":"https://issuer.example.com","aud":"kafka","sub":"alice","iat":1,"exp":Infinity}',
        b'{"iss":"https://issuer.example.com","aud":"kafka","sub":"alice","iat":1,"exp":1e999}',
        b'{"iss":"https://issuer.example.com","aud":"kafka","sub":"alice","iat":1,"exp":99999999999,"x":NaN}',
        b'["alice"]',
        b"[" * 60_000,
        b"\xff",
        b"",
    ],
)
def test_a_payload_with_two_meanings_or_none_is_refused(issuer: Issuer, payload: bytes) -> None:
    if payload:
        assert isinstance(check(issuer, issuer.token(payload=payload)), TokenRejected)


@pytest.mark.parametrize(
    "header", [b'{"alg":"none","alg":"RS256","kid":"one"}', b"[]", b"7", b"\xff", b'{"alg":"RS256"']
)
def test_a_header_with_two_meanings_or_none_is_refused(issuer: Issuer, header: bytes) -> None:
    token = issuer.sign(header, json.dumps(issuer.claims()).encode())
    assert "header of the token" in rejection(check(issuer, token))


@pytest.mark.parametrize(
    "change", [lambda t: t + "A", lambda t: t[:-1], lambda t: t + ".x", lambda t: "." + t, str.lower]
)
def test_a_token_that_was_touched_is_refused(issuer: Issuer, change: Any) -> None:
    assert not isinstance(check(issuer, change(issuer.token())), TokenAccepted)


@given(st.text() | st.lists(st.sampled_from([".", "eyJhbGciOiJSUzI1NiJ9", "e30", "=", "ü"])).map("".join))
def test_garbage_is_refused_and_never_raises(token: str) -> None:
    assert not isinstance(check(Issuer(), token), TokenAccepted)


def test_a_new_key_is_asked_for_and_then_taken(issuer: Issuer) -> None:
    source = Source(issuer)
    checker = TokenChecker(RULES, source, time.time)
    issuer.rotate("two")
    unknown = checker.check(issuer.token())
    assert isinstance(unknown, KeyUnknown)
    assert isinstance(checker.check_again(issuer.token(), unknown.seen), TokenAccepted)
    nobodys = checker.check_again(issuer.token({"kid": "three"}), source.keys)
    assert isinstance(nobodys, TokenRejected)


def test_before_any_key_is_known_nobody_is_let_in(issuer: Issuer) -> None:
    source = Source(issuer)
    source.keys = None
    assert isinstance(TokenChecker(RULES, source, time.time).check(issuer.token()), KeyUnknown)


def test_secrets_weak_keys_and_keys_for_other_uses_are_left_out(issuer: Issuer) -> None:
    with pytest.warns(match="2048"):
        weak = RSAKey.generate_key(1024)
    members = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        weak.as_dict(private=False) | {"kid": "one"},
        issuer.keys["one"].as_dict(private=False) | {"kid": "one", "use": "enc"},
        issuer.keys["one"].as_dict(private=False) | {"kid": "one", "key_ops": ["encrypt"]},
        issuer.keys["one"].as_dict(private=False) | {"kid": 1},
        {"kty": "RSA", "n": "?", "e": "AQAB", "kid": "one"},
        {"kty": "new"},
        "no key",
    ]
    for member in members:
        with pytest.raises(InvalidKeySet, match="no key that checks signatures"):
            KeySet.parse(json.dumps({"keys": [member]}).encode())
    good = json.loads(issuer.jwks())["keys"]
    assert len(KeySet.parse(json.dumps({"keys": members + good}).encode()).keys) == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html>", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"{}", "no list 'keys'"),
        (b'{"keys": [], "keys": []}', "a key twice"),
        (json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(), "101 keys, expected at most 100"),
    ],
)
def test_what_is_no_key_set_is_told(data: bytes, why: str) -> None:
    with pytest.raises(InvalidKeySet, match=why):
        KeySet.parse(data)
