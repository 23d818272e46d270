"""The headers of requests and responses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.apis import (
    ApiKey,
    has_flexible_request_header,
    has_flexible_response_header,
    known_versions,
)
from protocol.errors import MalformedFrame, UnsupportedApi
from protocol.header import (
    RequestHead,
    has_plain_header,
    peek_api,
    read_request_head,
    request_header,
    response_body,
    response_header,
)

EVERY_VERSION = [(api_key, version) for api_key in ApiKey for version in known_versions(api_key)]
every_version = pytest.mark.parametrize(("api_key", "version"), EVERY_VERSION)
BODY = b"body"


def framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


@every_version
@pytest.mark.parametrize("client_id", [None, "", "client", "é" * 40])
def test_a_request_header_is_read_as_it_was_written(api_key: ApiKey, version: int, client_id: str | None) -> None:
    frame = framed(request_header(api_key, version, -9, client_id) + BODY)
    assert read_request_head(frame) == RequestHead(api_key, version, -9, client_id, len(frame) - len(BODY))
    assert peek_api(frame) == (api_key, version, -9)


@every_version
def test_a_request_header_ends_in_tagged_fields_where_the_version_is_flexible(api_key: ApiKey, version: int) -> None:
    fixed = 2 + 2 + 4 + 2
    assert len(request_header(api_key, version, 1, None)) == fixed + has_flexible_request_header(api_key, version)


@every_version
def test_a_response_header_ends_in_tagged_fields_except_for_api_versions(api_key: ApiKey, version: int) -> None:
    """Whoever asks for ApiVersions cannot know which version answers (KIP-511)."""
    header = response_header(api_key, version, 5)
    flexible = has_flexible_response_header(api_key, version)
    assert header == b"\0\0\0\5" + b"\0" * flexible
    assert response_body(api_key, version, framed(header + BODY)) == 4 + len(header)
    if api_key == ApiKey.API_VERSIONS:
        assert not flexible
    else:
        assert flexible == has_flexible_request_header(api_key, version)


@every_version
def test_a_request_header_cut_short_is_malformed(api_key: ApiKey, version: int) -> None:
    frame = framed(request_header(api_key, version, 1, "client"))
    for end in range(len(frame)):
        with pytest.raises(MalformedFrame):
            read_request_head(frame[:end])


@pytest.mark.parametrize("length", [-2, -32768, 7, 32767])
def test_a_client_id_that_cannot_be_is_malformed(length: int) -> None:
    frame = bytearray(framed(request_header(ApiKey.METADATA, 1, 1, "client")))
    frame[12:14] = length.to_bytes(2, "big", signed=True)
    with pytest.raises(MalformedFrame):
        read_request_head(bytes(frame))


def test_a_client_id_that_is_not_utf8_is_read_as_kafka_reads_it() -> None:
    frame = framed(request_header(ApiKey.METADATA, 1, 1, "ab")).replace(b"ab", b"a\xff")
    assert read_request_head(frame).client_id == "a�"


def test_tagged_fields_of_a_request_header_are_skipped() -> None:
    header = request_header(ApiKey.METADATA, 9, 1, "client")
    frame = framed(header[:-1] + b"\x02\x00\x03abc\x80\x01\x00" + BODY)
    head = read_request_head(frame)
    assert frame[head.body :] == BODY
    assert not has_plain_header(frame, head.body)


@pytest.mark.parametrize("client_id", [None, "", "client"])
def test_a_header_without_tagged_fields_is_plain(client_id: str | None) -> None:
    frame = framed(request_header(ApiKey.METADATA, 9, 1, client_id) + BODY)
    assert has_plain_header(frame, read_request_head(frame).body)


@pytest.mark.parametrize(
    "tags",
    [b"\x01", b"\x01\x00", b"\x01\x00\x05abcd", b"\xff\xff\xff\xff\x0f", b"\x01\x00\xff\xff\xff\xff\x0f", b"\xff" * 6],
)
def test_tagged_fields_that_leave_the_frame_are_malformed(tags: bytes) -> None:
    with pytest.raises(MalformedFrame):
        read_request_head(framed(request_header(ApiKey.METADATA, 9, 1, "client")[:-1] + tags))
    with pytest.raises(MalformedFrame):
        response_body(ApiKey.METADATA, 9, framed(b"\0\0\0\1" + tags))


@pytest.mark.parametrize(
    ("api_key", "version"),
    [
        (10000, 0),
        (-1, 0),
        (ApiKey.METADATA, -1),
        (ApiKey.METADATA, known_versions(ApiKey.METADATA).stop),
        (ApiKey.LEADER_AND_ISR, 0),
    ],
)
def test_an_api_or_version_without_schema_is_unsupported(api_key: int, version: int) -> None:
    frame = api_key.to_bytes(2, "big", signed=True) + version.to_bytes(2, "big", signed=True) + b"\0\0\0\1\xff\xff"
    with pytest.raises(UnsupportedApi):
        read_request_head(framed(frame))
    assert peek_api(framed(frame)) == (api_key, version, 1)


@given(frame=st.binary(max_size=13))
def test_a_frame_too_short_for_any_header_is_malformed(frame: bytes) -> None:
    with pytest.raises(MalformedFrame):
        peek_api(frame)
    with pytest.raises(MalformedFrame):
        read_request_head(frame)
