"""A doorkeeper in a process of its own that asks for passwords, and clients that tell theirs."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from protocol.splice import decode_response, encode_request
from proxy.authentication.users_file import add_user
from tests.supervisor.test_run import CONFIG, Running, frame
from tests.transport.support import within

PASSWORD = "alice-secret"
MECHANISMS = "SCRAM-SHA-256, PLAIN"


class Guarded(Running):
    """A doorkeeper that knows alice. `sasl` are further settings of its listener's `sasl`, `limits` of its limits."""

    def __init__(self, folder: Path, *, sasl: str = "", limits: str = "") -> None:
        super().__init__(folder)
        self.config = CONFIG.replace(
            "security_protocol: PLAINTEXT\n",
            f"security_protocol: SASL_PLAINTEXT\n    sasl: {{{{mechanisms: [{MECHANISMS}]{sasl}}}}}\n",
        ).replace("limits: {{", f"users: users.yaml\nlimits: {{{{{limits}")
        add_user(folder / "users.yaml", "alice", PASSWORD, secrets.randbits, iterations=4_096)


class Stranger:
    """One connection of a client that is not known yet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def at(cls, door: Running) -> Stranger:
        """Connect."""
        return cls(*await door.client())

    async def ask(self, api_key: ApiKey, version: int, **values: Any) -> Any:
        """Send a request and give its answer.

        :raises asyncio.IncompleteReadError, ConnectionError: the connection was closed instead.
        """
        body = build(request_type(api_key, version), **values)
        self.writer.write(encode_request(api_key, version, 1, "stranger", body))
        return decode_response(api_key, version, await frame(self.reader))[1]

    async def choose(self, mechanism: str) -> None:
        """Shake hands."""
        await self.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism=mechanism)

    async def say(self, token: bytes) -> Any:
        """Send a token and give the answer to it."""
        return await self.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=token)

    async def log_in(self, password: str = PASSWORD, user: str = "alice") -> Any:
        """Tell the password; gives the answer to it."""
        await self.choose("PLAIN")
        return await self.say(f"\0{user}\0{password}".encode())

    async def ask_versions(self) -> Any:
        """What is served: asked and answered before and after authentication."""
        return await self.ask(ApiKey.API_VERSIONS, 1)

    async def closed(self) -> bool:
        """Whether the other side closes without another byte, as soon as it does one of the two."""
        try:
            return await within(self.reader.read(1)) == b""
        except ConnectionError:
            return True

    def leave(self) -> None:
        """Close."""
        self.writer.close()
