"""`doorkeeper user`: the users file holds verifiers, never a password."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from proxy.authentication.credentials import ScramMechanism
from proxy.authentication.users_file import add_user, list_users, remove_user

_USERS = click.option(
    "--users", "path", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file users.yaml."
)
_MECHANISMS = tuple(mechanism.value for mechanism in ScramMechanism)


@click.group()
def user() -> None:
    """Add, remove and list the users that clients authenticate as."""


@user.command()
@click.argument("name")
@_USERS
@click.option("--mechanism", "mechanisms", multiple=True, type=click.Choice(_MECHANISMS), help="Left out: all of them.")
@click.option("--iterations", default=8192, show_default=True, help="Rounds of PBKDF2.")
@click.option("--password-file", help="A file with the password; - is standard input. Left out, it is asked for.")
def add(name: str, path: Path, mechanisms: tuple[str, ...], iterations: int, password_file: str | None) -> None:
    """Add a user, or give one another password."""
    password = _password(password_file)
    chosen = [ScramMechanism(mechanism) for mechanism in mechanisms or _MECHANISMS]
    try:
        new = add_user(path, name, password, secrets.randbits, mechanisms=chosen, iterations=iterations)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"user {name} {'added to' if new else 'changed in'} {path}")


@user.command()
@click.argument("name")
@_USERS
def remove(name: str, path: Path) -> None:
    """Remove a user."""
    try:
        found = remove_user(path, name)
    except OSError as error:
        raise click.UsageError(str(error)) from error
    if not found:
        raise click.UsageError(f"there is no user {name!r} in {path}")
    click.echo(f"user {name} removed from {path}")


@user.command("list")
@_USERS
def list_command(path: Path) -> None:
    """List the users and their mechanisms."""
    try:
        users = list_users(path)
    except OSError as error:
        raise click.UsageError(str(error)) from error
    for name, credentials in users.items():
        click.echo(f"{name}: {', '.join(str(mechanism) for mechanism in credentials)}")


def _password(file: str | None) -> str:
    if file is None:
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return password
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the password file {file} cannot be read: {error}") from error
    # An editor's final line break is not part of a password; anything else is.
    return text.removesuffix("\n").removesuffix("\r")
