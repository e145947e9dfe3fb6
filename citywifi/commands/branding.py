"""``citywifi branding``: how the pages of a council and of its venues look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.appearance.branding import (
    BrandingError,
    Logo,
    best_contrast,
    brand_of,
    parse_colour,
    read_branding,
    read_logo,
    text_on,
    write_branding,
)
from captive_portal.appearance.preview import render_preview
from captive_portal.languages import NAMES
from captive_portal.storage.equipment import Place, load_logo, load_place
from citywifi.commands.workplace import AsJson, CouncilCode, perform, print_json, record
from citywifi.equipment import find_venue
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.runtime import Runtime
from foundation.schema import councils, logos, venues

app = typer.Typer(help="How the pages of a council and of its venues look.", no_args_is_help=True)

Venue = Annotated[
    str | None, typer.Option("--venue", metavar="REFERENCE", help="Of this venue only; else of the whole council.")
]
Name = Annotated[str | None, typer.Option("--name", help="What the head of each page says; '' for the council's name.")]
Colour = Annotated[str | None, typer.Option("--colour", metavar="#RRGGBB", help="Of the page's head; '' for ours.")]
LogoFile = Annotated[
    str | None, typer.Option("--logo", metavar="FILE", help="A PNG, JPEG or WebP picture; '' for none.")
]


@app.command("set")
def change(
    name: Name = None,
    colour: Colour = None,
    logo: LogoFile = None,
    venue: Venue = None,
    council: CouncilCode = None,
) -> None:
    """Choose name, colour or logo; what is not given stays as it is. Residents see it on their next page.

    A colour on which neither black nor white text can be read well (WCAG 2.2, 4.5 to 1) is refused, with the nearest
    that would do.
    """
    changes = _changes(name, colour, logo)
    if not changes:
        raise CommandError("nothing was given that should change; see: citywifi branding set --help")
    perform(lambda runtime: _change(runtime, council, venue, changes))
    typer.echo("changed; residents see it on their next page")


@app.command()
def show(venue: Venue = None, council: CouncilCode = None, as_json: AsJson = False) -> None:
    """Show what is in force."""
    place = perform(lambda runtime: _place(runtime, council, venue))
    brand = place.brand
    shown = {
        "name": place.display_name,
        "colour": brand.colour,
        "text": text_on(brand.colour) if brand.colour else None,
        "contrast": round(best_contrast(brand.colour), 2) if brand.colour else None,
        "logo": f"{brand.logo.width} × {brand.logo.height}, {brand.logo.path}" if brand.logo else None,
    }
    if as_json:
        print_json(shown)
        return
    for what, value in shown.items():
        typer.echo(f"{what + ':':10}{'–' if value is None else value}")


@app.command()
def preview(
    folder: Annotated[Path, typer.Argument(help="Where the pages are written; a browser opens them from there.")],
    name: Name = None,
    colour: Colour = None,
    logo: LogoFile = None,
    language: Annotated[str, typer.Option(help=f"One of {', '.join(NAMES)}.")] = "en",
    venue: Venue = None,
    council: CouncilCode = None,
) -> None:
    """Write pages as they would look with these choices; nothing is changed."""
    if language not in NAMES:
        raise CommandError(f"there is no language {language!r}; there are {', '.join(NAMES)}")
    changes = _changes(name, colour, logo)
    place = perform(lambda runtime: _place(runtime, council, venue, changes))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for page, html in render_preview(place, language).items():
            file = folder / f"{page}.html"
            file.write_text(html, encoding="utf-8")
            typer.echo(file)
    except OSError as error:
        raise CommandError(f"{folder} cannot be written to: {error.strerror}") from None


def _changes(name: str | None, colour: str | None, logo: str | None) -> dict[str, Any]:
    """What was given, checked; None for what is to be as it was without it."""
    changes: dict[str, Any] = {}
    try:
        if name is not None:
            changes["name"] = _read_name(name)
        if colour is not None:
            changes["colour"] = parse_colour(colour) if colour else None
        if logo is not None:
            changes["logo"] = read_logo(_read_file(Path(logo))) if logo else None
    except BrandingError as error:
        raise CommandError(str(error)) from None
    return changes


def _read_name(text: str) -> str | None:
    name = " ".join(text.split())
    if len(name) > 60 or not name.isprintable():
        raise CommandError("the name has at most 60 characters, so that it fits on a phone")
    return name or None


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None


def _merged(stored: str | None, changes: Mapping[str, Any]) -> str | None:
    chosen = {**read_branding(stored), **changes}
    return write_branding({what: value for what, value in chosen.items() if value is not None})


async def _change(runtime: Runtime, code: str | None, reference: str | None, changes: Mapping[str, Any]) -> None:
    council_id = (await find_council(runtime.database, code)).id
    async with runtime.database.write() as connection:
        table, row_id, subject = councils, council_id, "council"
        if reference is not None:
            table, row_id, subject = venues, await find_venue(connection, council_id, reference), reference
        stored = (await connection.execute(select(table.c.branding).where(table.c.id == row_id))).scalar_one()
        await connection.execute(update(table).where(table.c.id == row_id).values(branding=_merged(stored, changes)))
        if isinstance(logo := changes.get("logo"), Logo):
            await _keep_logo(connection, council_id, logo)
        detail = {"changed": sorted(changes)}
        await record(connection, "set branding", subject, council_id=council_id, detail=detail)


async def _keep_logo(connection: AsyncConnection, council_id: int, logo: Logo) -> None:
    same = select(logos.c.id).where(logos.c.council_id == council_id, logos.c.digest == logo.digest)
    if (await connection.execute(same)).first() is None:
        row = {"council_id": council_id, "digest": logo.digest, "octets": logo.octets, "created_at": datetime.now(UTC)}
        await connection.execute(insert(logos).values(row))


async def _place(
    runtime: Runtime, code: str | None, reference: str | None, changes: Mapping[str, Any] | None = None
) -> Place:
    """The place as its pages show it, with what would be changed; its logo has its octets."""
    council_id = (await find_council(runtime.database, code)).id
    async with runtime.database.read() as connection:
        venue_id = await find_venue(connection, council_id, reference) if reference is not None else None
        place = await load_place(connection, council_id, venue_id)
        question = select(venues.c.branding, councils.c.branding).select_from(councils)
        question = question.outerjoin(venues, venues.c.id == venue_id).where(councils.c.id == council_id)
        of_venue, of_council = (await connection.execute(question)).one()
        if venue_id is None:
            brand = brand_of(None, _merged(of_council, changes or {}))
        else:
            brand = brand_of(_merged(of_venue, changes or {}), of_council)
        if brand.logo is None:
            return replace(place, brand=brand)
        new = (changes or {}).get("logo")
        octets = new.octets if isinstance(new, Logo) else await load_logo(connection, brand.logo.digest)
    return replace(place, brand=replace(brand, logo=replace(brand.logo, octets=octets or b"")))
