"""As much of HTTP/1.1 as probes, scrapers and browsers need to read a few resources; h11 does the protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, cast

import h11

_IDLE_S: Final = 75.0
_MOST_CONNECTIONS: Final = 256
_READING: Final = (b"GET", b"HEAD")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a resource gives: its body, what that is, and further headers."""

    body: bytes
    content_type: str
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


Resource = Callable[[Mapping[str, str]], Answer]
"""Gives the answer to a request with these headers, of which the names are in lower case."""


def json_answer(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Give a value as JSON."""
    return Answer(json.dumps(value).encode(), "application/json", status)


class HttpServer:
    """Serves ``resources`` by their paths, to those who only read."""

    def __init__(self, resources: Mapping[str, Resource]) -> None:
        self._resources = resources
        self._server: asyncio.Server | None = None
        self._open: set[_Conversation] = set()

    async def start(self, bind: tuple[str, int]) -> int:
        """Listen, and give the port.

        :raises OSError: if the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Conversation(self), *bind)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening, and close what is open."""
        if self._server is not None:
            self._server.close()
            for conversation in tuple(self._open):
                conversation.close()
            await self._server.wait_closed()

    def enter(self, conversation: _Conversation) -> bool:
        """Count a connection in; False if there are too many."""
        if len(self._open) >= _MOST_CONNECTIONS:
            return False
        self._open.add(conversation)
        return True

    def leave(self, conversation: _Conversation) -> None:
        """Count a connection out."""
        self._open.discard(conversation)

    def answer(self, request: h11.Request) -> Answer:
        """Answer a request."""
        path = request.target.partition(b"?")[0].decode("latin-1")
        resource = self._resources.get(path)
        if resource is None:
            return _plain(HTTPStatus.NOT_FOUND)
        if request.method not in _READING:
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD")
        return resource({name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers})


class _Conversation(asyncio.Protocol):
    """One connection. Who says nothing for a while is not listened to any more."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        if self._server.enter(self):
            self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self.close)
        else:
            transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._server.leave(self)
        if self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        """Say no more."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            self._talk()
        except h11.RemoteProtocolError as error:
            if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self._send(_plain(HTTPStatus(error.error_status_hint)), with_body=True)
            self.close()

    def _talk(self) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA or self._transport.is_closing():
                return
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.EndOfMessage):
                self._reply()
            elif isinstance(event, h11.ConnectionClosed):
                self.close()

    def _reply(self) -> None:
        assert self._request is not None
        self._send(self._server.answer(self._request), with_body=self._request.method != b"HEAD")
        if self._http.our_state is h11.MUST_CLOSE:
            self.close()
        else:
            self._http.start_next_cycle()
            self._wait_anew()

    def _wait_anew(self) -> None:
        assert self._idle is not None
        self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self.close)

    def _send(self, answer: Answer, *, with_body: bool) -> None:
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            *answer.headers.items(),
        ]
        head = h11.Response(status_code=answer.status, headers=headers, reason=answer.status.phrase)
        pieces = [self._http.send(head)]
        if with_body:
            pieces.append(self._http.send(h11.Data(data=answer.body)))
        pieces.append(self._http.send(h11.EndOfMessage()))
        self._transport.write(b"".join(piece for piece in pieces if piece))


def _plain(status: HTTPStatus, **headers: str) -> Answer:
    return Answer(f"{status.value} {status.phrase}\n".encode(), "text/plain; charset=utf-8", status, headers)
