"""What is wrong with a `doorkeeper.yaml` is told at its place, with what was found, what was expected and a hint."""

from pathlib import Path

import pytest

from proxy.config import InvalidDocument, load_config, parse_config

RIGHT = """\
cluster:
  bootstrap_servers: [kafka:9092]
listeners:
  - name: clients
    bind: 0.0.0.0:9093
    advertise: kafka.example.com
    brokers: {first_port: 9101, node_ids: 1-50}
    security_protocol: SASL_SSL
    tls: {certificate: server.pem, key: server.key}
    sasl: {mechanisms: [PLAIN]}
users: users.yaml
policy: {file: policy.yaml}
admin: {bind: 127.0.0.1:9470}
workers: 1
"""


def faults_of(text: str, **environment: str) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        parse_config(text, Path("d.yaml"), environment)
    return [str(fault) for fault in caught.value.faults]


def faults_after(before: str, after: str) -> list[str]:
    """The faults of the right file with one thing changed."""
    assert RIGHT.count(before) == 1
    return faults_of(RIGHT.replace(before, after))


def test_the_file_that_the_tests_spoil_is_right():
    assert parse_config(RIGHT, Path("d.yaml"), {}).workers == 1


ONE_FAULT = {
    "unknown key": (
        "workers: 1",
        "worker: 1",
        "d.yaml:14:1: unknown key 'worker' (did you mean 'workers'?)",
    ),
    "unknown key of a listener": (
        "    advertise:",
        "    avertise: x\n    advertise:",
        "d.yaml:6:5: unknown key 'avertise' (did you mean 'advertise'?)",
    ),
    "key twice": (
        "workers: 1",
        "users: a.yaml",
        "d.yaml:14:1: key 'users' is given twice (first on line 11)",
    ),
    "missing section": (
        "policy: {file: policy.yaml}\n",
        "",
        "d.yaml:1:1: the key 'policy' is missing",
    ),
    "missing key of a listener": (
        "    advertise: kafka.example.com\n",
        "",
        "d.yaml:4:5: the key 'advertise' is missing",
    ),
    "wrong type": (
        "workers: 1",
        "workers: many",
        "d.yaml:14:10: expected an integer, found 'many'",
    ),
    "out of range": (
        "workers: 1",
        "workers: 0",
        "d.yaml:14:10: expected at least 1 and at most 256, found 0",
    ),
    "impossible limit": (
        "workers: 1",
        "limits: {max_in_flight: 0}",
        "d.yaml:14:25: expected at least 1 and at most 65536, found 0",
    ),
    "no listeners": (
        RIGHT[RIGHT.index("listeners:") : RIGHT.index("users:")],
        "listeners: []\n",
        "d.yaml:3:12: the list is empty",
    ),
    "choice": (
        "SASL_SSL",
        "SASL_TLS",
        (
            "d.yaml:8:24: expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, found 'SASL_TLS' "
            "(did you mean 'SASL_SSL'?)"
        ),
    ),
    "unsupported towards the brokers": (
        "[kafka:9092]",
        "[kafka:9092]\n  security_protocol: SASL_SSL",
        "d.yaml:2:3: SASL_SSL towards the brokers needs the key 'sasl' (who we are to the brokers)",
    ),
    "version": (
        "[kafka:9092]",
        "[kafka:9092]\n  version: newest",
        "d.yaml:3:12: expected auto or a version such as 0.8.2, found 'newest'",
    ),
    "bootstrap server with whitespace": (
        "[kafka:9092]",
        '["kafka: 9092"]',
        "d.yaml:2:23: whitespace at character 7 of 'kafka: 9092' (remove it)",
    ),
    "bootstrap servers as one text": (
        "[kafka:9092]",
        '["a:9092, b:9092"]',
        "d.yaml:2:23: whitespace at character 8 of 'a:9092, b:9092' (write a list: [one:9092, two:9092])",
    ),
    "bootstrap servers as one text without whitespace": (
        "[kafka:9092]",
        '["a:9092,b:9092"]',
        "d.yaml:2:23: expected host:port, found 'a:9092,b:9092' (write an IPv6 address as [::1]:9092)",
    ),
    "no bootstrap server": ("[kafka:9092]", "[]", "d.yaml:2:22: the list is empty"),
    "bootstrap server without port": (
        "[kafka:9092]",
        "[kafka]",
        "d.yaml:2:23: expected host:port, found 'kafka' (the port is missing)",
    ),
    "port too high": (
        "[kafka:9092]",
        "[kafka:99999]",
        "d.yaml:2:23: expected a port from 1 to 65535 after the last colon, found 'kafka:99999'",
    ),
    "port zero": (
        "[kafka:9092]",
        "[kafka:0]",
        "d.yaml:2:23: expected a port from 1 to 65535 after the last colon, found 'kafka:0'",
    ),
    "impossible host": (
        "[kafka:9092]",
        '["kaf!ka:9092"]',
        "d.yaml:2:23: expected a host name or an address, found 'kaf!ka:9092'",
    ),
    "IPv6 without brackets": (
        "0.0.0.0:9093",
        '"::1:9093"',
        "d.yaml:5:11: expected host:port, found '::1:9093' (write an IPv6 address as [::1]:9092)",
    ),
    "bind without host": (
        "0.0.0.0:9093",
        '":9093"',
        "d.yaml:5:11: expected host:port, found ':9093' (0.0.0.0:9093 for every interface)",
    ),
    "address with a number too many": (
        "0.0.0.0:9093",
        "0.0.0.0.0:9093",
        "d.yaml:5:11: expected a host name or an address, found '0.0.0.0.0:9093'",
    ),
    "only brackets": (
        "0.0.0.0:9093",
        '"[kafka]:9093"',
        "d.yaml:5:11: expected a host name or an address, found '[kafka]:9093'",
    ),
    "something else in brackets": (
        "0.0.0.0:9093",
        '"[1:2]:9093"',
        "d.yaml:5:11: expected host:port, found '[1:2]:9093' (write an IPv6 address as [::1]:9092)",
    ),
    "listener name": (
        "name: clients",
        "name: the clients",
        "d.yaml:4:11: expected up to 64 letters, digits, '.', '_' or '-', found 'the clients'",
    ),
    "advertise with a port": (
        "advertise: kafka.example.com",
        "advertise: kafka.example.com:9093",
        "d.yaml:6:16: expected a host without a port, found 'kafka.example.com:9093' (the port is that of bind)",
    ),
    "no node ids": (
        "{first_port: 9101, node_ids: 1-50}",
        "{first_port: 9101}",
        (
            "d.yaml:7:14: the key 'node_ids' is missing "
            "(every id that a broker has or may get, such as 1-50: a port is opened for each)"
        ),
    ),
    "no first port": (
        "{first_port: 9101, node_ids: 1-50}",
        "{node_ids: 1-50}",
        (
            "d.yaml:7:14: the key 'first_port' is missing "
            "(the port of the first broker, such as 9101; or give host for one port and SNI)"
        ),
    ),
    "node ids backwards": (
        "1-50",
        "50-1",
        "d.yaml:7:43: expected node ids such as 5, 1-50 or 1-3,7, found '50-1'",
    ),
    "node ids of the wrong type": (
        "1-50",
        "true",
        'd.yaml:7:43: expected text, found true (write "true" with the quotes)',
    ),
    "node id twice": ("1-50", '"1-5,3"', "d.yaml:7:43: the node id 3 is given twice"),
    "negative node id": ("1-50", "-1", "d.yaml:7:43: expected node ids such as 5, 1-50 or 1-3,7, found '-1'"),
    "too many node ids": ("1-50", "1-2000000000", "d.yaml:7:43: expected at most 65535 node ids, found 2000000000"),
    "ports beyond the last": (
        "1-50",
        "[1, 65535]",
        (
            "d.yaml:7:43: the port of broker 65535 would be 74635, expected at most 65535 "
            "(a lower first_port, or fewer node_ids)"
        ),
    ),
    "both schemes": (
        "{first_port: 9101, node_ids: 1-50}",
        '{host: "b{node_id}", first_port: 9101}',
        "d.yaml:7:35: first_port and host exclude each other (a port for each broker, or a host name for each)",
    ),
    "host without a place for the id": (
        "{first_port: 9101, node_ids: 1-50}",
        "{host: b.example.com}",
        (
            "d.yaml:7:21: expected a host name with {node_id} in it once, found 'b.example.com' "
            "(such as 'b{node_id}.kafka.example.com')"
        ),
    ),
    "TLS without files": (
        "    tls: {certificate: server.pem, key: server.key}\n",
        "",
        "d.yaml:4:5: SASL_SSL needs the key 'tls'",
    ),
    "TLS without key": (
        "{certificate: server.pem, key: server.key}",
        "{certificate: server.pem}",
        "d.yaml:9:10: the key 'key' is missing",
    ),
    "client certificates without authority": (
        "key: server.key",
        "key: server.key, client_auth: required",
        "d.yaml:9:66: client_auth required needs client_ca (the authorities that sign your clients' certificates)",
    ),
    "secret file that is not there": (
        "key: server.key",
        "key: server.key, key_password: {file: nowhere}",
        "d.yaml:9:74: 'nowhere' cannot be read: No such file or directory",
    ),
    "secret file that is empty": (
        "key: server.key",
        "key: server.key, key_password: {file: /dev/null}",
        "d.yaml:9:74: expected 1 to 65536 bytes in '/dev/null', found 0",
    ),
    "secret without end": (
        "key: server.key",
        "key: server.key, key_password: {file: /dev/zero}",
        "d.yaml:9:74: expected 1 to 65536 bytes in '/dev/zero', found 65537",
    ),
    "secret that is a number": (
        "key: server.key",
        "key: server.key, key_password: 1234",
        "d.yaml:9:67: expected a text in quotes, or {file: path}",
    ),
    "unsupported mechanism": (
        "[PLAIN]",
        "[SCRAM-SHA-265]",
        (
            "d.yaml:10:25: expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, GSSAPI, "
            "found 'SCRAM-SHA-265' (did you mean 'SCRAM-SHA-256'?)"
        ),
    ),
    "mechanism twice": ("[PLAIN]", "[PLAIN, PLAIN]", "d.yaml:10:32: the mechanism 'PLAIN' is given twice"),
    "SASL without mechanisms": (
        "sasl: {mechanisms: [PLAIN]}",
        "sasl: {}",
        "d.yaml:10:11: the key 'mechanisms' is missing",
    ),
    "a load balancer that is no network": (
        "    sasl:",
        "    proxy_protocol: {from: [10.0.0.1/8]}\n    sasl:",
        "d.yaml:10:29: expected an address or a network, found '10.0.0.1/8' (such as 10.0.0.0/8 or 10.1.2.3)",
    ),
    "SASL without users": (
        "users: users.yaml\n",
        "",
        (
            "d.yaml:3:1: the listener 'clients' needs users for SASL_SSL "
            "(add users: users.yaml, and make users with 'doorkeeper user add')"
        ),
    ),
    "principal for those who authenticate": (
        "    sasl:",
        "    principal: User:app\n    sasl:",
        "d.yaml:10:5: principal has no effect with SASL_SSL (only with PLAINTEXT)",
    ),
    "policy without file": (
        "{file: policy.yaml}",
        "{mode: observe}",
        "d.yaml:12:9: mode observe needs a policy file (add file: policy.yaml, or mode: off to let everything through)",
    ),
    "policy mode": (
        "{file: policy.yaml}",
        "{file: policy.yaml, mode: enforced}",
        "d.yaml:12:35: expected one of enforce, observe, off, found 'enforced' (did you mean 'enforce'?)",
    ),
    "admin on a port of a listener": (
        "127.0.0.1:9470",
        "127.0.0.1:9093",
        "d.yaml:13:15: port 9093 of admin is already that of listener 'clients'",
    ),
    "admin on a port of a broker": (
        "127.0.0.1:9470",
        "127.0.0.1:9150",
        "d.yaml:13:15: port 9150 of admin is already that of the brokers of listener 'clients'",
    ),
    "brokers on the bootstrap port": (
        "first_port: 9101",
        "first_port: 9093",
        "d.yaml:7:14: port 9093 of the brokers of listener 'clients' is already that of listener 'clients'",
    ),
    "variable that is not set": (
        "kafka.example.com",
        "${HOSTNAMES}",
        "d.yaml:6:16: the environment variable 'HOSTNAMES' is not set (export it before the start)",
    ),
    "variable badly written": (
        "kafka.example.com",
        "${HOST",
        "d.yaml:6:16: expected ${NAME}, found '${HOST' (write $${ for a plain ${)",
    ),
    "anchor": (
        "workers: 1",
        "workers: &w 1",
        "d.yaml:14:10: anchors are not supported, found '&w' (put text with a leading & in quotes)",
    ),
}


