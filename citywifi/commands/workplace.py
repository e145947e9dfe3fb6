"""What commands that look after an installation share: its database and key, the council that is meant, the audit."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.errors import CommandError
from foundation.database import Database
from foundation.runtime import Runtime, check_key, check_schema, open_keyring
from foundation.schema import audit_events
from foundation.settings import load_settings

_PIPE_WIDTH = 250

_Result = TypeVar("_Result")

CouncilCode = Annotated[
    str | None, typer.Option("--council", metavar="CODE", help="Code of the council; needed only if there are several.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")]


def perform(work: Callable[[Runtime], Awaitable[_Result]]) -> _Result:
    """Do the work with the installation that the settings name.

    Unlike a service it does not refuse an installation that is unsafe: these commands are what puts it right.
    Raises NotReadyError, PrivacyError, DatabaseError, and what the work raises.
    """
    return asyncio.run(_perform(work))


async def _perform(work: Callable[[Runtime], Awaitable[_Result]]) -> _Result:
    settings = load_settings()
    database = Database(settings.resolved_database_url)
    try:
        await check_schema(database)
        keyring = open_keyring(settings)
        await check_key(database, keyring)
        return await work(Runtime(settings, database, keyring))
    finally:
        await database.close()


async def record(
    connection: AsyncConnection,
    action: str,
    subject: str,
    *,
    council_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note in the audit, in the transaction of the change, what a command did. No personal data, no secrets."""
    event = {"council_id": council_id, "at": datetime.now(UTC), "actor": "command line", "action": action}
    await connection.execute(audit_events.insert().values(**event, subject=subject[:200], detail=detail))


def read_secret_line(what: str) -> str:
    """One line of standard input without its end; not shown where it is typed. Raises CommandError for an empty one."""
    line = getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not line.rstrip("\r\n"):
        raise CommandError(f"{what} was expected on standard input, and nothing came")
    return line.rstrip("\r\n")


def write_private(file: Path, content: bytes) -> None:
    """Write a new file that only its owner can read. Raises CommandError; never overwrites."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    except FileExistsError:
        raise CommandError(f"there is already a {file}; give another place, or move it away") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None


def print_json(value: object) -> None:
    """Print a value for programs: times as ISO 8601."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_as_text))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal; in a pipe nothing is folded. What stands in brackets stays text."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(markup=False, highlight=False, width=width).print(table)


def shown_time(moment: datetime | None) -> str:
    """A moment in a table, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment is not None else "–"
