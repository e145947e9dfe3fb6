"""Batches of codes on paper, and sponsors, in the database, for the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Table, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.ways_in.voucher_codes import Code, Form, new_code
from captive_portal.ways_in.vouchers import code_pseudonym
from citywifi.commands.workplace import record
from citywifi.errors import CommandError
from citywifi.imports.store import Council, find_council
from citywifi.policies import Where, find_place
from citywifi.policy_values import parse_duration
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    councils,
    sponsored_devices,
    sponsors,
    venues,
    voucher_batches,
    voucher_uses,
    vouchers,
)

MOST_CODES: Final = 5000
_LONGEST_NAME: Final = 64
_LONGEST: Final = timedelta(days=400)
_COLUMNS: Final = ("form", "code")


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch as somebody asks for it."""

    name: str
    where: Where
    form: Form
    number: int
    devices: int
    access_seconds: int | None
    # A day, such as 2027-03-31, or a time from now, such as 30d.
    until: str


@dataclass(frozen=True, slots=True)
class NewSponsor:
    """A sponsor as somebody asks for it."""

    name: str
    where: Where
    group_name: str
    devices: int
    until: str


@dataclass(frozen=True, slots=True)
class Made:
    """What was made; its codes stand nowhere else."""

    council_name: str
    venue_name: str
    expires_at: datetime
    zone: ZoneInfo
    codes: tuple[Code, ...] = field(repr=False)


