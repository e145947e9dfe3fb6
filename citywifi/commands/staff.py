"""``citywifi staff``: who may log in, and as what. A log-in needs a password and a code from an app."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select
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
)
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.credentials import generate_password
from foundation.runtime import Runtime
from foundation.schema import councils, staff_accounts, staff_roles
from foundation.staff import SHORTEST_PASSWORD, Role, add_account, disable_account, give_roles, renew_account
from foundation.staff_accounts import LONGEST_USER_NAME, read_user_name

app = typer.Typer(help="Staff: who may log in, and what for.", no_args_is_help=True)

UserName = Annotated[str, typer.Argument(metavar="NAME", help="User name; best the desk's, such as central-library.")]
Councils = Annotated[
    list[str] | None,
    typer.Option("--council", metavar="CODE", help="For which council; may be given again. The only one if left out."),
]
Roles = Annotated[
    list[Role] | None,
    typer.Option(
        "--role",
        help="helper lets devices on at a desk; engineer sees the network; information answers for people's data; "
        "manager says who works here. May be given again.",
    ),
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of making one.")
]


@app.command()
def add(name: UserName, council: Councils = None, role: Roles = None, password_stdin: PasswordStdin = False) -> None:
    """Add somebody, as a helper if no role is given; shows password and key for the authenticator app, once."""
    user_name = _checked_name(name)
    password = _password(password_stdin)
    roles = sorted(set(role or (Role.HELPER,)))

    async def work(runtime: Runtime) -> str:
        council_ids = [(await find_council(runtime.database, code)).id for code in council or (None,)]
        async with runtime.database.write() as connection:
            uri = await add_account(
                connection, runtime.keyring, user_name, password, council_ids, roles, datetime.now(UTC),
                is_given=not password_stdin,
            )  # fmt: skip
            for council_id in council_ids:
                await record(connection, "add staff", user_name, council_id=council_id, detail={"roles": roles})
            return uri

    try:
        uri = perform(work)
    except IntegrityError:
        raise CommandError(f"there is a member of staff named {user_name} already; choose another name") from None
    at_console = ", and as an engineer at /console" if Role.ENGINEER in roles else ""
    typer.echo(f"added {user_name} as {', '.join(roles)}, who logs in at /staff of the portal{at_console}")
    _tell_secrets(uri, None if password_stdin else password)


@app.command("list")
def list_staff(as_json: AsJson = False) -> None:
    """List the accounts, for which councils they are, and when they were last used."""
    rows = perform(_list)
    if as_json:
        print_json(rows)
        return
    table = Table("Name", "Roles", "Last log-in", "", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row["user_name"],
            "; ".join(f"{', '.join(names)} ({code})" for code, names in row["roles"].items()),
            shown_time(row["logged_in_at"]),
            "disabled" if row["disabled_at"] else "",
        )
    print_table(table)


@app.command()
def roles(name: UserName, role: Roles = None, council: CouncilCode = None) -> None:
    """Give an account these roles for a council, instead of those that it has there; none takes them all away."""
    chosen = sorted(set(role or ()))

    async def work(runtime: Runtime) -> str:
        council_id = (await find_council(runtime.database, council)).id
        async with runtime.database.write() as connection:
            account_id, user_name = await _find(connection, name)
            await give_roles(connection, account_id, council_id, chosen)
            await record(connection, "give roles", user_name, council_id=council_id, detail={"roles": chosen})
            return user_name

    typer.echo(f"{perform(work)} is {', '.join(chosen) or 'nothing'} there from now on")


@app.command()
def renew(name: UserName, password_stdin: PasswordStdin = False) -> None:
    """Give a new password and a new key for the app, where one was lost; logs the account out everywhere."""
    password = _password(password_stdin)

    async def work(runtime: Runtime) -> str:
        async with runtime.database.write() as connection:
            account_id, user_name = await _find(connection, name)
            uri = await renew_account(
                connection, runtime.keyring, account_id, user_name, password, is_given=not password_stdin
            )
            await record(connection, "renew staff", user_name)
            return uri

    uri = perform(work)
    typer.echo(f"{_checked_name(name)} has a new password and a new key for the app; the old ones are good no longer")
    _tell_secrets(uri, None if password_stdin else password)


@app.command()
def disable(name: UserName) -> None:
    """Let an account in no more, from now on; `citywifi staff renew` lets it in again."""

    async def work(runtime: Runtime) -> str:
        async with runtime.database.write() as connection:
            account_id, user_name = await _find(connection, name)
            await disable_account(connection, account_id, datetime.now(UTC))
            await record(connection, "disable staff", user_name)
            return user_name

    typer.echo(f"{perform(work)} is logged out and cannot log in")


async def _find(connection: AsyncConnection, name: str) -> tuple[int, str]:
    user_name = _checked_name(name)
    statement = select(staff_accounts.c.id).where(staff_accounts.c.user_name == user_name)
    account_id = (await connection.execute(statement)).scalar_one_or_none()
    if account_id is None:
        raise CommandError(f"nobody of the staff is named {user_name}; `citywifi staff list` shows who there is")
    return int(account_id), user_name


async def _list(runtime: Runtime) -> list[dict[str, Any]]:
    account = staff_accounts.c
    accounts = select(staff_accounts).order_by(account.user_name)
    held = select(staff_roles.c.account_id, councils.c.code, staff_roles.c.role).join(
        councils, councils.c.id == staff_roles.c.council_id
    )
    roles: defaultdict[int, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    async with runtime.database.read() as connection:
        rows = (await connection.execute(accounts)).all()
        for account_id, code, role in await connection.execute(held.order_by(councils.c.code, staff_roles.c.role)):
            roles[account_id][code].append(role)
    return [
        {
            "user_name": row.user_name,
            "roles": roles[row.id],
            "logged_in_at": row.logged_in_at,
            "disabled_at": row.disabled_at,
        }
        for row in rows
    ]


def _checked_name(name: str) -> str:
    user_name = read_user_name(name)
    if user_name is None:
        raise CommandError(f"a user name has 1 to {LONGEST_USER_NAME} printable characters")
    return user_name


def _password(from_stdin: bool) -> str:
    if not from_stdin:
        return generate_password()
    password = read_secret_line("a password")
    if len(password) < SHORTEST_PASSWORD:
        raise CommandError(f"the password is too short; give at least {SHORTEST_PASSWORD} characters")
    return password


def _tell_secrets(uri: str, password: str | None) -> None:
    if password is not None:
        typer.echo(f"password, shown only now: {password}")
    typer.echo(f"for the authenticator app, shown only now: {uri}")
