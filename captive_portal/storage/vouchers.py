"""Codes on paper and of sponsors, whom they let on, and how often wrong ones were typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select

from foundation.database import Statements
from foundation.schema import (
    devices,
    sponsored_devices,
    sponsors,
    voucher_batches,
    voucher_uses,
    vouchers,
    way_attempts,
)

_VOUCHER: Final = (
    select(
        vouchers.c.id,
        voucher_batches.c.venue_id,
        voucher_batches.c.devices_per_code,
        voucher_batches.c.access_seconds,
        voucher_batches.c.expires_at,
        voucher_batches.c.revoked_at,
    )
    .join(voucher_batches, voucher_batches.c.id == vouchers.c.batch_id)
    .where(vouchers.c.council_id == bindparam("council_id"), vouchers.c.code_pseudonym == bindparam("code_pseudonym"))
    # Two devices that type one code at once are let on one after the other, and counted.
    .with_for_update(of=vouchers)
)
_USES: Final = select(voucher_uses.c.mac_pseudonym, voucher_uses.c.access_until).where(
    voucher_uses.c.voucher_id == bindparam("voucher_id")
)
_SPONSOR: Final = (
    select(
        sponsors.c.id,
        sponsors.c.venue_id,
        sponsors.c.group_name,
        sponsors.c.most_devices,
        sponsors.c.expires_at,
        sponsors.c.revoked_at,
    )
    .where(sponsors.c.council_id == bindparam("council_id"), sponsors.c.code_pseudonym == bindparam("code_pseudonym"))
    .with_for_update(of=sponsors)
)
_MEMBERS: Final = (
    select(
        func.count(),
        func.count().filter(devices.c.mac_pseudonym == bindparam("mac_pseudonym")),
    )
    .select_from(sponsored_devices)
    .join(devices, devices.c.id == sponsored_devices.c.device_id)
    .where(sponsored_devices.c.sponsor_id == bindparam("sponsor_id"))
)
_JOINED: Final = select(sponsored_devices.c.id).where(
    sponsored_devices.c.sponsor_id == bindparam("sponsor_id"), sponsored_devices.c.device_id == bindparam("device_id")
)
_ATTEMPTS = way_attempts.c
_COUNT_ATTEMPTS: Final = select(
    func.count().filter(_ATTEMPTS.mac_pseudonym == bindparam("mac_pseudonym")),
    func.count().filter(func.coalesce(_ATTEMPTS.venue_id, -_ATTEMPTS.nas_id) == bindparam("place")),
    func.count(),
).where(
    _ATTEMPTS.council_id == bindparam("council_id"),
    _ATTEMPTS.kind == bindparam("kind"),
    _ATTEMPTS.at > bindparam("since"),
)
_INSERT_ATTEMPT: Final = way_attempts.insert()


@dataclass(frozen=True, slots=True)
class Voucher:
    """A code on paper, with what its batch says of it."""

    id: int
    venue_id: int | None
    devices_per_code: int
    access_seconds: int | None
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Use:
    """A device that a code let on."""

    mac_pseudonym: bytes = field(repr=False)
    access_until: datetime


@dataclass(frozen=True, slots=True)
class Sponsor:
    """A hostel, school or club that vouches for its people."""

    id: int
    venue_id: int | None
    group_name: str
    most_devices: int
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that is counted to limit it: who, where and when."""

    kind: str
    council_id: int
    nas_id: int
    venue_id: int | None
    mac_pseudonym: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class RecentAttempts:
    """How often since a moment."""

    by_device: int
    by_venue: int
    by_council: int


async def find_voucher(connection: Statements, council_id: int, code_pseudonym: bytes) -> Voucher | None:
    """The code on paper, for update."""
    found = await connection.execute(_VOUCHER, {"council_id": council_id, "code_pseudonym": code_pseudonym})
    row = found.one_or_none()
    return None if row is None else Voucher(*row)


async def uses_of(connection: Statements, voucher_id: int) -> list[Use]:
    """The devices that a code let on."""
    return [Use(*row) for row in await connection.execute(_USES, {"voucher_id": voucher_id})]


async def add_use(
    connection: Statements,
    council_id: int,
    voucher_id: int,
    mac_pseudonym: bytes,
    access_until: datetime,
    now: datetime,
) -> None:
    """A code let one more device on."""
    values = {"voucher_id": voucher_id, "mac_pseudonym": mac_pseudonym, "access_until": access_until}
    await connection.execute(voucher_uses.insert().values(council_id=council_id, used_at=now, **values))


async def find_sponsor(connection: Statements, council_id: int, code_pseudonym: bytes) -> Sponsor | None:
    """The sponsor of a code, for update."""
    found = await connection.execute(_SPONSOR, {"council_id": council_id, "code_pseudonym": code_pseudonym})
    row = found.one_or_none()
    return None if row is None else Sponsor(*row)


async def members_of(connection: Statements, sponsor_id: int, mac_pseudonym: bytes) -> tuple[int, bool]:
    """How many devices are in a sponsor's group, and whether this one is."""
    values = {"sponsor_id": sponsor_id, "mac_pseudonym": mac_pseudonym}
    number, own = (await connection.execute(_MEMBERS, values)).one()
    return int(number), own > 0


async def join_sponsor(connection: Statements, council_id: int, sponsor_id: int, device_id: int, now: datetime) -> None:
    """The device is in the group, if it was not yet."""
    values = {"sponsor_id": sponsor_id, "device_id": device_id}
    if (await connection.execute(_JOINED, values)).first() is None:
        await connection.execute(sponsored_devices.insert().values(council_id=council_id, joined_at=now, **values))


async def count_attempts(connection: Statements, attempt: Attempt, since: datetime) -> RecentAttempts:
    """Attempts of the same kind since a moment: of the device, at the venue (or gateway), in the council."""
    place = -attempt.nas_id if attempt.venue_id is None else attempt.venue_id
    values = {
        "council_id": attempt.council_id,
        "kind": attempt.kind,
        "mac_pseudonym": attempt.mac_pseudonym,
        "place": place,
        "since": since,
    }
    return RecentAttempts(*(await connection.execute(_COUNT_ATTEMPTS, values)).one())


async def insert_attempt(connection: Statements, attempt: Attempt) -> None:
    """Count one more."""
    values = {
        "council_id": attempt.council_id,
        "kind": attempt.kind,
        "nas_id": attempt.nas_id,
        "venue_id": attempt.venue_id,
        "mac_pseudonym": attempt.mac_pseudonym,
        "at": attempt.at,
    }
    await connection.execute(_INSERT_ATTEMPT, values)
