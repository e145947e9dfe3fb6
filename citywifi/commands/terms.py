"""``citywifi terms``: publish the terms that residents accept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import select

from captive_portal.storage.published_terms import newest_version, shorten_remembrance
from captive_portal.storage.published_terms import publish as publish_texts
from citywifi.commands.workplace import CouncilCode, perform, record, shown_time
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.runtime import Runtime
from foundation.schema import councils

app = typer.Typer(help="The terms that residents accept.", no_args_is_help=True)

# Sessions of remembered devices end then, so it is when the fewest are on; by the council's own clock.
_HOUR_OF_CHANGE: Final = time(3)
_USUAL_NOTICE: Final = timedelta(days=14)
_LONGEST_NOTICE: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class _Published:
    version: int
    is_material: bool
    # Remembered devices come to the page from then on, so many of them.
    asked_from: datetime | None
    devices: int


@app.command()
def publish(
    files: Annotated[
        list[str], typer.Argument(help="One file for each language, written LANGUAGE=FILE, such as en=terms.txt.")
    ],
    material: Annotated[
        bool | None,
        typer.Option(
            "--material/--not-material",
            help="Whether residents agree to something else than before: then they are asked again.",
        ),
    ] = None,
    asked_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DATE",
            help="Remembered devices come to the page from 3:00 of that day; in 14 days.",
        ),
    ] = None,
    council: CouncilCode = None,
) -> None:
    """Publish a new version of the terms.

    New residents accept it from now on. Of a material one, whoever accepted an older one is asked at the next visit,
    and remembered devices come to the page from a day that you choose.
    """
    texts = dict(_read(argument) for argument in files)
    day = _read_day(asked_from)
    done = perform(lambda runtime: _publish(runtime, texts, council, material, day))
    typer.echo(f"published version {done.version} in {', '.join(sorted(texts))}")
    if done.asked_from is not None:
        typer.echo(
            "whoever accepted an older version is asked at the next visit; "
            f"remembered devices ({done.devices:,}) from {shown_time(done.asked_from)} UTC on"
        )
    elif not done.is_material:
        typer.echo("nobody is asked again")


def _read_day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is no day; write one such as 2027-01-31") from None
    today = datetime.now(UTC).date()
    if not today < day <= today + _LONGEST_NOTICE:
        raise CommandError(f"{text} is not one of the next {_LONGEST_NOTICE.days} days")
    return day


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


async def _publish(
    runtime: Runtime, texts: dict[str, str], code: str | None, material: bool | None, day: date | None
) -> _Published:
    council_id = (await find_council(runtime.database, code)).id
    now = datetime.now(UTC)
    async with runtime.database.read() as connection:
        is_first = await newest_version(connection, council_id) == 0
        zone = (await connection.execute(select(councils.c.time_zone).where(councils.c.id == council_id))).scalar_one()
    if not is_first and material is None:
        raise CommandError(
            "say whether residents must agree anew: --material if what they agree to has changed, "
            "--not-material if it is only said better"
        )
    asks_again = bool(material) and not is_first
    asked_from = _moment(day or (now + _USUAL_NOTICE).date(), zone) if asks_again else None
    # Before, so that a command that was stopped here can be given again; and after, for who came meanwhile.
    number = await shorten_remembrance(runtime.database, council_id, asked_from) if asked_from else 0
    async with runtime.database.write() as connection:
        version = await publish_texts(connection, council_id, texts, is_material=bool(material), now=now)
        detail = {"material": asks_again or is_first, "devices from": asked_from and asked_from.isoformat()}
        await record(connection, "publish terms", f"version {version}", council_id=council_id, detail=detail)
    if asked_from:
        number += await shorten_remembrance(runtime.database, council_id, asked_from)
    return _Published(version, asks_again or is_first, asked_from, number)


def _moment(day: date, zone: str) -> datetime:
    return datetime.combine(day, _HOUR_OF_CHANGE, ZoneInfo(zone)).astimezone(UTC)
