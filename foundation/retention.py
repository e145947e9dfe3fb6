"""How long personal data is kept, as a table of rules; ``foundation.retention_job`` keeps them.

Every table that holds anything about a person has a rule here; a test walks the schema and fails for one without.
Limits are settings (section ``retention``), because the council as controller decides them; where an installation
serves several, each may have its own (``foundation.retention_limits``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Column, ColumnElement, Table, and_, exists, false, func, or_

from foundation.schema import (
    accounting_restarts,
    accounting_sessions,
    api_keys,
    audit_events,
    authentications,
    carry_on_addresses,
    credential_pages,
    credentials,
    devices,
    disclosures,
    dynamic_authorizations,
    held_names,
    held_records,
    help_requests,
    holds,
    information_requests,
    journal_deliveries,
    journeys,
    marketing_consents,
    marketing_offers,
    one_time_tokens,
    polled_grants,
    problem_reports,
    request_codes,
    request_events,
    resident_tokens,
    residents,
    retention_limits,
    sponsored_devices,
    sponsors,
    staff_accounts,
    staff_roles,
    staff_sessions,
    terms_acceptances,
    terms_versions,
    texts_sent,
    verification_codes,
    voucher_batches,
    voucher_uses,
    vouchers,
    way_attempts,
)
from foundation.settings import RetentionSettings


class Action(StrEnum):
    """What happens to a row when its time is over."""

    DELETE = "delete"
    # Its personal columns become null.
    CLEAR = "clear"
    # It goes when the row goes that it belongs to (ON DELETE CASCADE).
    WITH_OWNER = "with owner"
    # It says nothing about a person.
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done with the rows of one table, and when."""

    name: str
    table: Table
    action: Action
    reason: str
    # The row's clock: its time is over when this is before now minus the age.
    clock: Column[datetime] | None = None
    age: Callable[[RetentionSettings], timedelta] | None = None
    # Which rows it is about, given the moment before which they are too old; None means all.
    also: Callable[[datetime], ColumnElement[bool]] | None = None
    cleared: tuple[Column[str], ...] = ()

    def moment(self) -> ColumnElement[datetime]:
        """The clock as it stands in questions.

        What is cleared is found by an index on the rows that still hold something. SQLite would rather read its index
        on the clock, which has all that was ever cleared; for an expression it cannot.
        """
        assert self.clock is not None
        return func.coalesce(self.clock, self.clock) if self.cleared else self.clock

    def too_old(self, cutoff: datetime) -> ColumnElement[bool]:
        """The rows whose time is over, if everything before the cutoff is too old."""
        if self.clock is None:
            return false()
        condition = self.moment() < cutoff
        return and_(condition, self.also(cutoff)) if self.also is not None else condition

    def holds_data(self) -> ColumnElement[bool]:
        """The rows that still hold what the rule takes away."""
        return or_(*(column.is_not(None) for column in self.cleared)) if self.cleared else ~false()


def _no_session_since(cutoff: datetime) -> ColumnElement[bool]:
    return ~exists().where(
        accounting_sessions.c.resident_id == residents.c.id, accounting_sessions.c.received_at >= cutoff
    )


def _no_session_of_device_since(cutoff: datetime) -> ColumnElement[bool]:
    return ~exists().where(accounting_sessions.c.device_id == devices.c.id, accounting_sessions.c.received_at >= cutoff)


def _request_is_over(_cutoff: datetime) -> ColumnElement[bool]:
    """Answered, or left by who asked; never one that the council still owes an answer."""
    return or_(information_requests.c.closed_at.is_not(None), information_requests.c.waits_for.is_not(None))


def _unused(settings: RetentionSettings) -> timedelta:
    return timedelta(days=settings.unused_resident_days)


def _journey(settings: RetentionSettings) -> timedelta:
    return timedelta(hours=settings.journey_hours)


