"""What the pages of the mechanisms tell people to copy, real clients take: every key, and what it is set to."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import warnings
import zipfile
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from proxy.embedded.java import kafka_jars
from proxy.embedded.jvm import java_command, java_environment, packaged_jvm
from proxy.embedded.pki import CertificateAuthority

with warnings.catch_warnings():
    # kafka-python reads its schemas by a function that newer Pythons call deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import aiokafka
    import kafka

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "authentication").glob("*.md"))
WITH_OWN = [page for page in PAGES if page.stem not in ("ldap", "networks")]
"""The clients of a directory's users are those of PLAIN, and who is known by its network has nothing to set."""


def blocks(page: Path, language: str) -> list[str]:
    clients = page.read_text().split("## Clients\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", clients, re.DOTALL)


def settings(page: Path, which: int) -> dict[str, str]:
    """A block of properties: the first is Java's, the second librdkafka's."""
    lines = blocks(page, "properties")[which].splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for /etc/kafka."""
    folder = tmp_path_factory.mktemp("etc")
    authority = CertificateAuthority.create()
    authority.write_pem(folder / "ca.pem")
    authority.client("orders").write_pem(folder / "orders.pem", folder / "orders.key")
    return folder


def test_every_page_has_settings_for_java_librdkafka_and_python() -> None:
    assert len(WITH_OWN) >= 5
    for page in WITH_OWN:
        assert (len(blocks(page, "properties")), len(blocks(page, "python"))) == (2, 1), page.name
    assert "plain.md#clients" in (PAGES[0].parent / "ldap.md").read_text()


@pytest.mark.parametrize("page", WITH_OWN, ids=lambda page: page.stem)
def test_librdkafka_takes_them(page: Path, files: Path) -> None:
    told = {key: value.replace("/etc/kafka", str(files)) for key, value in settings(page, 1).items()}
    if page.stem == "kerberos":
        assert told.pop("sasl.mechanism") == "GSSAPI"
        told |= {"security.protocol": "PLAINTEXT"}
    confluent_kafka.Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0} | told)


def test_the_wheels_of_confluent_kafka_have_no_kerberos_as_the_page_says() -> None:
    """If this fails they have it now: say so on the page, and here."""
    page = next(page for page in PAGES if page.stem == "kerberos")
    assert "the wheels of confluent-kafka" in page.read_text()
    with pytest.raises(confluent_kafka.KafkaException, match="No provider for SASL mechanism GSSAPI"):
        confluent_kafka.Producer(settings(page, 1))


def keywords(text: str) -> set[str]:
    """The keys of the one client that a piece of Python makes."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    (made,) = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "AIOKafkaProducer"]
    return {str(keyword.arg) for keyword in made.keywords}


# It would want to have the system's Kerberos at once.
@pytest.mark.parametrize("page", [page for page in WITH_OWN if page.stem != "kerberos"], ids=lambda page: page.stem)
async def test_aiokafka_takes_them(page: Path, files: Path) -> None:
    """The text itself is run, up to the connection."""
    (text,) = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(text.replace("/etc/kafka", str(files)), names)
    producer = names["producer"]
    assert isinstance(producer, aiokafka.AIOKafkaProducer)
    await producer.stop()


@pytest.mark.parametrize("page", WITH_OWN, ids=lambda page: page.stem)
def test_kafka_python_takes_the_same_keys(page: Path) -> None:
    (text,) = blocks(page, "python")
    assert keywords(text) <= set(kafka.KafkaProducer.DEFAULT_CONFIG)
    assert keywords(text) <= set(inspect.signature(aiokafka.AIOKafkaProducer).parameters)


@pytest.mark.kafka
def test_java_takes_them_and_has_the_classes_that_they_name() -> None:
    jars = kafka_jars("4.1.0")
    command = java_command(packaged_jvm(64), jars, "org.apache.kafka.clients.producer.ProducerConfig", [])
    done = subprocess.run(command, capture_output=True, text=True, env=java_environment(), check=True)
    known = set(re.findall(r'id="(?:producerconfigs_)?([\w.]+)"', done.stdout))
    assert "bootstrap.servers" in known
    classes = set()
    for jar in Path(jars.class_path).parent.glob("*.jar"):
        with zipfile.ZipFile(jar) as archive:
            classes |= {name.removesuffix(".class").replace("/", ".") for name in archive.namelist()}
    for page in WITH_OWN:
        told = settings(page, 0)
        assert set(told) <= known, page.name
        named = re.findall(r"org\.apache\.kafka\.[\w.]+", " ".join(told.values()))
        assert set(named) <= classes, page.name
