"""Free ports on the loopback interface, and the question whether a broker answers there."""

import random
import socket
import struct
from collections import deque

LOOPBACK = "127.0.0.1"

# Under the range from which Linux takes ports for outgoing connections: a broker that restarts finds its port free.
_FIRST_PORT, _LAST_PORT = 20000, 32000
# Nobody listens yet on a port that has just been given, so it looks free to the next who asks.
_just_given: deque[int] = deque(maxlen=1000)
_METADATA = 3
_CONNECT_TIMEOUT_S = 1.0
_ANSWER_TIMEOUT_S = 3.0


def free_port() -> int:
    """Give a port on the loopback interface on which nobody listens.

    :raises OSError: if there is none.
    """
    return free_range(1)


def free_range(count: int) -> int:
    """Give the first of so many ports in a row on which nobody listens and which have not just been given.

    :raises OSError: if there are none.
    """
    for _ in range(1000):
        first = random.randint(_FIRST_PORT, _LAST_PORT)  # noqa: S311 - no secret
        ports = range(first, first + count)
        if all(port not in _just_given and is_free(port) for port in ports):
            _just_given.extend(ports)
            return first
    raise OSError("no free port on the loopback interface")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of the loopback interface."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def ask_word(port: int, word: bytes) -> bytes:
    """Send one of ZooKeeper's four-letter words; the answer is empty if nobody answers."""
    try:
        with socket.create_connection((LOOPBACK, port), _CONNECT_TIMEOUT_S) as connection:
            connection.sendall(word)
            return b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return b""


def brokers_known_at(port: int, metadata_version: int) -> frozenset[int] | None:
    """Ask a broker which brokers it knows; None if it does not answer.

    :param metadata_version: 0 or 4 of Kafka's Metadata request.
    """
    body = struct.pack(">i", 0) if metadata_version == 0 else struct.pack(">i?", 0, False)
    header = struct.pack(">hhih", _METADATA, metadata_version, 0, -1)
    try:
        with socket.create_connection((LOOPBACK, port), _CONNECT_TIMEOUT_S) as connection:
            connection.settimeout(_ANSWER_TIMEOUT_S)
            connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
            (length,) = struct.unpack(">i", _exactly(connection, 4))
            return _broker_ids(_exactly(connection, length), metadata_version)
    except (OSError, struct.error):
        return None


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise ConnectionError("closed in the middle of an answer")
        data += chunk
    return data


def _broker_ids(answer: bytes, metadata_version: int) -> frozenset[int]:
    # The correlation id and, from version 3 on, the throttle time come first.
    offset = 4 if metadata_version == 0 else 8
    (count,) = struct.unpack_from(">i", answer, offset)
    offset += 4
    ids: set[int] = set()
    for _ in range(count):
        node_id, host_length = struct.unpack_from(">ih", answer, offset)
        ids.add(node_id)
        offset += 6 + host_length + 4
        if metadata_version > 0:
            (rack_length,) = struct.unpack_from(">h", answer, offset)
            offset += 2 + max(rack_length, 0)
    return frozenset(ids)
