"""What `citywifi doctor` examines: one function for each check, each gives findings with a remedy."""

from __future__ import annotations

import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Select, func, or_, select

from citywifi.addresses import addresses
from citywifi.certificate_diagnosis import check_certificates
from citywifi.journal_diagnosis import check_journal
from citywifi.worker_diagnosis import check_workers
from foundation import migrations
from foundation.database import Database, DatabaseError
from foundation.privacy import Keyring, PrivacyError
from foundation.runtime import NotReadyError, check_ready, open_keyring
from foundation.schema import (
    access_points,
    accounting_sessions,
    councils,
    is_in_service,
    network_access_servers,
    staff_accounts,
    staff_roles,
    terms_versions,
    venues,
)
from foundation.settings import Settings
from foundation.staff import Role

_CLOCK_TOLERANCE_SECONDS = 5
_EARLIEST_CREDIBLE_YEAR = 2026

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's answer."""

    level: Level
    check: str
    finding: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which they should be mended."""
    certificates = [Finding(*finding) for finding in check_certificates(settings, datetime.now(UTC))]
    journal = [Finding(*finding) for finding in check_journal(settings, datetime.now(UTC))]
    workers = [Finding(*finding) for finding in check_workers(settings)]
    findings = [*_check_key(settings), *certificates, *_check_ports(settings), *workers, *_check_clock(), *journal]
    try:
        database = Database(settings.resolved_database_url)
    except DatabaseError as error:
        return [Finding("problem", "database", str(error), "correct the setting database_url"), *findings]
    try:
        return [*await _check_database(settings, database), *findings]
    finally:
        await database.close()


def _check_key(settings: Settings) -> Iterator[Finding]:
    file = settings.resolved_key_file
    if settings.demo:
        yield Finding("note", "key", "the demo's well-known key is in use", "never put real residents into a demo")
        return
    try:
        Keyring.load(file)
    except PrivacyError as error:
        yield Finding("problem", "key", str(error), "without its key the database's secrets cannot be read")
        return
    folder_mode = stat.S_IMODE(file.parent.stat().st_mode)
    if folder_mode & 0o022:
        yield Finding("problem", "key", f"others may write to {file.parent}", f"run: chmod go-w {file.parent}")
    else:
        yield Finding("ok", "key", f"{file} is there and only for its owner; keep a copy away from the database")


def _check_ports(settings: Settings) -> Iterator[Finding]:
    listening = addresses(settings)
    taken = [address for address in listening if not address.is_free]
    if not taken:
        yield Finding("ok", "ports", "all are free: the services are not running")
    elif len(taken) == len(listening):
        yield Finding("ok", "ports", "something listens at all of them: the services seem to be running")
    else:
        names = ", ".join(f"{address.name} at {address}" for address in taken)
        yield Finding(
            "problem", "ports", f"only some are in use: {names}",
            "look at the service that is missing (`citywifi serve` or its systemd unit), or at who else listens",
        )  # fmt: skip


def _check_clock() -> Iterator[Finding]:
    if time.gmtime().tm_year < _EARLIEST_CREDIBLE_YEAR:
        now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        yield Finding("problem", "clock", f"this machine says that it is {now}", "set it and keep it by NTP (chrony)")


async def _check_database(settings: Settings, database: Database) -> list[Finding]:
    health = await database.health()
    if not health.reachable:
        return [
            Finding("problem", "database", f"{health.description} does not answer",
                    "is it running, and are address and password in database_url right?")
        ]  # fmt: skip
    milliseconds = health.round_trip_seconds * 1000
    findings = [Finding("ok", "database", f"{health.description} answers in {milliseconds:.0f} ms")]
    if abs(health.clock_offset_seconds) > _CLOCK_TOLERANCE_SECONDS:
        findings.append(
            Finding("problem", "clock", f"the database's clock is {health.clock_offset_seconds:+.0f} s from ours",
                    "keep both machines by the same NTP servers")
        )  # fmt: skip
    else:
        findings.append(Finding("ok", "clock", "the database's clock agrees with ours"))
    schema = await migrations.state(database)
    if not schema.is_newest:
        has = f"schema {schema.current}" if schema.current else "no schema"
        return [
            *findings,
            Finding("problem", "migrations", f"the database has {has}, the newest is {schema.newest}",
                    "run: citywifi database prepare"),
        ]  # fmt: skip
    findings.append(Finding("ok", "migrations", f"the schema is the newest, {schema.newest}"))
    for check in _DATABASE_CHECKS:
        findings += [finding async for finding in check(settings, database)]
    return findings


async def _check_safety(settings: Settings, database: Database) -> AsyncIterator[Finding]:
    try:
        await check_ready(settings, database, open_keyring(settings))
    except NotReadyError as error:
        yield Finding("problem", "safety", str(error), "the services refuse to start until then")
    except PrivacyError:
        return  # told by the key's own check
    else:
        yield Finding("ok", "safety", "key and database belong together")


async def _check_terms(_settings: Settings, database: Database) -> AsyncIterator[Finding]:
    published = select(terms_versions.c.council_id)
    without = await _names(database, select(councils.c.name).where(councils.c.id.not_in(published)))
    number = await _number(database, select(func.count()).select_from(councils))
    if number == 0:
        yield Finding("problem", "councils", "there is none", "run: citywifi council add CODE NAME")
    for name in without:
        yield Finding("problem", "terms", f"{name} has published none", "run: citywifi terms publish en=FILE")
    if number and not without:
        yield Finding("ok", "terms", "every council has published terms")


async def _check_staff(settings: Settings, database: Database) -> AsyncIterator[Finding]:
    if settings.demo:
        return
    for role, what in ((Role.ENGINEER, "see the console"), (Role.MANAGER, "add staff but on the command line")):
        held = (
            select(staff_roles.c.council_id)
            .join(staff_accounts, staff_accounts.c.id == staff_roles.c.account_id)
            .where(staff_roles.c.role == role.value, staff_accounts.c.disabled_at.is_(None))
        )
        for name in await _names(database, select(councils.c.name).where(councils.c.id.not_in(held))):
            yield Finding(
                "note", "staff", f"nobody can {what} for {name}", f"run: citywifi staff add NAME --role {role}"
            )


async def _check_equipment(_settings: Settings, database: Database) -> AsyncIterator[Finding]:
    nas = network_access_servers.c
    number = await _number(database, select(func.count()).select_from(network_access_servers).where(is_in_service()))
    with_points = select(access_points.c.nas_id)
    nowhere = is_in_service(), nas.venue_id.is_(None), nas.id.not_in(with_points)
    without = await _names(database, select(nas.name).where(*nowhere).order_by(nas.name))
    if number == 0:
        yield Finding(
            "problem", "equipment", "no network access server is known", "run: citywifi nas add NETWORK --vendor VENDOR"
        )
    for name in without:
        yield Finding(
            "problem", "equipment", f"the network access server {name!r} has no access points",
            "run: citywifi nas access-point add, or its sessions are counted at no place",
        )  # fmt: skip
    if number and not without:
        yield Finding("ok", "equipment", f"{number} network access servers, each with access points or a venue")
    unable = select(nas.name).where(
        nas.vendor == "coovachilli",
        nas.nas_identifier.is_not(None),
        or_(nas.portal_secret_encrypted.is_(None), nas.login_url.is_(None)),
    )
    for name in await _names(database, unable.order_by(nas.name)):
        yield Finding(
            "problem", "equipment", f"the gateway {name!r} has no portal secret or no login address",
            "run citywifi nas change with --portal-secret-stdin and --login-url: without the first its redirects can "
            "be forged, without the second nobody gets online",
        )  # fmt: skip
    no_place = await _names(database, select(venues.c.name).where(venues.c.ward_id.is_(None)).order_by(venues.c.name))
    if no_place:
        shown = ", ".join(no_place[:3]) + (f" and {len(no_place) - 3} more" if len(no_place) > 3 else "")
        yield Finding(
            "note", "venues", f"in no ward: {shown}", "import boundaries and postcodes first, then the venues again"
        )


async def _check_message_authenticator(_settings: Settings, database: Database) -> AsyncIterator[Finding]:
    nas = network_access_servers.c
    without = select(nas.name).where(
        nas.message_authenticator == "auto", nas.message_authenticator_seen_at.is_(None), nas.radsec_name.is_(None)
    )
    for name in await _names(database, without.order_by(nas.name)):
        yield Finding(
            "note", "equipment", f"{name!r} was never seen to send Message-Authenticator and need not (BlastRADIUS)",
            "update its firmware; it is required of it from the first one on",
        )  # fmt: skip


async def _check_unplaced_sessions(_settings: Settings, database: Database) -> AsyncIterator[Finding]:
    sessions = accounting_sessions.c
    unplaced = await _number(database, select(func.count()).where(sessions.venue_id.is_(None)))
    if unplaced:
        yield Finding(
            "note", "sessions", f"{unplaced} sessions are at no known venue",
            "their Called-Station-Id names no known access point; run: citywifi nas access-point add",
        )  # fmt: skip


_DATABASE_CHECKS: tuple[Callable[[Settings, Database], AsyncIterator[Finding]], ...] = (
    _check_safety,
    _check_terms,
    _check_staff,
    _check_equipment,
    _check_message_authenticator,
    _check_unplaced_sessions,
)


async def _names(database: Database, query: Select[str]) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(query)).scalars())


async def _number(database: Database, query: Select[int]) -> int:
    async with database.read() as connection:
        return int((await connection.execute(query)).scalar_one())
