"""All that is kept of a resident: read for the pages of my data."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, or_, select

from captive_portal.information_rights.my_data import (
    Acceptance,
    Credential,
    Device,
    MyData,
    NewsConsent,
    PaperCode,
    ProblemReport,
    ProgramToken,
    Registration,
    Session,
    kept,
)
from captive_portal.storage import holds, marketing
from captive_portal.storage.information_requests import move_contact, requests_under
from captive_portal.storage.residents import Terms
from foundation.database import Statements
from foundation.problem_reports import open_text
from foundation.retention_limits import limits_of
from foundation.runtime import Runtime
from foundation.schema import (
    accounting_sessions,
    credentials,
    devices,
    marketing_consents,
    marketing_offers,
    problem_reports,
    resident_tokens,
    residents,
    terms_acceptances,
    terms_versions,
    venues,
    voucher_uses,
)

_RESIDENT: Final = (
    select(residents, venues.c.name.label("venue"))
    .outerjoin(venues, venues.c.id == residents.c.registered_venue_id)
    .where(residents.c.id == bindparam("resident_id"))
)
_CONTACT: Final = select(residents.c.contact_encrypted).where(residents.c.id == bindparam("resident_id"))
_DEVICES: Final = (
    select(devices).where(devices.c.resident_id == bindparam("resident_id")).order_by(devices.c.created_at.desc())
)
_SESSIONS: Final = (
    select(
        accounting_sessions.c.started_at,
        accounting_sessions.c.stopped_at,
        venues.c.name,
        accounting_sessions.c.session_seconds,
        accounting_sessions.c.input_octets,
        accounting_sessions.c.output_octets,
        accounting_sessions.c.source,
        accounting_sessions.c.calling_station_id,
        accounting_sessions.c.framed_ip_address,
        accounting_sessions.c.user_name,
    )
    .outerjoin(venues, venues.c.id == accounting_sessions.c.venue_id)
    .where(accounting_sessions.c.resident_id == bindparam("resident_id"))
    .order_by(accounting_sessions.c.started_at.desc())
)
_ACCEPTANCES: Final = (
    select(
        terms_versions.c.id,
        terms_versions.c.version,
        terms_versions.c.language,
        terms_acceptances.c.accepted_at,
        venues.c.name,
    )
    .join(terms_versions, terms_versions.c.id == terms_acceptances.c.terms_version_id)
    .outerjoin(venues, venues.c.id == terms_acceptances.c.venue_id)
    .where(terms_acceptances.c.resident_id == bindparam("resident_id"))
    .order_by(terms_acceptances.c.accepted_at.desc())
)
# Sessions forget the name a while after their end, so this says no more than that it was used lately.
_LAST_USED = (
    select(func.max(accounting_sessions.c.updated_at))
    .where(
        accounting_sessions.c.resident_id == credentials.c.resident_id,
        or_(
            accounting_sessions.c.user_name == credentials.c.user_name,
            accounting_sessions.c.user_name.like(credentials.c.user_name + "@%"),
        ),
    )
    .scalar_subquery()
)
_CREDENTIALS: Final = (
    select(
        credentials.c.user_name,
        credentials.c.created_at,
        credentials.c.expires_at,
        credentials.c.revoked_at,
        _LAST_USED,
    )
    .where(credentials.c.resident_id == bindparam("resident_id"))
    .order_by(credentials.c.created_at.desc())
)
_CODES: Final = (
    select(voucher_uses.c.used_at, voucher_uses.c.access_until)
    .join(
        devices,
        (devices.c.mac_pseudonym == voucher_uses.c.mac_pseudonym) & (devices.c.council_id == voucher_uses.c.council_id),
    )
    .where(devices.c.resident_id == bindparam("resident_id"))
    .order_by(voucher_uses.c.used_at.desc())
)
_NEWS: Final = (
    select(
        marketing_offers.c.controller,
        marketing_offers.c.controller_name,
        marketing_offers.c.channel,
        marketing_offers.c.language,
        marketing_offers.c.text,
        venues.c.name,
        marketing_consents.c.given_at,
        marketing_consents.c.withdrawn_at,
    )
    .join(marketing_offers, marketing_offers.c.id == marketing_consents.c.offer_id)
    .outerjoin(venues, venues.c.id == marketing_consents.c.venue_id)
    .where(marketing_consents.c.resident_id == bindparam("resident_id"))
    .order_by(marketing_consents.c.given_at.desc())
)
_REPORTS: Final = (
    select(
        problem_reports.c.reported_at,
        venues.c.name.label("venue"),
        problem_reports.c.kind,
        problem_reports.c.text_encrypted,
    )
    .outerjoin(venues, venues.c.id == problem_reports.c.venue_id)
    .where(problem_reports.c.resident_id == bindparam("resident_id"))
    .order_by(problem_reports.c.reported_at.desc())
)
_TOKENS: Final = (
    select(
        resident_tokens.c.created_at,
        resident_tokens.c.expires_at,
        resident_tokens.c.may_delete,
        resident_tokens.c.used_at,
    )
    .where(resident_tokens.c.resident_id == bindparam("resident_id"))
    .order_by(resident_tokens.c.created_at.desc())
)
_ACCEPTED_TEXT: Final = (
    select(terms_versions.c.id, terms_versions.c.version, terms_versions.c.language, terms_versions.c.text)
    .join(terms_acceptances, terms_acceptances.c.terms_version_id == terms_versions.c.id)
    .where(terms_acceptances.c.resident_id == bindparam("resident_id"), terms_versions.c.id == bindparam("terms_id"))
    .limit(1)
)


async def gather(
    connection: Statements, runtime: Runtime, resident_id: int | None, device_id: int | None = None
) -> MyData | None:
    """All that is kept of a resident, who asks with one of their devices or without; None where they were deleted."""
    asked = {"resident_id": resident_id}
    resident = (await connection.execute(_RESIDENT, asked)).one_or_none()
    if resident is None:
        return None
    questions = (_DEVICES, _SESSIONS, _ACCEPTANCES, _CREDENTIALS, _CODES, _REPORTS)
    found = [await connection.execute(one, asked) for one in questions]
    of_devices, of_sessions, of_terms, of_names, of_codes, of_reports = found
    return MyData(
        registration=_registration(runtime, resident),
        devices=tuple(_device(row, device_id) for row in of_devices),
        sessions=tuple(Session(*row) for row in of_sessions),
        terms=tuple(Acceptance(*row) for row in of_terms),
        news=tuple(NewsConsent(*row) for row in await connection.execute(_NEWS, asked)),
        user_names=tuple(Credential(*row) for row in of_names),
        codes_on_paper=tuple(PaperCode(*row) for row in of_codes),
        problem_reports=tuple(_report(runtime, row) for row in of_reports),
        requests=await requests_under(connection, runtime, resident.council_id, resident.contact_pseudonym),
        program_tokens=tuple(ProgramToken(*row) for row in await connection.execute(_TOKENS, asked)),
        kept=kept(await limits_of(connection, runtime.settings.retention, resident.council_id)),
    )


async def contact_of(connection: Statements, runtime: Runtime, resident_id: int | None) -> str | None:
    """The resident's contact; None where they gave none."""
    row = (await connection.execute(_CONTACT, {"resident_id": resident_id})).one_or_none()
    return None if row is None else _open(runtime, row.contact_encrypted)


