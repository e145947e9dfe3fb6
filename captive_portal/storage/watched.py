"""What the portal looks after: the gateways that have sessions of its making, and whose turn it is to look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, func, select, update

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.gateway import Gateway
from captive_portal.storage.equipment import GATEWAY_COLUMNS, gateway_of
from foundation.database import Database, Statements
from foundation.privacy import Keyring
from foundation.schema import job_progress, network_access_servers

_JOB: Final = "sessions of the portal's making"
_NAS: Final = network_access_servers.c
_GATEWAYS: Final = select(*GATEWAY_COLUMNS, func.coalesce(_NAS.gateway_driver, _NAS.vendor).label("driver")).where(
    _NAS.id.in_(bindparam("numbers", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A gateway with its driver."""

    gateway: Gateway
    driver: GatewayDriver


async def claim(database: Database, now: datetime, interval: timedelta) -> bool:
    """Whether it is this process's turn; of several that ask within the interval it is one's."""
    first = database.insert(job_progress).values(name=_JOB, done_until=now).on_conflict_do_nothing()
    due = job_progress.c.done_until <= now - interval
    again = update(job_progress).where(job_progress.c.name == _JOB, due).values(done_until=now)
    async with database.short_write() as connection:
        if (await connection.execute(first)).rowcount == 1:
            return True
        return (await connection.execute(again)).rowcount == 1


async def load_gateways(
    connection: Statements, keyring: Keyring, numbers: list[int], portal_url: str
) -> dict[int, Watched]:
    """Gateways by their numbers; one whose driver is not known any more is left out."""
    rows = (await connection.execute(_GATEWAYS, {"numbers": numbers})).all()
    return {
        row.gateway_id: Watched(gateway_of(keyring, row, row.driver, portal_url), DRIVERS[row.driver])
        for row in rows
        if row.driver in DRIVERS
    }
