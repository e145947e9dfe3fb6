"""``citywifi credentials``: user names and passwords for encrypted WiFi (802.1X), one by one or many at once."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.commands.workplace import (
    AsJson,
    CouncilCode,
    perform,
    print_json,
    print_table,
    read_secret_line,
    record,
    shown_time,
    write_private,
)
from citywifi.credential_file import SHORT_PASSWORD, Defaults, Wrong, read_expiry, read_people
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.credentials import (
    CredentialError,
    NewCredential,
    WantedCredential,
    add_credentials,
    checked_group,
    checked_password,
    checked_user_name,
)
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, councils, credentials, residents

_ROWS_A_BATCH = 500
_PROGRESS_FROM_ROWS = 1000
_PROBLEMS_SHOWN = 20

app = typer.Typer(help="User names and passwords for encrypted WiFi (802.1X).", no_args_is_help=True)

# With what a person asked for, each with the line it stands in (0: not in a file).
Wishes = list[tuple[int, WantedCredential]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options of ``add``."""

    name: str | None
    file: Path | None
    password: str | None
    expires: str | None
    group: str
    council: str | None
    keep_password: bool
    output: Path | None


@app.command()
def add(
    name: Annotated[str | None, typer.Argument(help="User name.", show_default=False)] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Many at once: user_name, and password or nt_hash, group, expires."),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input instead of making one.")
    ] = False,
    expires: Annotated[
        str | None, typer.Option(metavar="DATE", help="Good until the end of this day, such as 2027-03-31.")
    ] = None,
    group: Annotated[str, typer.Option(help="Whose policy is meant, such as staff.")] = "",
    council: CouncilCode = None,
    nt_hash_only: Annotated[
        bool, typer.Option("--nt-hash-only", help="Do not keep the password itself; CHAP cannot be used then.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the passwords that were made to this new file.")
    ] = None,
) -> None:
    """Add a credential, or those of a file: all of them or, where one is wrong, none."""
    if (name is None) == (file is None):
        raise CommandError("give one user name, or a file of many with --file")
    if file is not None and password_stdin:
        raise CommandError("a file has its passwords in a column; leave out --password-stdin")
    if output is not None and output.exists():
        raise CommandError(f"there is already a {output}; give another place, or move it away")
    password = read_secret_line("a password") if password_stdin else None
    asked = _Asked(name, file, password, expires, group, council, not nt_hash_only, output)
    number, generated = perform(lambda runtime: _add(runtime, asked))
    _tell_added(asked, number, generated)


@app.command("list")
def list_credentials(council: CouncilCode = None, as_json: AsJson = False) -> None:
    """List the credentials with their state; passwords are never shown."""
    rows = perform(lambda runtime: _list(runtime, council))
    if as_json:
        print_json(rows)
        return
    headings = {"user_name": "Name", "group_name": "Group", "state": "State", "created_at": "Created",
                "expires_at": "Expires", "last_used_at": "Last use"}  # fmt: skip
    several = len({row["council"] for row in rows}) > 1
    table = Table(*headings.values(), *(["Council"] if several else []), box=None, pad_edge=False)
    for row in rows:
        cells = [row[key] for key in (*headings, *(["council"] if several else []))]
        table.add_row(*(cell if isinstance(cell, str) else shown_time(cell) for cell in cells))
    print_table(table)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="User name.")], council: CouncilCode = None) -> None:
    """Revoke a credential: from now on it lets nobody in."""
    still_open, seconds = perform(lambda runtime: _revoke(runtime, name, council))
    typer.echo(f"{name} was revoked and opens no new session, also not with a certificate or a resumed login")
    if still_open:
        typer.echo(
            f"{still_open} of its sessions are open; the equipment ends them after {seconds / 3600:g} hours at the "
            "latest, and the console can end them now"
        )


async def _add(runtime: Runtime, asked: _Asked) -> tuple[int, list[NewCredential]]:
    """How many were added, and those whose password nobody knows yet."""
    chosen = await find_council(runtime.database, asked.council)
    now = datetime.now(UTC)
    async with runtime.database.read() as connection:
        zone = select(councils.c.time_zone).where(councils.c.id == chosen.id)
        time_zone = ZoneInfo((await connection.execute(zone)).scalar_one())
    wishes = _read_wishes(asked, Defaults(time_zone, now))
    try:
        async with runtime.database.write() as connection:
            await _refuse_known(connection, chosen.id, wishes)
            made = await _insert(connection, runtime, chosen.id, wishes, now, asked.keep_password)
            await _record_added(connection, chosen.id, made)
            generated = _generated(wishes, made)
            if asked.output is not None:
                # Before the commit: passwords that nobody can read would be of no use.
                write_private(asked.output, _as_csv(generated).encode())
    except IntegrityError:
        raise CommandError("another command added one of these names at the same moment; run it again") from None
    return len(made), generated


def _tell_added(asked: _Asked, number: int, generated: list[NewCredential]) -> None:
    """What was done to standard error where standard output has the passwords as a file."""
    if asked.file is None and asked.output is None:
        typer.echo(f"added {asked.name}")
        for one in generated:
            typer.echo(f"its password, shown only now: {one.password}")
        return
    typer.echo(f"added {number} credentials", err=True)
    if asked.output is not None:
        typer.echo(
            f"{asked.output} has the {len(generated)} passwords that were made; delete it once they are given out",
            err=True,
        )
    elif generated:
        typer.echo(_as_csv(generated), nl=False)


