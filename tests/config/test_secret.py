"""A secret of a file is what the file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config.secret import Secret, SecretUnreadable, secret_file


def test_it_changes_as_the_file_does(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("one\n")
    secret = secret_file(path)
    assert secret.reveal() == "one"
    path.write_text("two")
    assert secret.reveal() == "two"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff", bytes(65_537)])
def test_what_will_not_do_leaves_the_one_before(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "password"
    path.write_text("one")
    secret = secret_file(path)
    path.write_text("two")
    secret.reveal()
    path.unlink() if content is None else path.write_bytes(content)
    assert secret.reveal() == "two"
    with pytest.raises(SecretUnreadable) as failure:
        secret_file(path)
    assert "two" not in str(failure.value)


def test_nobody_sees_it_by_accident(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("sesame")
    for secret in (Secret("sesame"), secret_file(path)):
        assert "sesame" not in f"{secret} {secret!r} {[secret]}"
