"""`make test-matrix`: every client against every broker, straight and through the doorkeeper.

Words on the command line choose clients and brokers by parts of their names.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from proxy.embedded import KafkaCluster
from tests.integration.door import Door
from tests.matrix import report
from tests.matrix.pairs import Outcome, log_of, prepare, try_pair, with_plaintext_listener
from tests.matrix.programs import Client, build_clients, missing_programs

BROKERS: Final = ("0.8.2.2", "0.9.0.1", "0.10.2.2", "0.11.0.3", "1.1.1", "2.8.2", "3.9.1", "4.1.0")
_AT_ONCE: Final = 4
_SHOWN_OF_LOG: Final = 4_000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--client", "clients", multiple=True, help="Only clients whose name holds this; may be given repeatedly.")
@click.option("--broker", "brokers", multiple=True, type=click.Choice(BROKERS), help="Only this broker.")
def main(clients: tuple[str, ...], brokers: tuple[str, ...]) -> None:
    """Measure what each client can do with each broker, and fail where the doorkeeper takes something away."""
    missing = missing_programs()
    if missing:
        raise click.ClickException(f"the matrix needs {', '.join(missing)} on the path")
    with TemporaryDirectory(prefix="doorkeeper-matrix-") as folder:
        built = build_clients(Path(folder) / "clients", click.echo)
        chosen = [client for client in built if not clients or any(part in client.name for part in clients)]
        outcomes = [
            outcome
            for version in brokers or BROKERS
            for outcome in _with_broker(version, chosen, Path(folder) / version)
        ]
    if not clients and not brokers:
        report.write(outcomes, BROKERS)
    click.echo(report.table(outcomes, brokers or BROKERS))
    sys.exit(1 if any(outcome.broken for outcome in outcomes) else 0)


def _with_broker(version: str, clients: list[Client], folder: Path) -> list[Outcome]:
    with KafkaCluster(version) as cluster:
        prepare(cluster)
        door = with_plaintext_listener(Door(folder, cluster.bootstrap_servers)).start()
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                outcomes = list(pool.map(lambda client: try_pair(client, cluster, door), clients))
        finally:
            door.stop()
    for outcome in outcomes:
        click.echo(f"Kafka {version:9} {outcome.client:14} {report.cell(outcome)}")
        for step, why in outcome.direct.items():
            click.echo(f"    straight, {step}: {why}")
        for step, why in outcome.broken.items():
            click.echo(f"    through the doorkeeper, {step}: {why}")
    if any(outcome.broken for outcome in outcomes):
        click.echo(log_of(door).read_text()[-_SHOWN_OF_LOG:])
    return outcomes


if __name__ == "__main__":
    main()
