"""The command group and its ways to fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from policies.schema import policy_schema
from policies.strict_yaml import InvalidDocument
from proxy import __version__
from proxy.authentication.schema import users_schema
from proxy.cli.check import check_config
from proxy.cli.doctor import doctor
from proxy.cli.policy import policy
from proxy.cli.sidecar import sidecar_config, sidecar_options
from proxy.cli.user import user
from proxy.config import json_schema, load_config
from proxy.observability.logs import LEVELS

_WRONG_INPUT = 2
_SCHEMAS = {"config": json_schema, "policy": policy_schema, "users": users_schema}
_CONFIG = click.option(
    "-c", "--config", "path", required=True, type=click.Path(path_type=Path), help="The file doorkeeper.yaml."
)


class _Group(click.Group):
    """Tells every fault of the input at once and ends with exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InvalidDocument as invalid:
            for fault in invalid.faults:
                click.echo(f"error: {fault}", err=True)
            ctx.exit(_WRONG_INPUT)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="doorkeeper")
def main() -> None:
    """An authorizing TCP proxy in front of Apache Kafka."""


@main.command()
@_CONFIG
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What is logged.")
def run(path: Path, log_level: str) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    config = load_config(path)
    # Only a doorkeeper that serves needs the event loop and all that stands on it.
    from proxy.supervisor import run as serve

    sys.exit(serve(config, log_level))


def _with_sidecar_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(sidecar_options):
        command = option(command)
    return command


@main.command()
@_with_sidecar_options
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What is logged.")
def sidecar(log_level: str, **options: Any) -> None:
    """Give clients on this machine TLS and SASL that they do not have themselves."""
    config = sidecar_config(**options)
    from proxy.supervisor import run as serve

    sys.exit(serve(config, log_level))


@main.command()
@_CONFIG
def check(path: Path) -> None:
    """Check configuration, users, policy and certificates without starting."""
    notes = check_config(load_config(path))
    for note in notes:
        click.echo(f"warning: {note}", err=True)
    click.echo(f"{path}: fine")


@main.command()
@click.option("--kafka", "version", default="1.1.1", show_default=True, help="The version of the embedded Kafka.")
@click.option("--dir", "directory", type=click.Path(path_type=Path, file_okay=False), help="Where its files go.")
@click.option("--check", "check_only", is_flag=True, help="End after the show; exit 0 only if all of it behaved.")
def quickstart(version: str, directory: Path | None, *, check_only: bool) -> None:
    """Show it: an embedded Kafka, certificates, users, a policy, and the doorkeeper in front."""
    try:
        from proxy.quickstart import main as show
    except ModuleNotFoundError as missing:
        raise click.UsageError(f"{missing.name} is missing: pip install 'kafka-doorkeeper[quickstart]'") from missing

    sys.exit(show(version, directory, check=check_only))


@main.command()
@click.argument("document", type=click.Choice(list(_SCHEMAS)))
def schema(document: str) -> None:
    """Print the JSON Schema of a file, for editors."""
    click.echo(json.dumps(_SCHEMAS[document](), indent=2))


main.add_command(doctor)
main.add_command(user)
main.add_command(policy)