async def accepted_terms(connection: Statements, resident_id: int | None, terms_id: int) -> Terms | None:
    """A text that this resident accepted."""
    asked = {"resident_id": resident_id, "terms_id": terms_id}
    row = (await connection.execute(_ACCEPTED_TEXT, asked)).one_or_none()
    return None if row is None else Terms(*row)


async def set_language(connection: Statements, resident_id: int, language: str) -> None:
    """The resident reads another language."""
    await connection.execute(residents.update().where(residents.c.id == resident_id).values(language=language))


async def set_contact(
    connection: Statements, runtime: Runtime, council_id: int, resident_id: int, contact: str, kind: str, now: datetime
) -> bool:
    """Give the resident a contact that they proved; False where it is another resident's."""
    pseudonym = runtime.keyring.contact_pseudonym(council_id, contact)
    owner = select(residents.c.id).where(
        residents.c.council_id == council_id, residents.c.contact_pseudonym == pseudonym, residents.c.id != resident_id
    )
    if (await connection.execute(owner)).first() is not None:
        return False
    await holds.preserve(connection, runtime, council_id, resident_id, frozenset(), now)
    await marketing.stop_other_channels(connection, resident_id, kind, now)
    sealed = runtime.keyring.encrypt("contact", contact.encode())
    old = select(residents.c.contact_pseudonym).where(residents.c.id == resident_id)
    if (old_pseudonym := (await connection.execute(old)).scalar_one()) is not None:
        await move_contact(connection, council_id, old_pseudonym, sealed, pseudonym)
    await connection.execute(
        residents.update()
        .where(residents.c.id == resident_id)
        .values(contact_kind=kind, contact_encrypted=sealed, contact_pseudonym=pseudonym)
    )
    return True


def _open(runtime: Runtime, sealed: bytes | None) -> str | None:
    return None if sealed is None else runtime.keyring.decrypt("contact", sealed).decode()


def _registration(runtime: Runtime, row: Row[Any]) -> Registration:
    return Registration(
        contact=_open(runtime, row.contact_encrypted),
        contact_kind=row.contact_kind,
        language=row.language,
        group=row.group_name,
        registered_at=row.registered_at,
        venue=row.venue,
        last_seen_at=row.last_seen_at,
    )


def _report(runtime: Runtime, row: Row[Any]) -> ProblemReport:
    return ProblemReport(row.reported_at, row.venue, row.kind, open_text(runtime.keyring, row.text_encrypted))


def _device(row: Row[Any], this_one: int | None) -> Device:
    return Device(
        is_this_one=row.id == this_one,
        added_at=row.created_at,
        last_seen_at=row.last_seen_at,
        way_in=row.way_in,
        remembered_until=row.remembered_until,
        access_until=row.access_until,
        has_private_address=row.randomised,
    )
