"""What can be wrong with bytes, and Kafka's own sentences for its error codes.

::

    ProtocolError
    ├── MalformedFrame        bytes that Kafka's protocol cannot mean
    ├── FrameTooLarge         a length prefix beyond the limit in force
    │   └── ProxyHeader       no length at all: the header of the PROXY protocol
    └── UnsupportedApi        an API key or version that we have no schema for
"""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode


class ProtocolError(Exception):
    """The peer sent something that cannot be served; the connection cannot go on."""


class MalformedFrame(ProtocolError):
    """The bytes are not a message of the announced API and version."""


class FrameTooLarge(ProtocolError):
    """A frame announces more bytes than its sender may send at this point."""


class ProxyHeader(FrameTooLarge):
    """What comes is no frame but a header of the PROXY protocol, from a peer that may send none."""


class UnsupportedApi(ProtocolError):
    """No schema is known for this API key and version."""


SENTENCES: Final[dict[ErrorCode, str]] = {
    ErrorCode.topic_authorization_failed: "Topic authorization failed.",
    ErrorCode.group_authorization_failed: "Group authorization failed.",
    ErrorCode.cluster_authorization_failed: "Cluster authorization failed.",
    ErrorCode.transactional_id_authorization_failed: "Transactional Id authorization failed.",
    ErrorCode.delegation_token_authorization_failed: "Delegation Token authorization failed.",
    ErrorCode.unknown_topic_or_partition: "This server does not host this topic-partition.",
    ErrorCode.unknown_topic_id: "This server does not host this topic ID.",
    ErrorCode.unsupported_version: "The version of API is not supported.",
    ErrorCode.invalid_request: (
        "This most likely occurs because of a request being malformed by the client library or the message was sent "
        "to an incompatible broker. See the broker logs for more details."
    ),
}
"""The sentence that Kafka's ``Errors`` enumeration attaches to a code, as a client shows it."""


def sentence(error: ErrorCode) -> str | None:
    """Kafka's standard sentence for an error code, if it is one that we ever answer with."""
    return SENTENCES.get(error)
