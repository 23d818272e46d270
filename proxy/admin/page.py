"""The status page: one HTML document that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from proxy import __version__
from proxy.admin.status import Status

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem; }
th { border-bottom: 2px solid #999; } td { border-bottom: 1px solid #ddd; }
.ready { color: #176b2c; } .not-ready { color: #a01818; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd; } td { border-color: #333; } }
"""


def status_page(status: Status, reasons: Sequence[str]) -> str:
    """The page as text; ``reasons`` say why the doorkeeper is not ready."""
    state = '<p class="ready">Ready.</p>' if not reasons else f'<p class="not-ready">{escape("; ".join(reasons))}</p>'
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>doorkeeper</title>'
        f"<style>{_STYLE}</style><h1>doorkeeper {escape(__version__)}</h1>{state}"
        f"<p>{status.connections} client connections are open.</p>"
        f"<h2>Policy</h2>{_policy(status)}<h2>Listeners</h2>{_listeners(status)}<h2>Brokers</h2>{_brokers(status)}"
        '<p><a href="/metrics">Metrics</a></p></html>'
    )


def _policy(status: Status) -> str:
    snapshot = status.snapshot
    policies = "" if snapshot.policy is None else str(len(snapshot.policy.policies))
    rows = [[status.config.policy.mode.value, str(snapshot.generation), policies, snapshot.digest]]
    return _table(("Mode", "Generation", "Policies", "Digest"), rows)


def _listeners(status: Status) -> str:
    rows = (
        [
            listener.name,
            f"{listener.bind[0]}:{listener.bind[1]}",
            listener.advertise,
            listener.security_protocol.value,
            ", ".join(listener.sasl.mechanisms),
        ]
        for listener in status.config.listeners
    )
    return _table(("Name", "Bound to", "Advertised", "Security protocol", "Mechanisms"), rows)


def _brokers(status: Status) -> str:
    advertised = status.advertised()
    rows = []
    for node_id, broker in sorted(status.topology.brokers.items()):
        told = (f"{name}: {_address(scheme.of(node_id))}" for name, scheme in advertised.items())
        rows.append([str(node_id), str(broker), ", ".join(told)])
    return _table(("Node", "Address behind", "Advertised as"), rows)


def _address(address: tuple[str, int] | None) -> str:
    return "hidden, outside of node_ids" if address is None else f"{address[0]}:{address[1]}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"
