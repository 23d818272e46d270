"""Many clients at once, each with a connection of its own: they send requests that are allowed, and note all else."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type
from protocol.splice import decode_response, encode_request
from proxy.authentication.credentials import ScramMechanism, random_text
from proxy.embedded.network import LOOPBACK
from proxy.upstream.scram import ScramClient, ScramSecret
from tests.integration.door import ENOUGH_S
from tests.integration.wire import fetch_values, fill, produce_values

_PAUSE_S = 0.25
_FETCH, _PRODUCE, _METADATA = 4, 3, 1


@dataclass
class Member:
    """One client. ``served`` is set when a request was answered well, ``ended`` when its connection was closed."""

    name: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    served: asyncio.Event = field(default_factory=asyncio.Event)
    refused: list[Any] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def connect(cls, name: str, port: int, tls: ssl.SSLContext) -> Member:
        """Shake hands; whoever logs in does so next."""
        reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=tls, server_hostname=LOOPBACK)
        return cls(name, reader, writer)

    @property
    def shown(self) -> bytes:
        """The certificate of the server (DER)."""
        certificate: bytes = self.writer.get_extra_info("ssl_object").getpeercert(True)
        return certificate

    async def ask(self, api_key: ApiKey, version: int, **values: Any) -> Any:
        """Send a request and give its answer.

        :raises ConnectionError: if the connection is closed.
        """
        body = fill(request_type(api_key, version), values)
        self.writer.write(encode_request(api_key, version, 1, self.name, body))
        try:
            length = await self.reader.readexactly(4)
            frame = length + await self.reader.readexactly(int.from_bytes(length, "big"))
        except asyncio.IncompleteReadError as end:
            raise ConnectionResetError("closed") from end
        return decode_response(api_key, version, frame)[1]

    async def log_in(self, secret: ScramSecret) -> None:
        """Authenticate with SCRAM."""
        client = ScramClient(secret, lambda: random_text(secrets.randbits))
        await self.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism=client.name)
        token: bytes | None = client.first()
        while token is not None:
            answer = await self.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=token)
            assert answer.error_code == ErrorCode.none, answer.error_message
            token = client.respond(answer.auth_bytes)

    async def work(self, topic: str) -> None:
        """Write, read and look around until the connection is closed."""
        requests = (
            (ApiKey.PRODUCE, _PRODUCE, produce_values({topic: b"x"})),
            (ApiKey.FETCH, _FETCH, fetch_values(topic)),
            (ApiKey.METADATA, _METADATA, {"topics": [{"name": topic}]}),
        )
        try:
            while True:
                for api_key, version, values in requests:
                    error = _error(await self.ask(api_key, version, **values))
                    if error == ErrorCode.none:
                        self.served.set()
                    else:
                        self.refused.append((api_key, error))
                    await asyncio.sleep(_PAUSE_S)
        except ConnectionError:
            self.ended.set()


async def served_once_more(members: Iterable[Member]) -> None:
    """Wait until everybody of them who is still there is served again."""
    here = [member for member in members if not member.ended.is_set()]
    for member in here:
        member.served.clear()
    async with asyncio.timeout(ENOUGH_S):
        for member in here:
            await member.served.wait()


async def gone(members: Iterable[Member]) -> None:
    """Wait until the connections of all of them are closed."""
    async with asyncio.timeout(ENOUGH_S):
        for member in members:
            await member.ended.wait()


def scram_secret(user: str, password: str) -> ScramSecret:
    """For :meth:`Member.log_in`; those who share it hash the password once."""
    return ScramSecret(ScramMechanism.SHA_256, user, password)


def _error(answer: Any) -> ErrorCode:
    if hasattr(answer, "responses"):
        (partition,) = getattr(answer.responses[0], "partition_responses", None) or answer.responses[0].partitions
        return ErrorCode(partition.error_code)
    return ErrorCode(answer.topics[0].error_code)
