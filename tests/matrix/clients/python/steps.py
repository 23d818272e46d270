"""What the Python clients share: their settings, and one line of JSON for each step."""

from __future__ import annotations

import json
import os
import ssl
import sys
from collections.abc import Callable, Iterable

BOOTSTRAP = os.environ["BOOTSTRAP"]
BROKER_VERSION = tuple(int(part) for part in os.environ["BROKER_VERSION"].split("."))
SECURITY = os.environ["SECURITY"]
MECHANISM = os.environ.get("MECHANISM")
USERNAME = os.environ.get("USERNAME")
PASSWORD = os.environ.get("PASSWORD")
CA, CERTIFICATE, KEY = (os.environ.get(name) for name in ("CA", "CERTIFICATE", "KEY"))
TOPIC, GROUP = os.environ["TOPIC"], os.environ["GROUP"]
DENIED_TOPIC, DENIED_GROUP = os.environ.get("DENIED_TOPIC", ""), os.environ.get("DENIED_GROUP", "")
VALUES = [f"message {number}".encode() for number in range(int(os.environ["MESSAGES"]))]
WAIT_S = int(os.environ["WAIT_S"])


def python_settings() -> dict[str, object]:
    """The names that kafka-python and aiokafka have in common."""
    settings: dict[str, object] = {"bootstrap_servers": BOOTSTRAP, "security_protocol": SECURITY}
    if SECURITY != "PLAINTEXT":
        context = ssl.create_default_context(cafile=CA)
        if SECURITY == "SSL":
            context.load_cert_chain(CERTIFICATE, KEY)
        settings["ssl_context"] = context
    if SECURITY.startswith("SASL"):
        settings |= {
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": USERNAME,
            "sasl_plain_password": PASSWORD,
        }
    return settings


def expect(name: str, step: Callable[[], Iterable[str] | None]) -> None:
    """The step does what it should; it may name topics."""
    try:
        topics = step()
    except Exception as error:  # noqa: BLE001 - whatever a client throws is what it has to say
        _tell(step=name, ok=False, error=_text(error))
    else:
        _tell(step=name, ok=True, **({} if topics is None else {"topics": sorted(topics)}))


def expect_denial(name: str, denial: str, step: Callable[[], Iterable[str] | None]) -> None:
    """The step is refused with an error that is called so."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever a client throws is what it has to say
        _tell(step=name, ok=denial in _text(error), error=_text(error))
    else:
        _tell(step=name, ok=False, error="it was allowed")


def shown(what: str, right: bool) -> None:
    """It is as it should be, or the step fails with these words."""
    if not right:
        raise AssertionError(what)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _tell(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
