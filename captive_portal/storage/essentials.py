"""The sites that a council opens before login, and what the last look at them found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from captive_portal.essentials.sites import MOST_SITES, EssentialsError, EssentialSite, Purpose, default_sites
from foundation.database import Statements
from foundation.schema import essential_checks, essential_sites

_site, _check = essential_sites.c, essential_checks.c
_OF_COUNCIL: Final = select(essential_sites).where(_site.council_id == bindparam("council_id")).order_by(_site.id)
_ONE: Final = (_site.council_id == bindparam("of_council"), _site.key == bindparam("of_key"))
_CHECKS: Final = select(essential_checks).where(_check.council_id == bindparam("council_id"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A site with what the council decided of it."""

    site: EssentialSite
    # It comes with us; the council may have changed it.
    is_default: bool
    is_left_out: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What the last look found."""

    checked_at: datetime
    problem: str | None
    missing_hosts: tuple[str, ...] = ()


async def list_sites(connection: Statements, council_id: int) -> list[Listed]:
    """All that the council decides of: its own first, then those that come with us."""
    rows = (await connection.execute(_OF_COUNCIL, {"council_id": council_id})).all()
    own = {row.key: row for row in rows}
    defaults = default_sites()
    keys = {site.key for site in defaults}
    listed = [_listed(row, is_default=False) for row in rows if row.key not in keys]
    return listed + [
        _listed(own[site.key], is_default=True) if site.key in own else Listed(site, is_default=True)
        for site in defaults
    ]


async def offered_sites(connection: Statements, council_id: int) -> list[EssentialSite]:
    """Those that residents may open before login."""
    return [one.site for one in await list_sites(connection, council_id) if not one.is_left_out]


async def put_site(connection: Statements, council_id: int, site: EssentialSite, now: datetime) -> None:
    """Offer a site, or offer it changed. Raises EssentialsError when there are too many."""
    listed = await list_sites(connection, council_id)
    if site.key not in {one.site.key for one in listed} and len(listed) >= MOST_SITES:
        raise EssentialsError(f"there are {MOST_SITES} sites already, which is as many as equipment takes; remove one")
    await _put(connection, council_id, site, now, left_out_at=None)


async def remove_site(connection: Statements, council_id: int, key: str, now: datetime) -> bool:
    """Offer a site no longer; whether there was one. One that comes with us can be put back."""
    found = {one.site.key: one for one in await list_sites(connection, council_id)}.get(key)
    if found is None or found.is_left_out:
        return False
    await _forget_check(connection, council_id, key)
    if found.is_default:
        await _put(connection, council_id, found.site, now, left_out_at=now)
    else:
        await connection.execute(delete(essential_sites).where(*_ONE), {"of_council": council_id, "of_key": key})
    return True


async def put_back(connection: Statements, council_id: int, key: str) -> bool:
    """Offer one that comes with us as it comes; whether there is one."""
    if key not in {site.key for site in default_sites()}:
        return False
    await _forget_check(connection, council_id, key)
    await connection.execute(delete(essential_sites).where(*_ONE), {"of_council": council_id, "of_key": key})
    return True


async def load_checks(connection: Statements, council_id: int) -> Mapping[str, Checked]:
    """What was found, by the site's key."""
    rows = await connection.execute(_CHECKS, {"council_id": council_id})
    return {row.key: Checked(row.checked_at, row.problem, tuple(row.missing_hosts)) for row in rows}


async def store_check(connection: Statements, council_id: int, key: str, found: Checked) -> None:
    """Keep what was found in place of what was found before."""
    await _forget_check(connection, council_id, key)
    values = {"checked_at": found.checked_at, "problem": found.problem, "missing_hosts": list(found.missing_hosts)}
    await connection.execute(insert(essential_checks).values(council_id=council_id, key=key, **values))


async def _forget_check(connection: Statements, council_id: int, key: str) -> None:
    await connection.execute(delete(essential_checks).where(_check.council_id == council_id, _check.key == key))


async def _put(
    connection: Statements, council_id: int, site: EssentialSite, now: datetime, *, left_out_at: datetime | None
) -> None:
    values = {
        "purpose": site.purpose.value,
        "name": site.name,
        "address": site.address,
        "hosts": list(site.other_hosts),
        "left_out_at": left_out_at,
        "updated_at": now,
    }
    one = {"of_council": council_id, "of_key": site.key}
    changed = await connection.execute(update(essential_sites).where(*_ONE).values(**values), one)
    if not changed.rowcount:
        await connection.execute(insert(essential_sites).values(council_id=council_id, key=site.key, **values))


def _listed(row: Any, *, is_default: bool) -> Listed:
    hosts: Sequence[str] = row.hosts
    site = EssentialSite(row.key, Purpose(row.purpose), row.name, row.address, tuple(hosts))
    return Listed(site, is_default, row.left_out_at is not None)
