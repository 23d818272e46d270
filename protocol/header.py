"""Request and response headers. Frames are whole: the four bytes of their length come first."""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple

from protocol.apis import has_flexible_request_header, has_flexible_response_header
from protocol.errors import MalformedFrame
from protocol.layout import Buffer, read_uvarint

LENGTH_PREFIX: Final = 4
REQUEST_PREFIX: Final = Struct(">ihhih")
"""Length, API key, API version, correlation id, length of the client id."""
CORRELATION: Final = Struct(">ii")
"""Length, correlation id: the beginning of every response frame."""
_CLIENT_ID_LENGTH: Final = Struct(">h")


class RequestHead(NamedTuple):
    """What a request says about itself before its body.

    ``body`` is the position of the body in the frame (its length prefix included).
    """

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    body: int


def peek_api(frame: Buffer) -> tuple[int, int, int]:
    """API key, version and correlation id of a request frame.

    :raises MalformedFrame: if the frame is too short to be a request.
    """
    try:
        _, api_key, version, correlation_id, _ = REQUEST_PREFIX.unpack_from(frame)
    except struct_error as fault:
        raise MalformedFrame("a request is too short for its header") from fault
    return api_key, version, correlation_id


def read_request_head(frame: Buffer) -> RequestHead:
    """Read the header of a request (header version 1 or 2; the client id is always an old-style string).

    :raises UnsupportedApi: if we hold no schema for its API and version.
    :raises MalformedFrame: if it is cut short.
    """
    try:
        _, api_key, version, correlation_id, length = REQUEST_PREFIX.unpack_from(frame)
        body = REQUEST_PREFIX.size + max(length, 0)
        if length < -1 or body > len(frame):
            raise MalformedFrame("the client id does not fit into the request")
        client_id = None if length < 0 else str(frame[REQUEST_PREFIX.size : body], "utf-8", "replace")
        if has_flexible_request_header(api_key, version):
            body = _skip_tags(frame, body)
    except (struct_error, IndexError) as fault:
        raise MalformedFrame("a request is too short for its header") from fault
    return RequestHead(api_key, version, correlation_id, client_id, body)


def has_plain_header(frame: Buffer, body: int) -> bool:
    """Whether the header of a request that ends in tagged fields has none."""
    length: int = _CLIENT_ID_LENGTH.unpack_from(frame, REQUEST_PREFIX.size - _CLIENT_ID_LENGTH.size)[0]
    return body == REQUEST_PREFIX.size + max(length, 0) + 1


def request_header(api_key: int, version: int, correlation_id: int, client_id: str | None) -> bytes:
    """A request header without the length prefix."""
    name = b"" if client_id is None else client_id.encode()
    length = -1 if client_id is None else len(name)
    head = REQUEST_PREFIX.pack(0, api_key, version, correlation_id, length)[LENGTH_PREFIX:] + name
    return head + b"\0" if has_flexible_request_header(api_key, version) else head


def response_header(api_key: int, version: int, correlation_id: int) -> bytes:
    """A response header without the length prefix."""
    head = CORRELATION.pack(0, correlation_id)[LENGTH_PREFIX:]
    return head + b"\0" if has_flexible_response_header(api_key, version) else head


def response_body(api_key: int, version: int, frame: Buffer) -> int:
    """The position of the body in a whole response frame.

    :raises MalformedFrame: if the frame is too short for its header.
    """
    try:
        position = CORRELATION.size
        return _skip_tags(frame, position) if has_flexible_response_header(api_key, version) else position
    except IndexError as fault:
        raise MalformedFrame("a response is too short for its header") from fault


def _skip_tags(frame: Buffer, position: int) -> int:
    count, position = read_uvarint(frame, position)
    for _ in range(count):
        _, position = read_uvarint(frame, position)
        size, position = read_uvarint(frame, position)
        position += size
    if position > len(frame):
        raise MalformedFrame("the tagged fields of a header do not fit into the frame")
    return position