def _read_wishes(asked: _Asked, defaults: Defaults) -> Wishes:
    """Raises CommandError with every line that is wrong."""
    try:
        expires_at = read_expiry(asked.expires, defaults) if asked.expires else None
        group = checked_group(asked.group)
        if asked.file is None:
            password = checked_password(asked.password) if asked.password else None
            name = checked_user_name(asked.name or "")
            return [(0, WantedCredential(name, password, None, group, expires_at))]
    except CredentialError as error:
        raise CommandError(str(error)) from None
    people = read_people(asked.file, Defaults(defaults.time_zone, defaults.now, group, expires_at))
    _refuse(people.wrong)
    if people.short_passwords:
        typer.secho(
            f"{people.short_passwords} passwords have fewer than {SHORT_PASSWORD} characters and are easily guessed",
            fg="yellow",
            err=True,
        )
    return list(people.wanted)


def _refuse(wrong: tuple[Wrong, ...] | list[Wrong]) -> None:
    if not wrong:
        return
    shown = "".join(f"\n  {fault}" for fault in wrong[:_PROBLEMS_SHOWN])
    more = f"\n  … and {len(wrong) - _PROBLEMS_SHOWN} more" if len(wrong) > _PROBLEMS_SHOWN else ""
    raise CommandError(f"nothing was added, because of:{shown}{more}")


async def _refuse_known(connection: AsyncConnection, council_id: int, wishes: Wishes) -> None:
    known: set[str] = set()
    for start in range(0, len(wishes), _ROWS_A_BATCH):
        names = [one.user_name for _, one in wishes[start : start + _ROWS_A_BATCH]]
        question = select(credentials.c.user_name).where(
            credentials.c.council_id == council_id, credentials.c.user_name.in_(names)
        )
        known |= set((await connection.execute(question)).scalars())
    if wishes and wishes[0][0] == 0 and known:
        raise CommandError(f"there is already a credential {wishes[0][1].user_name!r}; see: citywifi credentials list")
    _refuse([Wrong(line, "user_name", "there is already such a credential") for line, one in wishes
             if one.user_name in known])  # fmt: skip


async def _insert(
    connection: AsyncConnection, runtime: Runtime, council_id: int, wishes: Wishes, now: datetime, keep_password: bool
) -> list[NewCredential]:
    made: list[NewCredential] = []
    batches = track(
        range(0, len(wishes), _ROWS_A_BATCH),
        description="Adding",
        console=Console(stderr=True),
        disable=len(wishes) < _PROGRESS_FROM_ROWS,
    )
    for start in batches:
        batch = [one for _, one in wishes[start : start + _ROWS_A_BATCH]]
        made += await add_credentials(
            connection, runtime.keyring, batch, council_id=council_id, now=now, keep_password=keep_password
        )
    return made


async def _record_added(connection: AsyncConnection, council_id: int, made: list[NewCredential]) -> None:
    """By number: the name may be a resident's."""
    subject = f"credential {made[0].id}" if len(made) == 1 else f"{len(made)} credentials"
    detail = {"first": made[0].id, "last": made[-1].id, "number": len(made)}
    await record(connection, "add credentials", subject, council_id=council_id, detail=detail)


def _generated(wishes: Wishes, made: list[NewCredential]) -> list[NewCredential]:
    """Those whose password nobody knows yet."""
    return [new for (_, one), new in zip(wishes, made, strict=True) if one.password is None and one.nt_hash is None]


def _as_csv(made: list[NewCredential]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("user_name", "password"))
    writer.writerows((one.user_name, one.password) for one in made)
    return text.getvalue()


async def _list(runtime: Runtime, code: str | None) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    question = _credentials_question()
    if code is not None:
        chosen = await find_council(runtime.database, code)
        question = question.where(credentials.c.council_id == chosen.id)
    async with runtime.database.read() as connection:
        rows = (await connection.execute(question)).mappings().all()
    return [_described(dict(row), now) for row in rows]


def _credentials_question() -> Select[Any]:
    table = credentials.c
    return (
        select(
            councils.c.code.label("council"), table.user_name, residents.c.group_name, table.created_at,
            table.expires_at, table.revoked_at, residents.c.last_seen_at,
            table.password_encrypted.is_not(None).label("serves_chap"),
        )
        .join_from(credentials, councils, table.council_id == councils.c.id)
        .outerjoin(residents, table.resident_id == residents.c.id)
        .order_by(councils.c.code, table.user_name)
    )  # fmt: skip


def _described(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A row as it is shown; ``last_used_at`` is exact to an hour."""
    seen = row.pop("last_seen_at")
    expired = row["expires_at"] is not None and row["expires_at"] <= now
    state = "revoked" if row["revoked_at"] else "expired" if expired else "good"
    used = seen is not None and seen >= row["created_at"]
    return {
        **row,
        "group_name": row["group_name"] or "",
        "state": state,
        "last_used_at": seen if used else None,
    }


async def _revoke(runtime: Runtime, name: str, code: str | None) -> tuple[int, int]:
    """How many sessions of it are still open, and how many seconds equipment may keep them."""
    chosen = await find_council(runtime.database, code)
    mine = (credentials.c.council_id == chosen.id) & (credentials.c.user_name == name)
    async with runtime.database.write() as connection:
        row = (await connection.execute(select(credentials).where(mine))).one_or_none()
        if row is None:
            raise CommandError(f"there is no credential {name!r}; see: citywifi credentials list")
        if row.revoked_at is not None:
            raise CommandError(f"the credential {name!r} was revoked on {shown_time(row.revoked_at)} UTC")
        await connection.execute(update(credentials).where(mine).values(revoked_at=datetime.now(UTC)))
        await record(connection, "revoke credential", f"credential {row.id}", council_id=chosen.id)
        sessions = accounting_sessions.c
        still_open = select(func.count()).where(sessions.resident_id == row.resident_id, sessions.stopped_at.is_(None))
        number = (await connection.execute(still_open)).scalar_one() if row.resident_id is not None else 0
    return int(number), runtime.settings.radius.session_timeout_seconds
