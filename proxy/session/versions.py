"""What a client is told of API versions: the broker's, cut to what is judged here."""

from __future__ import annotations

from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, response_type
from protocol.codec import build
from protocol.header import peek_api, read_request_head
from protocol.layout import Buffer
from protocol.splice import Message, encode_response
from protocol.versions import (
    api_versions_answer,
    is_valid_client_software,
    offered,
    unsupported_version_answer,
)
from proxy.addressing.topology import VersionFacts
from proxy.enforcement.table import JUDGED

_OWN: Final = {
    int(key): known_versions(key) for key in (ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE)
}
"""Answered here, whatever the broker has."""


class OfferedVersions:
    """The API versions of one broker as they are offered to clients."""

    def __init__(self, facts: VersionFacts) -> None:
        self._broker: Any | None = facts.response
        self.broker = dict(facts.ranges)
        self.offered: dict[int, range] = offered(self.broker, JUDGED) | _OWN

    def answer(self, frame: Buffer) -> bytes:
        """The answer to an ApiVersions request.

        :raises MalformedFrame: if it cannot be read; a version that nobody knows is no such fault (KIP-35).
        """
        api_key, version, correlation_id = peek_api(frame)
        if version not in known_versions(ApiKey.API_VERSIONS):
            return encode_response(api_key, 0, correlation_id, unsupported_version_answer())
        request = Message.request(read_request_head(frame), frame).entity
        if not is_valid_client_software(request):
            answer = build(response_type(api_key, version), error_code=ErrorCode.invalid_request)
        else:
            answer = api_versions_answer(version, self.offered, self._broker)
        return encode_response(api_key, version, correlation_id, answer)
