"""`doorkeeper policy`: questions to a policy file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from policies.document import load_policy
from policies.explain import explain
from policies.model import ANY_HOST, Operation, Principal, ResourceType


@click.group()
def policy() -> None:
    """Ask what a policy says."""


@policy.command()
@click.option("--policy", "path", required=True, type=click.Path(path_type=Path, dir_okay=False), help="policy.yaml")
@click.argument("principal")
@click.argument("operation")
@click.argument("resource_type")
@click.argument("name")
@click.option("--host", default=ANY_HOST, help="The client's address. Left out: only rules for every host count.")
def why(path: Path, principal: str, operation: str, resource_type: str, name: str, host: str) -> None:
    """Tell whether PRINCIPAL may do OPERATION on a resource, and the policy, file and line that decided.

    Exit code 0: allowed; 1: denied.

    Example: doorkeeper policy why --policy policy.yaml User:alice Read topic orders
    """
    try:
        document = load_policy(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path} is not UTF-8 text") from error
    try:
        explanation = explain(
            document,
            Principal.parse(principal),
            host,
            Operation.parse(operation),
            ResourceType.parse(resource_type),
            name,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(str(explanation))
    sys.exit(0 if explanation.allowed else 1)