@pytest.mark.parametrize(("before", "after", "fault"), ONE_FAULT.values(), ids=ONE_FAULT.keys())
def test_one_fault_is_told_once_at_its_place(before: str, after: str, fault: str):
    assert faults_after(before, after) == [fault]


@pytest.mark.parametrize("wildcard", ["0.0.0.0", '"::"', '"[::]"', '"*"', '"0:0:0:0:0:0:0:0"'])
def test_a_wildcard_is_never_advertised(wildcard: str):
    (fault,) = faults_after("kafka.example.com", wildcard)
    assert fault == (
        f"d.yaml:6:16: found the wildcard {wildcard.strip(chr(34))!r}, which no client can connect to "
        "(the name or address by which clients reach this machine)"
    )


@pytest.mark.parametrize(
    ("setting", "protocol", "message"),
    [
        (
            "tls: {certificate: a, key: b}",
            "SASL_PLAINTEXT",
            "tls has no effect with SASL_PLAINTEXT (only with SSL or SASL_SSL)",
        ),
        ("sasl: {mechanisms: [PLAIN]}", "SSL", "sasl has no effect with SSL (only with SASL_PLAINTEXT or SASL_SSL)"),
    ],
)
def test_a_setting_without_effect_is_a_fault(setting: str, protocol: str, message: str):
    text = RIGHT.replace("SASL_SSL", protocol)
    assert any(fault.endswith(message) for fault in faults_of(text)), setting


