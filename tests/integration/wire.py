"""A client that sends exactly what a test says, and shows the very bytes of the answers."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from protocol.apis import ApiKey, known_versions, request_type
from protocol.codec import build, has_field, item_type
from protocol.splice import decode_response, encode_request
from protocol.versions import broker_ranges
from proxy.embedded.network import LOOPBACK
from tests.integration.door import ENOUGH_S, Door

_LAST_BY_NAME = {ApiKey.PRODUCE: 12, ApiKey.FETCH: 12, ApiKey.OFFSET_COMMIT: 9, ApiKey.OFFSET_FETCH: 9}


class Wire:
    """One connection, to a doorkeeper or straight to a broker; `source` is the address that it comes from."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, source: str = LOOPBACK) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), ENOUGH_S, (source, 0))
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=LOOPBACK)
        self._correlation_id = 0
        self._ranges: dict[int, range] = {}
        self.answer_bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave: the other side sees a FIN."""
        self._socket.close()

    def give_up_after(self, seconds: float) -> None:
        """Wait no longer than this for an answer."""
        self._socket.settimeout(seconds)

    def send_bytes(self, data: bytes) -> None:
        """Send anything at all."""
        self._socket.sendall(data)

    def send(self, api_key: ApiKey, version: int, entity: Any = None, **values: Any) -> int:
        """Send a request and do not wait for its answer; gives its correlation id."""
        self._correlation_id += 1
        body = entity or fill(request_type(api_key, version), values)
        self.send_bytes(encode_request(api_key, version, self._correlation_id, "wire", body))
        return self._correlation_id

    def receive(self, api_key: ApiKey, version: int) -> tuple[int, Any]:
        """The next answer and its correlation id; `answer_bytes` keeps its frame.

        :raises ConnectionError: if there is none: the connection was closed.
        """
        length = self.receive_bytes(4)
        self.answer_bytes = length + self.receive_bytes(int.from_bytes(length, "big"))
        return decode_response(api_key, version, self.answer_bytes)

    def receive_bytes(self, count: int) -> bytes:
        """So many bytes, no fewer.

        :raises ConnectionError: if the connection was closed before.
        """
        data = b""
        while len(data) < count:
            if not (chunk := self._socket.recv(count - len(data))):
                raise ConnectionError(f"closed after {len(data)} of {count} bytes")
            data += chunk
        return data

    def ask(self, api_key: ApiKey, version: int, entity: Any = None, **values: Any) -> Any:
        """Send a request and give its answer."""
        sent = self.send(api_key, version, entity, **values)
        answered, answer = self.receive(api_key, version)
        assert answered == sent
        return answer

    def is_closed(self) -> bool:
        """Whether the other side closes without another byte, as soon as it does one of the two."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True

    def log_in(self, user: str, password: str) -> Any:
        """Authenticate with PLAIN; gives the answer to the password."""
        self.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
        return self.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=f"\0{user}\0{password}".encode())

    def offered(self) -> dict[int, range]:
        """The versions that the other side offers, of the APIs that we know too."""
        if not self._ranges:
            self._ranges = broker_ranges(self.ask(ApiKey.API_VERSIONS, 0))
        return self._ranges

    def versions(self, api_key: ApiKey) -> range:
        """The versions of an API that can be spoken here; empty if it is not offered."""
        theirs, ours = self.offered().get(api_key, range(0)), known_versions(api_key)
        return range(max(theirs.start, ours.start), min(theirs.stop, ours.stop))

    def newest(self, api_key: ApiKey) -> int:
        """The newest version of an API that can be spoken here and that names topics by their names."""
        return min(self.versions(api_key)[-1], _LAST_BY_NAME.get(api_key, self.versions(api_key)[-1]))


def wire(door: Door, user: str | None, listener: str = "sasl_plaintext", node_id: int = 0) -> Wire:
    """A connection through the doorkeeper to a broker (0: to any), authenticated unless `user` is None."""
    tls = None
    if listener != "sasl_plaintext":
        tls = ssl.create_default_context(cafile=str(door.directory / "ca.pem"))
        if user is not None and not listener.startswith("sasl"):
            tls.load_cert_chain(door.directory / f"{user}.pem", door.directory / f"{user}.key")
    made = Wire(door.ports[listener] + node_id, tls)
    if user is not None and listener.startswith("sasl"):
        assert made.log_in(user, f"{user}-password").error_message is None
    return made


def fill(entity_type: type[Any], values: dict[str, Any]) -> Any:
    """A message from plain values: {} is an entity, [] an array; what a version does not have is left out."""
    known = {name: value for name, value in values.items() if has_field(entity_type, name)}
    return build(entity_type, **{name: _value(entity_type, name, value) for name, value in known.items()})


def _value(entity_type: type[Any], name: str, value: Any) -> Any:
    if isinstance(value, list):
        inner = item_type(entity_type, name)
        return tuple(fill(inner, item) if isinstance(item, dict) else item for item in value)
    return value


def record_batch(*values: bytes) -> bytes:
    """One batch with these records, uncompressed."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    now = int(time.time() * 1000)
    for offset, value in enumerate(values):
        builder.append(offset, now, None, value, [])
    return bytes(builder.build())


def produce_values(topics: dict[str, bytes], *, acks: int = -1, partition: int = 0) -> dict[str, Any]:
    """The values of a Produce that writes one record to each topic."""
    data = [
        {"name": name, "partition_data": [{"index": partition, "records": record_batch(value)}]}
        for name, value in topics.items()
    ]
    return {"acks": acks, "timeout": timedelta(seconds=30), "topic_data": data}


def fetch_values(*topics: str | UUID, partition: int = 0, offset: int = 0, wait_ms: int = 0) -> dict[str, Any]:
    """The values of a Fetch without a fetch session."""
    one = {"partition": partition, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
    named = [{"topic": topic, "topic_id": topic, "partitions": [one]} for topic in topics]
    return {
        "replica_id": -1,
        "max_wait": timedelta(milliseconds=wait_ms),
        "min_bytes": 1,
        "max_bytes": 1 << 20,
        "topics": named,
    }