RULES: Final = (
    Rule(
        "raw identifiers", accounting_sessions, Action.CLEAR, "names a device while its session is looked after",
        accounting_sessions.c.received_at, lambda settings: timedelta(hours=settings.raw_identifier_hours),
        cleared=(
            accounting_sessions.c.user_name,
            accounting_sessions.c.calling_station_id,
            accounting_sessions.c.framed_ip_address,
        ),
    ),
    Rule(
        "sessions", accounting_sessions, Action.DELETE, "abuse handling and counting; hourly usage stays",
        accounting_sessions.c.received_at, lambda settings: timedelta(days=settings.session_days),
    ),
    Rule("restarts", accounting_restarts, Action.KEEP, "about equipment: one row for each"),
    Rule(
        "authentications", authentications, Action.DELETE, "fault finding",
        authentications.c.at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule(
        "orders to end a session", dynamic_authorizations, Action.DELETE, "as long as the session that they name",
        dynamic_authorizations.c.requested_at, lambda settings: timedelta(days=settings.session_days),
    ),
    Rule("deliveries of journals", journal_deliveries, Action.KEEP, "a number for each journal"),
    Rule(
        "verification codes", verification_codes, Action.DELETE, "a sign-up that was not finished",
        verification_codes.c.expires_at, _journey,
    ),
    Rule("journeys", journeys, Action.DELETE, "a sign-up in progress", journeys.c.updated_at, _journey),
    Rule(
        "grants that a gateway comes for", polled_grants, Action.DELETE, "a sign-up in progress",
        polled_grants.c.expires_at, _journey,
    ),
    Rule("one-time tokens", one_time_tokens, Action.DELETE, "used or expired", one_time_tokens.c.expires_at, _journey),
    Rule(
        "expired credentials", credentials, Action.DELETE, "they let nobody in any more",
        credentials.c.expires_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule(
        "revoked credentials", credentials, Action.DELETE, "they let nobody in any more",
        credentials.c.revoked_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule(
        "pages with a new password", credential_pages, Action.DELETE, "nobody can open them any more",
        credential_pages.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule(
        "devices", devices, Action.DELETE, "not seen for long, so probably replaced",
        devices.c.last_seen_at, _unused, _no_session_of_device_since,
    ),
    Rule(
        "residents", residents, Action.DELETE, "an account that nobody uses; what belongs to it goes with it",
        residents.c.last_seen_at, _unused, _no_session_since,
    ),
    Rule(
        "tokens of residents' programs", resident_tokens, Action.DELETE, "they open nothing any more",
        resident_tokens.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule("keys of the open API", api_keys, Action.KEEP, "a council's programs; it takes them away itself"),
    Rule("staff", staff_accounts, Action.KEEP, "those who work for a council; it takes them away itself"),
    Rule("roles of staff", staff_roles, Action.WITH_OWNER, "what an account may do"),
    Rule(
        "log-ins of staff", staff_sessions, Action.DELETE, "they are over",
        staff_sessions.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule(
        "asking staff for help", help_requests, Action.DELETE, "nobody waits any more",
        help_requests.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule(
        "problem reports", problem_reports, Action.DELETE, "mended, or reported anew",
        problem_reports.c.reported_at, lambda settings: timedelta(days=settings.problem_report_days),
    ),
    Rule(
        "addresses to carry on at", carry_on_addresses, Action.DELETE, "nobody can open them any more",
        carry_on_addresses.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule("acceptances", terms_acceptances, Action.WITH_OWNER, "shows what a resident agreed to"),
    Rule(
        "codes on paper", voucher_batches, Action.DELETE, "expired; who used them goes with them",
        voucher_batches.c.expires_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule("single codes on paper", vouchers, Action.WITH_OWNER, "as long as their batch"),
    Rule("uses of codes on paper", voucher_uses, Action.WITH_OWNER, "how many devices a code let on"),
    Rule(
        "sponsors", sponsors, Action.DELETE, "their time is over",
        sponsors.c.expires_at, lambda settings: timedelta(days=settings.authentication_days),
    ),
    Rule("devices in a sponsor's group", sponsored_devices, Action.WITH_OWNER, "how many devices a sponsor let on"),
    Rule(
        "wrong codes and minutes of grace", way_attempts, Action.DELETE,
        "limits guessing and reports, and grace to one a day",
        way_attempts.c.at, lambda settings: timedelta(hours=max(settings.journey_hours, 24)),
    ),
    Rule(
        "requests about data", information_requests, Action.DELETE, "answered long ago, or never carried on",
        information_requests.c.touched_at, lambda settings: timedelta(days=settings.request_days), _request_is_over,
    ),
    Rule("what was written in requests", request_events, Action.WITH_OWNER, "as long as the request"),
    Rule(
        "codes for requests", request_codes, Action.DELETE, "proof of a contact that was not finished",
        request_codes.c.expires_at, _journey,
    ),
    Rule(
        "disclosures", disclosures, Action.DELETE, "to answer for what was given to whom",
        disclosures.c.asked_at, lambda settings: timedelta(days=settings.disclosure_days),
    ),
    Rule("texts by month", texts_sent, Action.KEEP, "a number for each council and month"),
    Rule("terms", terms_versions, Action.KEEP, "a published text"),
    Rule("offers of news", marketing_offers, Action.KEEP, "a published text"),
    Rule("consents to news", marketing_consents, Action.WITH_OWNER, "shows what a resident agreed to"),
    Rule("limits of councils", retention_limits, Action.KEEP, "a number for each council and limit"),
    Rule(
        "holds", holds, Action.DELETE, "who had what kept for which case, as long as the audit",
        holds.c.expires_at, lambda settings: timedelta(days=settings.audit_days),
    ),
    Rule("names of what is held", held_names, Action.WITH_OWNER, "as long as their hold"),
    Rule(
        "kept by a hold", held_records, Action.DELETE, "its hold has ended",
        held_records.c.expires_at, lambda _settings: timedelta(0),
    ),
    Rule(
        "audit", audit_events, Action.DELETE, "who did what to the installation",
        audit_events.c.at, lambda settings: timedelta(days=settings.audit_days),
    ),
)  # fmt: skip