def test_brokers_by_name_need_tls():
    text = RIGHT.replace("SASL_SSL", "PLAINTEXT").replace(
        "{first_port: 9101, node_ids: 1-50}", '{host: "b{node_id}.x"}'
    )
    text = "".join(line for line in text.splitlines(keepends=True) if "tls:" not in line and "sasl:" not in line)
    assert faults_of(text) == [
        (
            "d.yaml:7:15: host needs TLS, found PLAINTEXT: without it there is no SNI to tell brokers apart "
            "(first_port and node_ids, or SSL or SASL_SSL)"
        )
    ]


def test_a_principal_has_a_type():
    text = RIGHT.replace("SASL_SSL", "PLAINTEXT")
    text = "".join(line for line in text.splitlines(keepends=True) if "tls:" not in line and "sasl:" not in line)
    assert faults_of(text.replace("    security", "    principal: app\n    security")) == [
        "d.yaml:8:16: expected a principal such as 'User:alice', found 'app' (did you mean 'User:app'?)"
    ]


def test_mapping_rules_are_read_at_once_not_at_the_first_client():
    faults = faults_after("    sasl:", "    principal_mapping_rules: [DEFAULT, 'RULE:(unclosed/$1/']\n    sasl:")
    assert len(faults) == 1
    assert faults[0].startswith("d.yaml:10:40: ")
    assert faults[0].endswith("(RULE:pattern/replacement/, with L or U after it, or DEFAULT)")


