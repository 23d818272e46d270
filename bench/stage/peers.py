"""Other proxies, as the file `peers.toml` tells them: whoever wants to compare with one more adds an entry."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bench.stage.contestants import Doors
from bench.stage.processes import accepts, cores_of, running
from bench.stage.site import HOST, STORE_PASSWORD, Site
from proxy.embedded.network import free_port

FILE: Final = Path(__file__).parent.parent / "peers.toml"
_TEMPLATES: Final = FILE.parent / "peers"
_ALSO_LOOKED_FOR_IN: Final = ("/usr/sbin", "/usr/local/sbin")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the file's tables; its words are told there."""

    program: str
    arguments: tuple[str, ...]
    template: str | None = None
    certificates: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another proxy, that ends TLS and passes plaintext on."""

    name: str
    entry: Entry
    enforces: bool = False

    @property
    def program(self) -> str | None:
        """The path of its program; None if it is not installed."""
        return shutil.which(self.entry.program) or next(
            filter(None, (shutil.which(self.entry.program, path=folder) for folder in _ALSO_LOOKED_FOR_IN)), None
        )

    @contextmanager
    def start(self, site: Site, broker_port: int) -> Iterator[Doors]:
        """See `Contestant`."""
        port, port_of_mtls = free_port(), free_port()
        words = _words(site, port, port_of_mtls, broker_port)
        if self.entry.template is not None:
            text = (_TEMPLATES / self.entry.template).read_text()
            Path(words["configuration"]).write_text(_filled(text, words))
        assert self.program is not None
        command = [self.program, *(_filled(each, words) for each in self.entry.arguments)]
        last = port_of_mtls if self.entry.certificates else port
        with running(command, site.folder / f"{self.name}.log", lambda: accepts(last), cores_of(measured=True)) as own:
            yield Doors(site.by_tls(port, own.pid), site.by_certificate(last, own.pid))


def peers(path: Path = FILE) -> Sequence[Peer]:
    """All that the file names, installed or not.

    :raises msgspec.ValidationError: if an entry is not as it must be.
    """
    entries = msgspec.toml.decode(path.read_bytes(), type=dict[str, Entry])
    return [Peer(name, entry) for name, entry in entries.items()]


def _words(site: Site, port: int, port_of_mtls: int, broker_port: int) -> Mapping[str, str]:
    return {
        "host": HOST,
        "port": str(port),
        "port_of_mtls": str(port_of_mtls),
        "broker_port": str(broker_port),
        "node_port": str(free_port()),
        "folder": str(site.folder),
        "configuration": site.file(f"peer-{port}.conf"),
        "certificate": site.file("server.pem"),
        "key": site.file("server.key"),
        "bundle": site.file("server-bundle.pem"),
        "store": site.file("server.p12"),
        "store_password": STORE_PASSWORD,
        "ca": site.file("ca.pem"),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
