"""``citywifi terms``: publish the terms that residents accept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select

from citywifi.commands.workplace import CouncilCode, perform, record
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.runtime import Runtime
from foundation.schema import terms_versions

app = typer.Typer(help="The terms that residents accept.", no_args_is_help=True)


@app.command()
def publish(
    files: Annotated[
        list[str], typer.Argument(help="One file for each language, written LANGUAGE=FILE, such as en=terms.txt.")
    ],
    council: CouncilCode = None,
) -> None:
    """Publish a new version of the terms; residents accept it the next time that they come."""
    texts = dict(_read(argument) for argument in files)
    version = perform(lambda runtime: _publish(runtime, texts, council))
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


async def _publish(runtime: Runtime, texts: dict[str, str], code: str | None) -> int:
    council_id = (await find_council(runtime.database, code)).id
    async with runtime.database.write() as connection:
        latest = select(func.coalesce(func.max(terms_versions.c.version), 0))
        version = (await connection.execute(latest.where(terms_versions.c.council_id == council_id))).scalar_one() + 1
        common = {"council_id": council_id, "version": version, "published_at": datetime.now(UTC)}
        rows = [{**common, "language": language, "text": text} for language, text in texts.items()]
        await connection.execute(terms_versions.insert(), rows)
        await record(connection, "publish terms", f"version {version}", council_id=council_id)
        return int(version)
