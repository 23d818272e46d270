"""Ports for servers that tests and the quickstart start."""

from proxy.embedded.network import free_port, free_range


def test_no_port_is_given_twice_before_its_server_listens():
    ports = [free_port() for _ in range(300)]
    ports += [port for first in (free_range(7) for _ in range(50)) for port in range(first, first + 7)]
    assert len(set(ports)) == len(ports)
