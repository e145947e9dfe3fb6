"""``citywifi console-password``: make the hash that the console's password is checked against."""

from __future__ import annotations

from typing import Annotated

import typer


def console_password(
    password: Annotated[
        str,
        typer.Option(prompt="Password of the console", confirmation_prompt=True, hide_input=True, show_default=False),
    ],
) -> None:
    """Ask for the console's password and print its hash for the setting monitoring.console_password_hash."""
    from foundation.passwords import hash_password

    typer.echo(hash_password(password))
