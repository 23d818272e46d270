"""The clients of the quickstart and what each of them tries, with confluent-kafka (an optional extra)."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from policies.document import load_policy
from policies.explain import explain
from policies.model import Operation, Principal, ResourceType
from proxy.embedded.errors import EmbeddedError
from proxy.embedded.network import LOOPBACK
from proxy.quickstart.scene import Outcome, Scene
from proxy.quickstart.site import GROUP, TOPIC, Site

_PATIENCE_S = 20.0
_ATTEMPT_S = 0.5
_ORDERS = (b"one tea", b"two coffees", b"three cakes")

Settings = Mapping[str, str]


def create_topic(broker: str) -> None:
    """Create the topic at the broker itself, past the doorkeeper, if it is not there.

    :raises EmbeddedError: if the broker does not do it.
    """
    admin = AdminClient({"bootstrap.servers": broker, "log_level": "0"})
    try:
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(_PATIENCE_S)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise EmbeddedError(f"cannot create the topic {TOPIC}: {error.args[0].str()}") from error


def scenes(site: Site) -> Iterator[Scene]:
    """Give the attempts in an order in which each stands on those before."""
    alice, bob = (site.librdkafka_settings(user) for user in ("alice", "bob"))
    stranger = {key: value for key, value in alice.items() if not key.startswith("sasl.")}
    stranger["security.protocol"] = "SSL"
    impostor = {**alice, "sasl.password": "guessed"}

    def why(user: str, operation: Operation) -> Callable[[], str]:
        return lambda: _why(site, user, operation)

    yield Scene("alice writes to orders", lambda: _writes(alice), why("alice", Operation.WRITE))
    yield Scene("alice reads orders", lambda: _reads(alice, "alice"), why("alice", Operation.READ))
    yield Scene("bob reads orders", lambda: _reads(bob, "bob"), why("bob", Operation.READ))
    yield Scene("bob may not write to orders", lambda: _may_not_write(bob), why("bob", Operation.WRITE))
    yield Scene("a client with a wrong password is refused", lambda: _is_refused(impostor))
    yield Scene("a client that does not say who it is is refused", lambda: _is_refused(stranger))


def _writes(settings: Settings) -> Outcome:
    errors = _produce(settings)
    if errors:
        return Outcome(False, str(errors[0]))
    return Outcome(True, f"{len(_ORDERS)} messages written")


def _may_not_write(settings: Settings) -> Outcome:
    errors = _produce(settings)
    if not errors:
        return Outcome(False, "the messages were taken")
    refused = all(error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED for error in errors)
    return Outcome(refused, f"{errors[0].name()}: {errors[0].str()}")


def _produce(settings: Settings) -> list[KafkaError]:
    errors: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            errors.append(error)

    producer = Producer({**settings, "log_level": "0", "message.timeout.ms": str(int(_PATIENCE_S * 1000))})
    for order in _ORDERS:
        producer.produce(TOPIC, order, on_delivery=delivered)
    producer.flush(_PATIENCE_S)
    return errors


def _reads(settings: Settings, user: str) -> Outcome:
    """Read as one of a group of its own for each start, so that the first message is seen every time."""
    group = f"{GROUP}-{user}-{int(time.time())}"
    consumer = Consumer({**settings, "log_level": "0", "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([TOPIC])
    deadline = time.monotonic() + _PATIENCE_S
    values: list[bytes | None] = []
    try:
        while len(values) < len(_ORDERS) and time.monotonic() < deadline:
            message = consumer.poll(1.0)
            error = message.error() if message is not None else None
            if error is not None:
                return Outcome(False, f"{error.name()}: {error.str()}")
            if message is not None:
                values.append(message.value())
    finally:
        consumer.close()
    words = ", ".join(value.decode() for value in values if value is not None)
    return Outcome(tuple(values) == _ORDERS, words or "nothing came")


def _is_refused(settings: Settings) -> Outcome:
    """Ask for metadata until the client is told that it is refused; an answer that only stays away is no refusal."""
    words: list[str] = []
    configuration: dict[str, Any] = {**settings, "log_level": "0"}
    configuration["error_cb"] = lambda error: words.append(_in_words(error))
    client = Producer(configuration)
    deadline = time.monotonic() + _PATIENCE_S
    while not words and time.monotonic() < deadline:
        try:
            metadata = client.list_topics(timeout=_ATTEMPT_S)
        except KafkaException:
            client.poll(0)
        else:
            return Outcome(False, f"it was told of {len(metadata.topics)} topics")
    return Outcome(bool(words), words[0] if words else "it got no answer at all")


def _in_words(error: KafkaError) -> str:
    # What librdkafka says to a connection that is closed before any answer came.
    is_closed = error.code() == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - public in spite of its name
    return "its connection is closed" if is_closed else error.str()


def _why(site: Site, user: str, operation: Operation) -> str:
    """Ask what `doorkeeper policy why` asks."""
    document = load_policy(site.policy.read_text(), site.policy.name)
    return str(explain(document, Principal("User", user), LOOPBACK, operation, ResourceType.TOPIC, TOPIC))
