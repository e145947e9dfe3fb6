"""Codes on paper and sponsors, as the command line would have made them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from captive_portal.ways_in.voucher_codes import Code, Form, new_code
from captive_portal.ways_in.vouchers import code_pseudonym
from foundation.schema import councils, sponsors, venues, voucher_batches, vouchers
from tests.captive_portal.conftest import City


async def offer(city: City, ways: str, *, at_venue: bool = True) -> None:
    """What the venue, or the council, offers from now on."""
    table, number = (venues, city.venue_id) if at_venue else (councils, city.council_id)
    async with city.database.write() as connection:
        await connection.execute(update(table).where(table.c.id == number).values(ways_in=ways))


async def print_code(city: City, form: Form = Form.WORDS, **batch: Any) -> Code:
    """A code of a batch of its own: good for a week, for one device, for four hours."""
    now, code = datetime.now(UTC), new_code(form)
    values = {
        "council_id": city.council_id,
        "venue_id": None,
        "name": code.text[:64],
        "form": form,
        "devices_per_code": 1,
        "access_seconds": 4 * 3600,
        "created_at": now,
        "expires_at": now + timedelta(days=7),
        **batch,
    }
    async with city.database.write() as connection:
        made = await connection.execute(voucher_batches.insert().values(**values).returning(voucher_batches.c.id))
        pseudonym = code_pseudonym(city.runtime.keyring, city.council_id, code)
        batch_id = int(made.scalar_one())
        values = {"council_id": city.council_id, "batch_id": batch_id, "code_pseudonym": pseudonym}
        await connection.execute(vouchers.insert().values(**values))
    return code


async def add_sponsor(city: City, **changed: Any) -> Code:
    """A hostel that vouches for two devices for a month."""
    now, code = datetime.now(UTC), new_code(Form.WORDS)
    values = {
        "council_id": city.council_id,
        "venue_id": None,
        "name": "Hostel",
        "code_pseudonym": code_pseudonym(city.runtime.keyring, city.council_id, code),
        "group_name": "hostel",
        "most_devices": 2,
        "created_at": now,
        "expires_at": now + timedelta(days=30),
        **changed,
    }
    async with city.database.write() as connection:
        await connection.execute(sponsors.insert().values(**values))
    return code
