"""A small city that tests fill as they like."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy import Table

from foundation.database import Database
from foundation.partitions import ensure_months
from foundation.privacy import Keyring
from foundation.schema import (
    access_points,
    accounting_sessions,
    authentications,
    network_access_servers,
    residents,
    small_areas,
    venues,
    wards,
)
from tests.conftest import insert_council

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
# What must never be seen on a page.
MAC_ADDRESS = "02-11-22-33-44-55"
USER_NAME = "tsecretsecretsecretsecretse"
IP_ADDRESS = "10.99.88.77"


@dataclass
class City:
    """Two wards with a library each, in decile 1 and decile 9."""

    database: Database
    council_id: int
    nas_id: int
    venue_ids: list[int]
    access_point_ids: list[int]
    numbers: count[int] = field(default_factory=count)

    async def insert(self, table: Table, **values: object) -> int:
        await ensure_months(self.database, [moment for moment in values.values() if isinstance(moment, datetime)])
        async with self.database.write() as connection:
            result = await connection.execute(table.insert().values(**values))
        assert result.inserted_primary_key is not None
        return int(result.inserted_primary_key[0])

    async def add_resident(self, venue: int | None = 0, at: datetime = NOW) -> int:
        """Venues are told by their place in the list."""
        return await self.insert(
            residents, council_id=self.council_id, contact_kind="none", registered_at=at, last_seen_at=at,
            registered_venue_id=None if venue is None else self.venue_ids[venue],
        )  # fmt: skip

    async def add_session(
        self,
        started_at: datetime,
        seconds: int = 600,
        *,
        venue: int | None = 0,
        resident: int | None = None,
        octets: tuple[int, int] = (1000, 9000),
        is_open: bool = False,
        received_at: datetime | None = None,
    ) -> int:
        ended_at = started_at + timedelta(seconds=seconds)
        return await self.insert(
            accounting_sessions, council_id=self.council_id, nas_id=self.nas_id, resident_id=resident,
            session_key=hashlib.md5(str(next(self.numbers)).encode()).digest(),
            venue_id=None if venue is None else self.venue_ids[venue], acct_session_id="0001", user_name=USER_NAME,
            calling_station_id=MAC_ADDRESS, framed_ip_address=IP_ADDRESS, started_at=started_at, updated_at=ended_at,
            received_at=received_at or ended_at, stopped_at=None if is_open else ended_at,
            ended_by=None if is_open else "stop", session_seconds=seconds, input_octets=octets[0],
            output_octets=octets[1],
        )  # fmt: skip

    async def add_reject(self, at: datetime, reason: str, venue: int = 0) -> int:
        return await self.insert(
            authentications, council_id=self.council_id, at=at, nas_id=self.nas_id, venue_id=self.venue_ids[venue],
            method="pap", accepted=False, reason=reason, user_pseudonym=bytes(range(16)), milliseconds=1.5,
        )  # fmt: skip


async def make_city(database: Database, keyring: Keyring) -> City:
    council = await insert_council(database)
    city = City(database, council, 0, [], [])
    now = NOW - timedelta(days=400)
    city.nas_id = await city.insert(
        network_access_servers, council_id=council, name="Gateway", network="127.10.0.1/32", vendor="coovachilli",
        secret_encrypted=keyring.encrypt("nas secret", b"a long random one"), created_at=now, updated_at=now,
        dynamic_authorization_host="127.0.0.1", dynamic_authorization_port=3799,
    )  # fmt: skip
    for number, (name, decile) in enumerate((("Foleshill", 1), ("Earlsdon", 9))):
        west = -1.5 + number / 10
        ring = [[west, 52.4], [west + 0.1, 52.4], [west + 0.1, 52.5], [west, 52.5], [west, 52.4]]
        ward = await city.insert(
            wards, council_id=council, code=f"E0500000{number}", name=name,
            outline=json.dumps({"type": "Polygon", "coordinates": [ring]}),
        )  # fmt: skip
        area = await city.insert(
            small_areas, council_id=council, code=f"E0100000{number}", edition=2021, name=name, ward_id=ward,
            imd_decile=decile,
        )  # fmt: skip
        venue = await city.insert(
            venues, council_id=council, source="test", reference=str(number), name=f"{name} library", ward_id=ward,
            small_area_id=area, created_at=now, updated_at=now,
        )  # fmt: skip
        city.venue_ids.append(venue)
        point = await city.insert(
            access_points, council_id=council, nas_id=city.nas_id, venue_id=venue, name=f"{name} 1",
            mac_address=f"00005e00530{number}", created_at=now,
        )  # fmt: skip
        city.access_point_ids.append(point)
    return city
