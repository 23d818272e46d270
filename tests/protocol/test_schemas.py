"""Times that Python's own types cannot hold are plain numbers."""

from __future__ import annotations

from dataclasses import fields

import pytest
from kio.index import load_request_schema, load_response_schema

from protocol.apis import ApiKey, known_versions, original_types, request_type, response_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.splice import Message, decode_response, encode_request, encode_response

LARGEST, SMALLEST = 2**63 - 1, -(2**63)


@pytest.mark.parametrize("time", [-1, 0, LARGEST, SMALLEST])
@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_offset_may_be_kept_for_ever(version: int, time: int) -> None:
    request = build(request_type(ApiKey.OFFSET_COMMIT, version), group_id="g", retention_time=time)
    frame = encode_request(ApiKey.OFFSET_COMMIT, version, 1, None, request)
    message = Message.request(read_request_head(frame), frame)
    assert message.entity == request
    assert message.value("retention_time") == time


@pytest.mark.parametrize("time", [-1, 0, LARGEST])
def test_a_transaction_may_not_have_begun(time: int) -> None:
    answer_type = response_type(ApiKey.DESCRIBE_TRANSACTIONS, 0)
    state = build(item_type(answer_type, "transaction_states"), transactional_id="t", transaction_start_time=time)
    answer = build(answer_type, transaction_states=(state,))
    frame = encode_response(ApiKey.DESCRIBE_TRANSACTIONS, 0, 1, answer)
    assert decode_response(ApiKey.DESCRIBE_TRANSACTIONS, 0, frame) == (1, answer)
    (item,) = Message.response(ApiKey.DESCRIBE_TRANSACTIONS, 0, frame).items("transaction_states")
    assert item.value == state


@pytest.mark.parametrize("api_key", [ApiKey.RENEW_DELEGATION_TOKEN, ApiKey.EXPIRE_DELEGATION_TOKEN])
def test_a_token_that_is_not_there_never_expires(api_key: ApiKey) -> None:
    for version in known_versions(api_key):
        answer = build(response_type(api_key, version), expiry_timestamp=-1)
        assert decode_response(api_key, version, encode_response(api_key, version, 1, answer)) == (1, answer)


@pytest.mark.parametrize("api_key", ApiKey)
def test_a_twin_differs_in_nothing_else(api_key: ApiKey) -> None:
    for version in known_versions(api_key):
        twins = (request_type(api_key, version), response_type(api_key, version))
        for twin, original in zip(twins, original_types(api_key, version), strict=True):
            assert twin.__name__ == original.__name__
            assert twin.__flexible__ == original.__flexible__
            assert twin.__type__ == original.__type__
            assert twin.__header_schema__ is original.__header_schema__
            assert [each.name for each in fields(twin)] == [each.name for each in fields(original)]
            assert [each.metadata.get("tag") for each in fields(twin)] == [
                each.metadata.get("tag") for each in fields(original)
            ]


def test_a_type_without_such_times_is_kios_own() -> None:
    assert request_type(ApiKey.METADATA, 9) is load_request_schema(ApiKey.METADATA, 9)
    assert response_type(ApiKey.PRODUCE, 9) is load_response_schema(ApiKey.PRODUCE, 9)
