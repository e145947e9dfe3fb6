"""``citywifi terms``: publish the terms that residents accept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select

from citywifi.errors import CommandError
from foundation.database import Database
from foundation.runtime import check_schema
from foundation.schema import audit_events, councils, terms_versions
from foundation.settings import load_settings

app = typer.Typer(help="The terms that residents accept.", no_args_is_help=True)


@app.command()
def publish(
    files: Annotated[
        list[str], typer.Argument(help="One file for each language, written LANGUAGE=FILE, such as en=terms.txt.")
    ],
    council: Annotated[str | None, typer.Option(help="Code of the council, where there are several.")] = None,
) -> None:
    """Publish a new version of the terms; residents accept it the next time that they come."""
    texts = dict(_read(argument) for argument in files)
    version = asyncio.run(_publish(texts, council))
    typer.echo(f"published version {version} in {', '.join(sorted(texts))}")


def _read(argument: str) -> tuple[str, str]:
    language, separator, name = argument.partition("=")
    if not separator or not language.isalpha():
        raise CommandError(f"{argument!r} does not name a language; write it like en=terms.txt")
    try:
        text = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read as text: {error}") from None
    if not text:
        raise CommandError(f"{name} is empty")
    return language, text


async def _publish(texts: dict[str, str], code: str | None) -> int:
    database = Database(load_settings().resolved_database_url)
    now = datetime.now(UTC)
    try:
        await check_schema(database)
        async with database.write() as connection:
            found = select(councils.c.id) if code is None else select(councils.c.id).where(councils.c.code == code)
            ids = (await connection.execute(found)).scalars().all()
            if len(ids) != 1:
                raise CommandError("name the council with --council; `citywifi council list` shows their codes")
            latest = select(func.coalesce(func.max(terms_versions.c.version), 0))
            version = (await connection.execute(latest.where(terms_versions.c.council_id == ids[0]))).scalar_one() + 1
            common = {"council_id": ids[0], "version": version, "published_at": now}
            rows = [{**common, "language": language, "text": text} for language, text in texts.items()]
            await connection.execute(terms_versions.insert(), rows)
            event = {"council_id": ids[0], "at": now, "actor": "command line", "action": "publish terms"}
            await connection.execute(audit_events.insert().values(**event, subject=f"version {version}"))
            return int(version)
    finally:
        await database.close()
