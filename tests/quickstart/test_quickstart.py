"""The first thing that a newcomer runs does what it says."""

import shlex
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from policies.document import load_policy
from policies.model import AccessRequest, Operation, Principal, ResourceType
from proxy.config import load_config
from proxy.quickstart import main
from proxy.quickstart.site import Site
from tests.json_lines import records

DOORKEEPER = [sys.executable, "-c", "import sys; from proxy.cli import main; sys.exit(main())"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    assert site.write("127.0.0.1:9092")
    return site


def test_the_written_configuration_is_valid_and_leads_to_the_brokers(site: Site) -> None:
    assert load_config(site.configuration).cluster.bootstrap_servers == (("127.0.0.1", 9092),)


def test_the_policy_lets_alice_write_and_bob_only_read(site: Site) -> None:
    authorizer = load_policy(site.policy.read_text(), "policy.yaml").authorizer()
    asked = [AccessRequest(operation, ResourceType.TOPIC, "orders") for operation in (Operation.WRITE, Operation.READ)]

    def answers(user: str) -> list[bool]:
        return [decision.allowed for decision in authorizer.authorize(Principal("User", user), "127.0.0.1", asked)]

    assert (answers("alice"), answers("bob"), answers("eve")) == ([True, True], [False, True], [False, False])


def test_a_policy_that_was_changed_is_kept_and_told(site: Site) -> None:
    site.policy.write_text("policies: []\n")
    assert not site.write("127.0.0.1:9092")
    assert site.policy.read_text() == "policies: []\n"


def test_passwords_are_readable_by_their_owner_alone(site: Site) -> None:
    for path in (*(site.directory / "clients").iterdir(), site.users, site.directory / "tls" / "server.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_what_is_no_version_of_kafka_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("newest", tmp_path) == 1
    assert "'newest' is not a version of Kafka such as 1.1.1" in capsys.readouterr().out


@pytest.mark.kafka
@pytest.mark.parametrize("version", ["1.1.1", "4.1.0"])
def test_the_check_passes(version: str, tmp_path: Path) -> None:
    command = [*DOORKEEPER, "quickstart", "--kafka", version, "--dir", str(tmp_path), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "TOPIC_AUTHORIZATION_FAILED" in done.stdout


@pytest.mark.kafka
def test_it_stays_until_it_is_told_to_end_and_leaves_no_process(tmp_path: Path) -> None:
    """Even if a shell started it in the background, which makes its children deaf to Ctrl-C."""
    deaf = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", deaf, *DOORKEEPER, "quickstart", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as quickstart:
        assert quickstart.stdout is not None
        ours = {}
        for line in quickstart.stdout:
            if "Ctrl-C" in line:
                break
            if "bin/doorkeeper " in line:
                arguments = shlex.split(line)[1:]
                ours[arguments[0]] = subprocess.run([*DOORKEEPER, *arguments], check=False).returncode
        assert ours == {"policy": 1, "doctor": 0}, "what it prints to try next: bob may not write, all else is well"
        children = psutil.Process(quickstart.pid).children()
        quickstart.send_signal(signal.SIGINT)
        try:
            assert quickstart.wait(60) == 0
        finally:
            quickstart.kill()
    assert len(children) == 3, "ZooKeeper, Kafka and the doorkeeper"
    assert not any(child.is_running() for child in children)
    assert any(record["event"] == "authorization.denied" for record in records(Site(tmp_path).audit))
