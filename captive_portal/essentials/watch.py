"""Looks at every council's essential sites once a day, beside the portal's pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import DBAPIError

from captive_portal import metrics
from captive_portal.essentials.probe import look_at, make_http
from captive_portal.essentials.sites import EssentialSite
from captive_portal.storage import equipment
from captive_portal.storage import essentials as storage
from captive_portal.storage.essentials import Checked
from foundation.runtime import Runtime

# A portal that has just begun has other things to do.
_FIRST_AFTER_SECONDS: Final = 600.0
_EVERY_SECONDS: Final = 3600.0
_GOOD_FOR: Final = timedelta(days=1)


async def watch(runtime: Runtime) -> None:
    """For ever; an hour in which it could not is made up for in the next."""
    await asyncio.sleep(_FIRST_AFTER_SECONDS)
    while True:
        with contextlib.suppress(DBAPIError, OSError):
            await look_at_what_is_due(runtime, datetime.now(UTC))
        await asyncio.sleep(_EVERY_SECONDS)


async def look_at_what_is_due(runtime: Runtime, now: datetime) -> None:
    """Look at the councils whose sites nobody looked at for a day."""
    async with runtime.database.read() as connection:
        councils = await equipment.council_numbers(connection)
    unreachable = 0
    for council_id in councils:
        async with runtime.database.read() as connection:
            sites = await storage.offered_sites(connection, council_id)
            checks = await storage.load_checks(connection, council_id)
        if any(site.key not in checks or now - checks[site.key].checked_at >= _GOOD_FOR for site in sites):
            checks = {site.key: found for site, found in await check(runtime, council_id, sites, now)}
        unreachable += sum(1 for site in sites if checks[site.key].problem)
    metrics.essential_sites_unreachable.set(unreachable)


async def check(
    runtime: Runtime, council_id: int, sites: Sequence[EssentialSite], now: datetime
) -> list[tuple[EssentialSite, Checked]]:
    """Look at a council's sites now, and keep what was found."""
    async with make_http() as http:
        looked = await look_at(http, sites, now)
    async with runtime.database.write() as connection:
        for site, found in looked:
            await storage.store_check(connection, council_id, site.key, found)
    return looked
