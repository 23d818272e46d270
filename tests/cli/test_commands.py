"""The command `doorkeeper` as a shell sees it: what it prints and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import proxy.quickstart
import proxy.supervisor
from proxy import __version__
from proxy.authentication.credentials import ScramMechanism
from proxy.authentication.users import FileUsers
from proxy.cli import main
from proxy.config import Config

CONFIG = """
cluster: {bootstrap_servers: [kafka:9092]}
listeners:
  - name: clients
    bind: 127.0.0.1:9093
    advertise: localhost
    brokers: {first_port: 9101, node_ids: 1-3}
    security_protocol: PLAINTEXT
policy: {file: policy.yaml}
"""
POLICY = """\
super_users: [User:admin]
policies:
  - name: alice-reads-orders
    principals: [User:alice]
    hosts: [10.0.0.0/8]
    allow: [Read]
    topics: [orders, orders.*]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "doorkeeper.yaml").write_text(CONFIG)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def doorkeeper(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def test_version():
    result = doorkeeper("--version")
    assert result.exit_code == 0
    assert __version__ in result.output


def test_the_version_is_that_of_the_package():
    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    assert f'version = "{__version__}"' in pyproject.read_text().splitlines()


def test_help_names_every_command():
    result = doorkeeper("--help")
    for command in ("run", "check", "doctor", "user", "policy", "quickstart", "schema"):
        assert f"\n  {command} " in result.output


def test_an_unknown_command_is_wrong_input():
    assert doorkeeper("open").exit_code == 2


@pytest.mark.parametrize("command", ["run", "check"])
def test_all_faults_of_the_input_are_told_at_once_on_standard_error(folder: Path, command: str):
    path = folder / "doorkeeper.yaml"
    path.write_text(CONFIG.replace("localhost", "0.0.0.0").replace("kafka:9092", "kafka"))
    result = doorkeeper(command, "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"error: {path}:2:31: expected host:port, found 'kafka' (the port is missing)",
        (
            f"error: {path}:6:16: found the wildcard '0.0.0.0', which no client can connect to "
            "(the name or address by which clients reach this machine)"
        ),
    ]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_config_that_is_not_there_is_wrong_input(tmp_path: Path, command: str):
    result = doorkeeper(command, "-c", tmp_path / "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml:1:1: cannot be read: No such file or directory" in result.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_run_serves_what_was_loaded_and_ends_with_its_code(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int):
    served: list[tuple[str, str]] = []

    def serve(config: Config, log_level: str) -> int:
        served.append((config.listeners[0].name, log_level))
        return code

    monkeypatch.setattr(proxy.supervisor, "run", serve)
    assert doorkeeper("run", "-c", folder / "doorkeeper.yaml", "--log-level", "debug").exit_code == code
    assert served == [("clients", "debug")]


def test_quickstart_hands_on_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[object] = []

    def show(version: str, directory: Path | None, *, check: bool) -> int:
        asked.append((version, directory, check))
        return 1

    monkeypatch.setattr(proxy.quickstart, "main", show)
    assert doorkeeper("quickstart", "--kafka", "4.1.0", "--dir", tmp_path, "--check").exit_code == 1
    assert asked == [("4.1.0", tmp_path, True)]


def test_quickstart_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """The extra brings what paints the screen, too."""
    for module in [name for name in sys.modules if name.startswith(("proxy.quickstart", "rich"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "rich.markup", None)
    result = doorkeeper("quickstart")
    assert result.exit_code == 2
    assert "pip install 'kafka-doorkeeper[quickstart]'" in result.output


@pytest.mark.parametrize("document", ["config", "policy", "users"])
def test_schemas_are_printed_as_json(document: str):
    result = doorkeeper("schema", document)
    assert result.exit_code == 0
    assert json.loads(result.output)["additionalProperties"] is False


def why(folder: Path, *question: str) -> Result:
    return doorkeeper("policy", "why", "--policy", folder / "policy.yaml", *question)


def test_why_is_it_allowed(folder: Path):
    result = why(folder, "User:alice", "read", "topic", "orders.eu", "--host", "10.1.2.3")
    assert result.exit_code == 0
    assert "allowed" in result.output
    assert "alice-reads-orders" in result.output
    assert "policy.yaml:3" in result.output


def test_why_is_it_denied(folder: Path):
    result = why(folder, "User:alice", "Read", "Topic", "orders", "--host", "192.168.0.1")
    assert result.exit_code == 1
    assert "denied" in result.output


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (("alice", "Read", "topic", "orders"), "User:alice"),
        (("User:alice", "Reed", "topic", "orders"), "'Reed'"),
        (("User:alice", "Read", "tpic", "orders"), "'tpic'"),
        (("User:alice", "Read", "topic", "orders", "--host", "my-host"), "'my-host'"),
        (("User:alice", "Read", "topic"), "'NAME'"),
    ],
)
def test_a_question_that_makes_no_sense_is_wrong_input(folder: Path, question: tuple[str, ...], told: str):
    result = why(folder, *question)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_policy_with_faults_answers_no_question(folder: Path):
    (folder / "policy.yaml").write_text(POLICY.replace("topics", "topcs").replace("Read", "Reed"))
    result = why(folder, "User:alice", "Read", "topic", "orders")
    assert result.exit_code == 2
    assert len([line for line in result.stderr.splitlines() if line.startswith("error: ")]) >= 2


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), (b"\xff\xfe", "is not UTF-8 text")])
def test_a_policy_that_cannot_be_read_is_wrong_input(folder: Path, content: bytes | None, told: str):
    (folder / "policy.yaml").unlink()
    if content is not None:
        (folder / "policy.yaml").write_bytes(content)
    result = why(folder, "User:alice", "Read", "topic", "orders")
    assert result.exit_code == 2
    assert told in result.stderr


