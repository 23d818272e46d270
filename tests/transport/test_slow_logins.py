"""Hashing a password and checking a signature hold up nobody who is not waiting for such a thing himself."""

import threading
import time

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from protocol.splice import decode_response, encode_request
from proxy.authentication.credentials import ScramCredential, ScramMechanism
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.tokens import TokenChecker, TokenRules
from proxy.authentication.users import FileUsers
from proxy.session.session import Session
from tests.authentication.issuer import AUDIENCE, NAME, Issuer
from tests.authentication.test_oauthbearer import Source
from tests.authentication.test_scram import SHA_256, prove
from tests.session.support import Desk
from tests.transport.support import until, within

SLOW = {
    "PLAIN": "proxy.authentication.credentials.ScramMechanism.salted_password",
    "OAUTHBEARER": "proxy.authentication.tokens._signature_fault",
}


class Gate:
    """Work that goes on only when the test says so."""

    def __init__(self, monkeypatch, work):
        self.reached, self.open = threading.Event(), threading.Event()
        module, _, name = work.rpartition(".")
        owner = ScramMechanism if module.endswith("ScramMechanism") else __import__(module, fromlist=[name])
        original = getattr(owner, name)

        def gated(*args):
            self.reached.set()
            assert self.open.wait(20)
            return original(*args)

        monkeypatch.setattr(work, gated)


@pytest.fixture
def issuer():
    return Issuer()


def offered(issuer):
    """All that the test logs in with, for alice."""
    credential = ScramCredential.of_password(ScramMechanism.SHA_256, "pencil", b"saltsalt", 4_096)
    return Mechanisms(
        ["PLAIN", SHA_256, "OAUTHBEARER"],
        FileUsers({"alice": {SHA_256: credential}}),
        lambda: "servernonce",
        secret=b"s",
        tokens=TokenChecker(TokenRules(NAME, (AUDIENCE,)), Source(issuer), time.time),
    )


async def ask(streams, api_key, **values):
    reader, writer = streams
    writer.write(encode_request(api_key, 1, 1, "test", build(request_type(api_key, 1), **values)))
    return await answered(reader, api_key)


async def answered(reader, api_key):
    head = await within(reader.readexactly(4))
    return decode_response(api_key, 1, head + await within(reader.readexactly(int.from_bytes(head))))[1]


async def choose(world, port, mechanism):
    streams = await world.connect(port)
    assert (await ask(streams, ApiKey.SASL_HANDSHAKE, mechanism=mechanism)).error_code is ErrorCode.none
    return streams


@pytest.mark.parametrize("mechanism", SLOW)
async def test_while_a_login_is_computed_another_client_comes_in_and_is_served(world, issuer, monkeypatch, mechanism):
    context = Desk(None, sasl=offered(issuer)).context
    port = await world.open(lambda client: Session(context, client))
    gate = Gate(monkeypatch, SLOW[mechanism])
    token = b"\0alice\0pencil" if mechanism == "PLAIN" else b"n,,\x01auth=Bearer %s\x01\x01" % issuer.token().encode()
    slow = await choose(world, port, mechanism)
    slow[1].write(
        encode_request(
            ApiKey.SASL_AUTHENTICATE, 1, 1, "test", build(request_type(ApiKey.SASL_AUTHENTICATE, 1), auth_bytes=token)
        )
    )
    await until(gate.reached.is_set)
    quick = await choose(world, port, SHA_256)
    first = "n,,n=alice,r=abc"
    challenge = (await ask(quick, ApiKey.SASL_AUTHENTICATE, auth_bytes=first.encode())).auth_bytes
    final = prove(first, challenge, "pencil")
    assert (await ask(quick, ApiKey.SASL_AUTHENTICATE, auth_bytes=final)).error_code is ErrorCode.none
    for _ in range(10):
        assert (await ask(quick, ApiKey.API_VERSIONS)).error_code is ErrorCode.none
    assert not gate.open.is_set()
    gate.open.set()
    assert (await answered(slow[0], ApiKey.SASL_AUTHENTICATE)).error_code is ErrorCode.none
    for _, writer in (slow, quick):
        writer.close()