def read_until(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The end of a day such as 2027-03-31, or so long from now. Raises CommandError."""
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
        moment = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        moment = now + timedelta(seconds=parse_duration(text))
    if not now < moment <= now + _LONGEST:
        raise CommandError(f"{text} is past, or more than {_LONGEST.days} days ahead")
    return moment


async def make_batch(runtime: Runtime, asked: NewBatch) -> Made:
    """Make a batch of codes. Raises CommandError."""
    _check_name(asked.name)
    now = datetime.now(UTC)
    found = await find_place(runtime.database, asked.where)
    zone = await _zone(runtime.database, found.council)
    expires_at = read_until(asked.until, zone, now)
    async with runtime.database.write() as connection:
        values = {
            "council_id": found.council.id,
            "venue_id": found.place.venue_id,
            "name": asked.name,
            "form": asked.form,
            "devices_per_code": asked.devices,
            "access_seconds": asked.access_seconds,
            "created_at": now,
            "expires_at": expires_at,
        }
        batch_id = await _insert(connection, voucher_batches, values)
        codes = await _new_codes(connection, runtime.keyring, found.council.id, asked.form, asked.number)
        rows = [
            {"council_id": found.council.id, "batch_id": batch_id, "code_pseudonym": pseudonym} for pseudonym in codes
        ]
        await connection.execute(vouchers.insert(), rows)
        detail = {"codes": len(rows), "form": asked.form, "devices": asked.devices}
        await record(connection, "make codes", f"batch {batch_id}", council_id=found.council.id, detail=detail)
        venue_name = await _venue_name(connection, found.place.venue_id)
    return Made(found.council.name, venue_name, expires_at, zone, tuple(codes.values()))


async def make_sponsor(runtime: Runtime, asked: NewSponsor) -> Made:
    """Make a sponsor with a code of words. Raises CommandError."""
    _check_name(asked.name)
    now = datetime.now(UTC)
    where = Where(asked.where.council, asked.where.venue, None, asked.group_name)
    found = await find_place(runtime.database, where)
    zone = await _zone(runtime.database, found.council)
    expires_at = read_until(asked.until, zone, now)
    async with runtime.database.write() as connection:
        ((pseudonym, code),) = (await _new_codes(connection, runtime.keyring, found.council.id, Form.WORDS, 1)).items()
        values = {
            "council_id": found.council.id,
            "venue_id": found.place.venue_id,
            "name": asked.name,
            "code_pseudonym": pseudonym,
            "group_name": asked.group_name,
            "most_devices": asked.devices,
            "created_at": now,
            "expires_at": expires_at,
        }
        sponsor_id = await _insert(connection, sponsors, values)
        await record(connection, "add sponsor", f"sponsor {sponsor_id}", council_id=found.council.id)
        venue_name = await _venue_name(connection, found.place.venue_id)
    return Made(found.council.name, venue_name, expires_at, zone, (code,))


async def list_batches(runtime: Runtime, code: str | None) -> list[dict[str, Any]]:
    """Batches, newest first, with how many codes and devices there are."""
    chosen = await find_council(runtime.database, code)
    table = voucher_batches.c
    in_batch = select(vouchers.c.id).where(vouchers.c.batch_id == table.id)
    number = select(func.count()).where(vouchers.c.batch_id == table.id)
    used = select(func.count()).where(voucher_uses.c.voucher_id.in_(in_batch))
    question = select(
        table.name,
        func.coalesce(venues.c.name, "").label("venue"),
        table.form,
        number.scalar_subquery().label("codes"),
        table.devices_per_code,
        used.scalar_subquery().label("devices_let_on"),
        table.access_seconds,
        table.created_at,
        table.expires_at,
        table.revoked_at,
    ).outerjoin(venues, venues.c.id == table.venue_id)
    return await _rows(runtime, question.where(table.council_id == chosen.id).order_by(table.id.desc()))


async def list_sponsors(runtime: Runtime, code: str | None) -> list[dict[str, Any]]:
    """Sponsors by name, with how many devices are in."""
    chosen = await find_council(runtime.database, code)
    table = sponsors.c
    inside = select(func.count()).where(sponsored_devices.c.sponsor_id == table.id)
    question = select(
        table.name,
        func.coalesce(venues.c.name, "").label("venue"),
        table.group_name,
        inside.scalar_subquery().label("devices"),
        table.most_devices,
        table.created_at,
        table.expires_at,
        table.revoked_at,
    ).outerjoin(venues, venues.c.id == table.venue_id)
    return await _rows(runtime, question.where(table.council_id == chosen.id).order_by(table.name))


def write_codes(codes: Sequence[Code]) -> bytes:
    """The codes as CSV, from which sheets can be printed again."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows((code.form, code.text) for code in codes)
    return text.getvalue().encode()


def read_codes(file: Path) -> list[tuple[Form, str]]:
    """What `write_codes` wrote. Raises CommandError."""
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            rows = [(Form(row["form"]), row["code"]) for row in csv.DictReader(opened)]
    except (OSError, UnicodeDecodeError, ValueError, KeyError):
        raise CommandError(
            f"{file} cannot be read as codes; it is the file that `voucher create --file` wrote"
        ) from None
    if not rows:
        raise CommandError(f"{file} has no codes")
    return rows


async def _new_codes(
    connection: AsyncConnection, keyring: Keyring, council_id: int, form: Form, number: int
) -> dict[bytes, Code]:
    """Codes that the council has not given out, by their pseudonym."""
    found: dict[bytes, Code] = {}
    while len(found) < number:
        made = {code_pseudonym(keyring, council_id, code): code for code in (new_code(form) for _ in range(500))}
        for table in (vouchers, sponsors):
            taken = select(table.c.code_pseudonym).where(
                table.c.council_id == council_id, table.c.code_pseudonym.in_(made)
            )
            for pseudonym in (await connection.execute(taken)).scalars().all():
                del made[pseudonym]
        found.update(list(made.items())[: number - len(found)])
    return found


async def _insert(connection: AsyncConnection, table: Table, values: dict[str, Any]) -> int:
    try:
        return int((await connection.execute(table.insert().values(**values).returning(table.c.id))).scalar_one())
    except IntegrityError:
        raise CommandError(f"there is already one called {values['name']!r}; give another name") from None


async def _rows(runtime: Runtime, question: Any) -> list[dict[str, Any]]:
    async with runtime.database.read() as connection:
        return [dict(row._mapping) for row in (await connection.execute(question)).all()]


async def _zone(database: Database, council: Council) -> ZoneInfo:
    async with database.read() as connection:
        question = select(councils.c.time_zone).where(councils.c.id == council.id)
        return ZoneInfo((await connection.execute(question)).scalar_one())


async def _venue_name(connection: AsyncConnection, venue_id: int | None) -> str:
    found = await connection.execute(select(venues.c.name).where(venues.c.id == venue_id))
    return found.scalar_one_or_none() or ""


def _check_name(name: str) -> None:
    if not (0 < len(name) <= _LONGEST_NAME and name.isprintable()):
        raise CommandError(f"a name has 1 to {_LONGEST_NAME} characters")
