"""Publishing the terms, and bringing those who accepted older ones back to the page.

Whoever comes to the portal is asked for the newest material version at once. A remembered device does not come: it is
let on by its address. So its being remembered ends at a moment that is told beforehand. Not at once, because a city of
devices would then be off within minutes of each other, those without a screen for good; and not by RADIUS looking the
terms up, because what a resident is shown ("remembered until") must be what happens. User names for the secure network
go on: whoever logs in by them sees no page of ours, and a phone that is refused only says that the password is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.schema import devices, terms_versions

# Everybody else waits on SQLite, and each of them is told to the RADIUS servers.
_BATCH_ROWS: Final = 1000


async def newest_version(connection: AsyncConnection, council_id: int) -> int:
    """The number of a council's newest version; 0 where it has none."""
    question = select(func.coalesce(func.max(terms_versions.c.version), 0))
    number: int = (await connection.execute(question.where(terms_versions.c.council_id == council_id))).scalar_one()
    return number


async def publish(
    connection: AsyncConnection, council_id: int, texts: Mapping[str, str], *, is_material: bool, now: datetime
) -> int:
    """Publish texts, by language, as a new version; gives its number. A council's first one is always material."""
    version = await newest_version(connection, council_id) + 1
    common = {
        "council_id": council_id,
        "version": version,
        "published_at": now,
        "is_material": is_material or version == 1,
    }
    rows = [{**common, "language": language, "text": text} for language, text in texts.items()]
    await connection.execute(insert(terms_versions), rows)
    return version


async def shorten_remembrance(database: Database, council_id: int, until: datetime) -> int:
    """Let no device of a council be remembered for longer; gives how many that concerns. May be done again."""
    longer = select(devices.c.id).where(devices.c.council_id == council_id, devices.c.remembered_until > until)
    total = 0
    while True:
        async with database.write() as connection:
            found = (await connection.execute(longer.limit(_BATCH_ROWS))).scalars().all()
            if not found:
                return total
            chosen = update(devices).where(devices.c.id.in_(found))
            total += (await connection.execute(chosen.values(remembered_until=until))).rowcount
