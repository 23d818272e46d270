"""Our own passwords may change while we run: the next login has the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.authentication.credentials import ScramMechanism
from proxy.config.cluster_model import PasswordLogin
from proxy.config.secret import secret_file
from proxy.upstream.credentials import mechanisms_for

CHALLENGE = "r={nonce}server,s=c2FsdHNhbHQ=,i=4096"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("one")
    return path


def test_plain(password: Path) -> None:
    make = mechanisms_for(PasswordLogin("PLAIN", "door", secret_file(password)))
    assert make("broker").first() == b"\0door\0one"
    password.write_text("two")
    assert make("broker").first() == b"\0door\0two"


def test_scram_and_what_is_slow_is_computed_once_for_each_password(
    password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    compute = ScramMechanism.salted_password

    def noted(mechanism: ScramMechanism, text: str, salt: bytes, iterations: int) -> bytes:
        computed.append(text)
        return compute(mechanism, text, salt, iterations)

    monkeypatch.setattr(ScramMechanism, "salted_password", noted)
    make = mechanisms_for(PasswordLogin("SCRAM-SHA-256", "door", secret_file(password)))

    def log_in() -> None:
        client = make("broker")
        nonce = client.first().decode().rpartition("r=")[2]
        assert client.respond(CHALLENGE.format(nonce=nonce).encode())

    for text in ("one", "one", "two", "two"):
        password.write_text(text)
        log_in()
    assert computed == ["one", "two"]