def test_two_listeners_share_neither_name_nor_ports():
    second = RIGHT[RIGHT.index("  - name") : RIGHT.index("users:")]
    same_name = RIGHT.replace(second, second + second.replace("9093", "9094").replace("9101", "9201"))
    assert faults_of(same_name) == ["d.yaml:11:5: a second listener is named 'clients'"]
    same_ports = RIGHT.replace(second, second + second.replace("clients", "others").replace("0.0.0.0", "10.0.0.1"))
    assert faults_of(same_ports) == [
        "d.yaml:12:11: port 9093 of listener 'others' is already that of listener 'clients'",
        (
            "d.yaml:14:14: port 9101 of the brokers of listener 'others' "
            "is already that of the brokers of listener 'clients'"
        ),
    ]
    apart = same_ports.replace("0.0.0.0", "10.0.0.2")
    assert len(parse_config(apart, Path("d.yaml"), {}).listeners) == 2


def test_all_faults_are_told_at_once_in_the_order_of_the_file():
    text = (
        RIGHT.replace("[kafka:9092]", "[kafka]")
        .replace("kafka.example.com", "0.0.0.0")
        .replace("workers: 1", "wrkers: 1")
    )
    text = text.replace("1-50", "x").replace("[PLAIN]", "[OAUTH]")
    places = [fault.split(": ")[0] for fault in faults_of(text)]
    assert places == ["d.yaml:2:23", "d.yaml:6:16", "d.yaml:7:43", "d.yaml:10:25", "d.yaml:14:1"]


def test_a_nearly_right_variable_is_hinted_at_but_others_are_not_shown():
    text = RIGHT.replace("kafka.example.com", "${KAFKA_HOTS}")
    assert faults_of(text, KAFKA_HOST="k", TOKEN="t") == [
        "d.yaml:6:16: the environment variable 'KAFKA_HOTS' is not set (did you mean 'KAFKA_HOST'?)"
    ]
    assert "TOKEN" not in faults_of(text, TOKEN="t")[0]


def test_no_secret_is_shown_in_a_fault():
    faults = faults_after("key: server.key", "key: server.key, key_password: [hunter2]")
    assert not any("hunter2" in fault for fault in faults)


@pytest.mark.parametrize("text", ["", "null", "[]", "listeners", "}"])
def test_a_file_that_is_no_mapping_is_told_not_crashed_on(text: str):
    assert faults_of(text)[0].startswith("d.yaml:1:")


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(InvalidDocument, match=r"nowhere.yaml:1:1: cannot be read: No such file or directory"):
        load_config(tmp_path / "nowhere.yaml")


def test_a_file_that_is_no_text(tmp_path: Path):
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidDocument, match="is not UTF-8 text"):
        load_config(tmp_path / "d.yaml")
