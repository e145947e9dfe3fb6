"""The tables, one file per subject. Every record of a person or a place belongs to a council (`council_id`)."""

from foundation.schema.agreements import marketing_consents, marketing_offers
from foundation.schema.api import api_keys, resident_tokens
from foundation.schema.audit import audit_events, installation
from foundation.schema.changes import directory_changes
from foundation.schema.equipment import access_points, is_in_service, network_access_servers
from foundation.schema.essentials import essential_checks, essential_sites
from foundation.schema.information_rights import (
    disclosures,
    information_requests,
    request_codes,
    request_events,
)
from foundation.schema.metadata import metadata
from foundation.schema.people import (
    credential_pages,
    credentials,
    devices,
    journeys,
    one_time_tokens,
    residents,
    terms_acceptances,
    terms_versions,
    verification_codes,
)
from foundation.schema.places import councils, logos, postcodes, small_area_changes, small_areas, venues, wards
from foundation.schema.policies import policies
from foundation.schema.retention import held_names, held_records, holds, retention_limits
from foundation.schema.roaming import home_servers, realms
from foundation.schema.sessions import (
    accounting_restarts,
    accounting_sessions,
    authentications,
    dynamic_authorizations,
    journal_deliveries,
    polled_grants,
)
from foundation.schema.staff import help_requests, staff_accounts, staff_roles, staff_sessions
from foundation.schema.statistics import hourly_usage, job_progress
from foundation.schema.support import carry_on_addresses, problem_reports
from foundation.schema.ways_in import (
    sponsored_devices,
    sponsors,
    texts_sent,
    voucher_batches,
    voucher_uses,
    vouchers,
    way_attempts,
)

__all__ = [
    "access_points",
    "accounting_restarts",
    "accounting_sessions",
    "api_keys",
    "audit_events",
    "authentications",
    "carry_on_addresses",
    "councils",
    "credential_pages",
    "credentials",
    "devices",
    "directory_changes",
    "disclosures",
    "dynamic_authorizations",
    "essential_checks",
    "essential_sites",
    "held_names",
    "held_records",
    "help_requests",
    "holds",
    "home_servers",
    "hourly_usage",
    "information_requests",
    "installation",
    "is_in_service",
    "job_progress",
    "journal_deliveries",
    "journeys",
    "logos",
    "marketing_consents",
    "marketing_offers",
    "metadata",
    "network_access_servers",
    "one_time_tokens",
    "policies",
    "polled_grants",
    "postcodes",
    "problem_reports",
    "realms",
    "request_codes",
    "request_events",
    "resident_tokens",
    "residents",
    "retention_limits",
    "small_area_changes",
    "small_areas",
    "sponsored_devices",
    "sponsors",
    "staff_accounts",
    "staff_roles",
    "staff_sessions",
    "terms_acceptances",
    "terms_versions",
    "texts_sent",
    "venues",
    "verification_codes",
    "voucher_batches",
    "voucher_uses",
    "vouchers",
    "wards",
    "way_attempts",
]