def user(folder: Path, *arguments: str | Path, stdin: str | None = None) -> Result:
    return doorkeeper("user", *arguments, "--users", folder / "users.yaml", stdin=stdin)


def accepts(folder: Path, name: str, password: str, mechanism: str = "SCRAM-SHA-256") -> bool:
    path = folder / "users.yaml"
    credential = FileUsers.load(path.read_text(), str(path)).credential(name, mechanism)
    return credential is not None and credential.matches(password)


def test_a_password_is_asked_for_twice_and_never_shown_or_kept(folder: Path):
    result = user(folder, "add", "alice", stdin="s3cret\ns3cret\n")
    assert result.exit_code == 0
    assert f"user alice added to {folder / 'users.yaml'}" in result.output
    assert "s3cret" not in result.output
    assert "s3cret" not in (folder / "users.yaml").read_text()
    assert all(accepts(folder, "alice", "s3cret", mechanism.value) for mechanism in ScramMechanism)


def test_passwords_that_differ_are_asked_for_again(folder: Path):
    assert user(folder, "add", "alice", stdin="one\nother\ntwo\ntwo\n").exit_code == 0
    assert accepts(folder, "alice", "two")


def test_a_password_may_come_from_a_file_or_from_standard_input(folder: Path):
    (folder / "password").write_text(" with blanks \n")
    assert user(folder, "add", "alice", "--password-file", folder / "password").exit_code == 0
    assert accepts(folder, "alice", " with blanks ")
    result = user(folder, "add", "alice", "--password-file", "-", stdin="another")
    assert "changed" in result.output
    assert accepts(folder, "alice", "another")


def test_a_user_may_have_one_mechanism_only(folder: Path):
    (folder / "password").write_text("p")
    assert (
        user(folder, "add", "alice", "--mechanism", "SCRAM-SHA-512", "--password-file", folder / "password").exit_code
        == 0
    )
    assert not accepts(folder, "alice", "p", "SCRAM-SHA-256")
    assert accepts(folder, "alice", "p", "SCRAM-SHA-512")


def test_users_are_listed_and_removed(folder: Path):
    for name in ("alice", "bob"):
        user(folder, "add", name, "--password-file", "-", stdin="p")
    assert user(folder, "list").output.splitlines() == [
        "alice: SCRAM-SHA-256, SCRAM-SHA-512",
        "bob: SCRAM-SHA-256, SCRAM-SHA-512",
    ]
    assert user(folder, "remove", "alice").exit_code == 0
    assert user(folder, "list").output.splitlines() == ["bob: SCRAM-SHA-256, SCRAM-SHA-512"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("remove", "nobody"),
        ("add", "alice", "--password-file", "/nowhere"),
        ("add", "alice", "--mechanism", "PLAIN"),
        ("add", "", "--password-file", "-"),
        ("add", "alice", "--iterations", "1", "--password-file", "-"),
    ],
)
def test_what_cannot_be_done_with_a_user_is_wrong_input(folder: Path, arguments: tuple[str, ...]):
    (folder / "users.yaml").write_text("users:\n")
    result = user(folder, *arguments, stdin="p")
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert (folder / "users.yaml").read_text() == "users:\n"


def test_an_empty_password_is_wrong_input(folder: Path):
    assert user(folder, "add", "alice", "--password-file", "-", stdin="\n").exit_code == 2
    assert not (folder / "users.yaml").exists()


def test_a_users_file_with_faults_is_left_as_it_is(folder: Path):
    (folder / "users.yaml").write_text("user: {}\n")
    result = user(folder, "add", "alice", "--password-file", "-", stdin="p")
    assert result.exit_code == 2
    assert f"error: {folder / 'users.yaml'}:1:1: " in result.stderr
    assert (folder / "users.yaml").read_text() == "user: {}\n"


def test_a_missing_users_file_is_wrong_input_for_who_wants_to_read_it(folder: Path):
    assert user(folder, "list").exit_code == 2
    assert user(folder, "remove", "alice").exit_code == 2


def shell(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proxy.cli", *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=root)


def test_a_real_process_ends_with_the_codes_of_the_contract(folder: Path):
    fine = shell("check", "-c", folder / "doorkeeper.yaml")
    assert (fine.returncode, fine.stdout) == (0, f"{folder / 'doorkeeper.yaml'}: fine\n")
    wrong = shell("run", "-c", folder / "nowhere.yaml")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Traceback" not in wrong.stderr
    denied = shell("policy", "why", "--policy", folder / "policy.yaml", "User:bob", "Read", "topic", "orders")
    assert denied.returncode == 1
