"""An installation for a play: what is configured of one council, nobody's data, in a folder that is gone afterwards.

The portal is tried on a copy, so that a play meets nobody, changes nothing and leaves nothing: no journey, no resident,
no session, no mail. It sends nothing, either: mail and texts stay in the folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table, insert, select

from foundation.database import Database
from foundation.runtime import Runtime
from foundation.schema import (
    access_points,
    councils,
    essential_sites,
    logos,
    metadata,
    network_access_servers,
    policies,
    terms_versions,
    venues,
)

# In the order in which they refer to each other, with what is left out of each.
_COPIED: Final[Mapping[Table, Collection[str]]] = {
    councils: (),
    venues: ("ward_id", "small_area_id", "latitude", "longitude"),
    logos: (),
    terms_versions: (),
    policies: (),
    essential_sites: (),
}
_OF_GATEWAY: Final[Mapping[Table, Collection[str]]] = {network_access_servers: (), access_points: ()}
_Row = dict[str, Any]


@asynccontextmanager
async def scratch_installation(runtime: Runtime, council_id: int, nas_id: int) -> AsyncIterator[Runtime]:
    """A copy with one gateway, under the same key and the same public address; gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="citywifi-laboratory-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'play.sqlite3'}")
        try:
            await _fill(database, await _read(runtime.database, council_id, nas_id))
            yield Runtime(_settings(runtime, Path(folder)), database, runtime.keyring)
        finally:
            await database.close()


def _settings(runtime: Runtime, folder: Path) -> Any:
    settings = runtime.settings
    return settings.model_copy(
        update={
            # Whatever would be sent is kept in the folder.
            "demo": True,
            "data_directory": folder,
            "mail": settings.mail.model_copy(update={"host": ""}),
            "sms": settings.sms.model_copy(update={"provider": ""}),
        }
    )


async def _read(database: Database, council_id: int, nas_id: int) -> list[tuple[Table, list[_Row]]]:
    async with database.read() as connection:
        found = []
        for table, left_out in {**_COPIED, **_OF_GATEWAY}.items():
            is_whose = table.c.id == council_id if table is councils else table.c.council_id == council_id
            if table in _OF_GATEWAY:
                is_whose &= (table.c.id if table is network_access_servers else table.c.nas_id) == nas_id
            columns = [column for column in table.c if column.name not in left_out]
            rows = await connection.execute(select(*columns).where(is_whose).order_by(table.c.id))
            found.append((table, [dict(row._mapping) for row in rows]))
        return found


async def _fill(database: Database, tables: list[tuple[Table, list[_Row]]]) -> None:
    async with database.write_schema() as connection:
        await connection.run_sync(metadata.create_all)
    async with database.write() as connection:
        for table, rows in tables:
            if rows:
                await connection.execute(insert(table), rows)
