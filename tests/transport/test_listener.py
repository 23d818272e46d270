"""Listening sockets: what cannot be bound is named, and running out of file descriptors is survived."""

import errno
import os
import socket

import pytest

from proxy.transport.listener import Acceptor, bind
from proxy.transport.registry import Capacity
from tests.transport.support import until


async def test_a_port_in_use_is_named():
    (taken,) = await bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: [Aa]ddress already in use"):
        await bind("127.0.0.1", port)
    taken.close()


async def test_an_unknown_host_is_named():
    with pytest.raises(OSError, match=r"cannot listen on no\.such\.host\.invalid:9093: "):
        await bind("no.such.host.invalid", 9093)


async def test_workers_share_a_port():
    (first,) = await bind("127.0.0.1", 0, reuse_port=True)
    (second,) = await bind("127.0.0.1", first.getsockname()[1], reuse_port=True)
    assert first.getsockname() == second.getsockname()
    first.close()
    second.close()


async def test_every_address_of_the_host_listens():
    listening = await bind("::", 0)
    with socket.create_connection(("127.0.0.1", listening[0].getsockname()[1])):
        pass
    for one in listening:
        one.close()


class ExhaustedOnce(socket.socket):
    """Has no file descriptor left the first time."""

    exhausted = 0

    def accept(self):
        if not self.exhausted:
            self.exhausted += 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


async def test_running_out_of_file_descriptors_rests_and_goes_on(monkeypatch):
    """Without a rest the loop would spin: the connection stays ready in the backlog."""
    monkeypatch.setattr("proxy.transport.listener._RETRY_AFTER_S", 0.02)
    (plain,) = await bind("127.0.0.1", 0)
    listening = ExhaustedOnce(fileno=plain.detach())
    listening.setblocking(False)
    accepted = []
    acceptor = Acceptor(listening, accepted.append, Capacity(10), Capacity(10))
    with socket.create_connection(("127.0.0.1", acceptor.port)):
        await until(lambda: listening.exhausted)
        assert accepted == []
        await until(lambda: accepted)
    accepted[0].close()
    acceptor.stop()
    acceptor.stop()


async def test_a_stopped_listener_accepts_nothing():
    (listening,) = await bind("127.0.0.1", 0)
    acceptor = Acceptor(listening, lambda _: None, Capacity(10), Capacity(10))
    port = acceptor.port
    acceptor.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
