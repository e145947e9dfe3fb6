"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "councils",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("code", sa.String(length=9), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=64), server_default="Europe/London", nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_councils")),
        sa.UniqueConstraint("code", name=op.f("uq_councils_code")),
    )
    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    op.create_table(
        "job_progress",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("done_until", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_progress")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_audit_events_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_at"), "audit_events", ["at"], unique=False)
    op.create_table(
        "small_area_changes",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("code_2011", sa.String(length=9), nullable=False),
        sa.Column("code_2021", sa.String(length=9), nullable=False),
        sa.Column("change", sa.String(length=1), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_small_area_changes_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_small_area_changes")),
        sa.UniqueConstraint(
            "council_id", "code_2011", "code_2021", name=op.f("uq_small_area_changes_council_id_code_2011_code_2021")
        ),
    )
    op.create_table(
        "terms_versions",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_terms_versions_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms_versions")),
        sa.UniqueConstraint(
            "council_id", "version", "language", name=op.f("uq_terms_versions_council_id_version_language")
        ),
    )
    op.create_table(
        "wards",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("code", sa.String(length=9), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("outline", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_wards_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wards")),
        sa.UniqueConstraint("council_id", "code", name=op.f("uq_wards_council_id_code")),
    )
    op.create_table(
        "postcodes",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("postcode", sa.String(length=8), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("ward_id", Identifier, nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_postcodes_council_id")),
        sa.ForeignKeyConstraint(["ward_id"], ["wards.id"], name=op.f("fk_postcodes_ward_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postcodes")),
        sa.UniqueConstraint("council_id", "postcode", name=op.f("uq_postcodes_council_id_postcode")),
    )
    op.create_table(
        "small_areas",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("code", sa.String(length=9), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("ward_id", Identifier, nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column("imd_year", sa.Integer(), nullable=True),
        sa.Column("imd_decile", sa.Integer(), nullable=True),
        sa.Column("imd_rank", sa.Integer(), nullable=True),
        sa.Column("domain_deciles", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("digital_exclusion_risk", sa.Float(), nullable=True),
        sa.Column("outline", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_small_areas_council_id")),
        sa.ForeignKeyConstraint(["ward_id"], ["wards.id"], name=op.f("fk_small_areas_ward_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_small_areas")),
        sa.UniqueConstraint("council_id", "edition", "code", name=op.f("uq_small_areas_council_id_edition_code")),
    )
    op.create_table(
        "venues",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=64), server_default="venue", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("address", sa.String(length=400), nullable=True),
        sa.Column("postcode", sa.String(length=16), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("ward_id", Identifier, nullable=True),
        sa.Column("small_area_id", Identifier, nullable=True),
        sa.Column("opening_hours", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_venues_council_id")),
        sa.ForeignKeyConstraint(["small_area_id"], ["small_areas.id"], name=op.f("fk_venues_small_area_id")),
        sa.ForeignKeyConstraint(["ward_id"], ["wards.id"], name=op.f("fk_venues_ward_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venues")),
        sa.UniqueConstraint("council_id", "source", "reference", name=op.f("uq_venues_council_id_source_reference")),
    )
    op.create_table(
        "hourly_usage",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("venue_id", Identifier, nullable=True),
        sa.Column("hour", UtcDateTime, nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("session_seconds", sa.BigInteger(), nullable=False),
        sa.Column("input_octets", sa.BigInteger(), nullable=False),
        sa.Column("output_octets", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_hourly_usage_council_id")),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_hourly_usage_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hourly_usage")),
    )
    op.create_index(op.f("ix_hourly_usage_council_id_hour"), "hourly_usage", ["council_id", "hour"], unique=False)
    op.create_table(
        "network_access_servers",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("secret_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("vendor", sa.String(length=32), nullable=False),
        sa.Column("require_message_authenticator", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("venue_id", Identifier, nullable=True),
        sa.Column("nas_identifier", sa.String(length=253), nullable=True),
        sa.Column("portal_secret_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("portal_url", sa.String(length=400), nullable=True),
        sa.Column("login_url", sa.String(length=400), nullable=True),
        sa.Column("dynamic_authorization_host", sa.String(length=64), nullable=True),
        sa.Column("dynamic_authorization_port", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_network_access_servers_council_id")),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_network_access_servers_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_access_servers")),
        sa.UniqueConstraint("council_id", "name", name=op.f("uq_network_access_servers_council_id_name")),
        sa.UniqueConstraint("network", name=op.f("uq_network_access_servers_network")),
    )
    op.create_table(
        "residents",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("contact_kind", sa.String(length=16), nullable=False),
        sa.Column("contact_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("contact_pseudonym", sa.LargeBinary(length=16), nullable=True),
        sa.Column("language", sa.String(length=8), server_default="en", nullable=False),
        sa.Column("registered_venue_id", Identifier, nullable=True),
        sa.Column("registered_at", UtcDateTime, nullable=False),
        sa.Column("last_seen_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_residents_council_id")),
        sa.ForeignKeyConstraint(["registered_venue_id"], ["venues.id"], name=op.f("fk_residents_registered_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_residents")),
        sa.UniqueConstraint("council_id", "contact_pseudonym", name=op.f("uq_residents_council_id_contact_pseudonym")),
    )
    op.create_index(
        op.f("ix_residents_council_id_registered_at"), "residents", ["council_id", "registered_at"], unique=False
    )
    op.create_table(
        "access_points",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("nas_id", Identifier, nullable=False),
        sa.Column("venue_id", Identifier, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("mac_address", sa.String(length=12), nullable=False),
        sa.Column("last_heard_at", UtcDateTime, nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_access_points_council_id")),
        sa.ForeignKeyConstraint(["nas_id"], ["network_access_servers.id"], name=op.f("fk_access_points_nas_id")),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_access_points_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_points")),
        sa.UniqueConstraint("council_id", "mac_address", name=op.f("uq_access_points_council_id_mac_address")),
    )
    op.create_table(
        "accounting_restarts",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("nas_id", Identifier, nullable=False),
        sa.Column("nas_identifier", sa.String(length=253), nullable=False),
        sa.Column("restarted_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_accounting_restarts_council_id")),
        sa.ForeignKeyConstraint(
            ["nas_id"], ["network_access_servers.id"], name=op.f("fk_accounting_restarts_nas_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounting_restarts")),
        sa.UniqueConstraint("nas_id", "nas_identifier", name=op.f("uq_accounting_restarts_nas_id_nas_identifier")),
    )
    op.create_table(
        "authentications",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("nas_id", Identifier, nullable=False),
        sa.Column("venue_id", Identifier, nullable=True),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("user_pseudonym", sa.LargeBinary(length=16), nullable=False),
        sa.Column("milliseconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_authentications_council_id")),
        sa.ForeignKeyConstraint(
            ["nas_id"], ["network_access_servers.id"], name=op.f("fk_authentications_nas_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_authentications_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authentications")),
    )
    op.create_index(op.f("ix_authentications_council_id_at"), "authentications", ["council_id", "at"], unique=False)
    op.create_table(
        "credentials",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("resident_id", Identifier, nullable=True),
        sa.Column("user_name", sa.String(length=253), nullable=False),
        sa.Column("password_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=True),
        sa.Column("revoked_at", UtcDateTime, nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_credentials_council_id")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_credentials_resident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("council_id", "user_name", name=op.f("uq_credentials_council_id_user_name")),
    )
    op.create_table(
        "devices",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("resident_id", Identifier, nullable=False),
        sa.Column("mac_pseudonym", sa.LargeBinary(length=16), nullable=False),
        sa.Column("randomised", sa.Boolean(), nullable=False),
        sa.Column("remembered_until", UtcDateTime, nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_seen_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_devices_council_id")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_devices_resident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("council_id", "mac_pseudonym", name=op.f("uq_devices_council_id_mac_pseudonym")),
    )
    op.create_index(op.f("ix_devices_resident_id"), "devices", ["resident_id"], unique=False)
    op.create_table(
        "journeys",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("path_pseudonym", sa.LargeBinary(length=16), nullable=False),
        sa.Column("nas_id", Identifier, nullable=False),
        sa.Column("venue_id", Identifier, nullable=True),
        sa.Column("mac_pseudonym", sa.LargeBinary(length=16), nullable=False),
        sa.Column("resident_id", Identifier, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("details_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_journeys_council_id")),
        sa.ForeignKeyConstraint(["nas_id"], ["network_access_servers.id"], name=op.f("fk_journeys_nas_id")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_journeys_resident_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_journeys_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journeys")),
        sa.UniqueConstraint("path_pseudonym", name=op.f("uq_journeys_path_pseudonym")),
    )
    op.create_index(op.f("ix_journeys_expires_at"), "journeys", ["expires_at"], unique=False)
    op.create_index(op.f("ix_journeys_nas_id_mac_pseudonym"), "journeys", ["nas_id", "mac_pseudonym"], unique=False)
    op.create_table(
        "terms_acceptances",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("resident_id", Identifier, nullable=False),
        sa.Column("terms_version_id", Identifier, nullable=False),
        sa.Column("venue_id", Identifier, nullable=True),
        sa.Column("accepted_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_terms_acceptances_council_id")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_terms_acceptances_resident_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["terms_version_id"], ["terms_versions.id"], name=op.f("fk_terms_acceptances_terms_version_id")
        ),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_terms_acceptances_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms_acceptances")),
    )
    op.create_index(op.f("ix_terms_acceptances_resident_id"), "terms_acceptances", ["resident_id"], unique=False)
    op.create_table(
        "accounting_sessions",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("session_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("nas_id", Identifier, nullable=False),
        sa.Column("nas_identifier", sa.String(length=253), server_default="", nullable=False),
        sa.Column("access_point_id", Identifier, nullable=True),
        sa.Column("venue_id", Identifier, nullable=True),
        sa.Column("resident_id", Identifier, nullable=True),
        sa.Column("device_id", Identifier, nullable=True),
        sa.Column("acct_session_id", sa.String(length=253), nullable=False),
        sa.Column("user_name", sa.String(length=253), nullable=True),
        sa.Column("calling_station_id", sa.String(length=253), nullable=True),
        sa.Column("framed_ip_address", sa.String(length=45), nullable=True),
        sa.Column("network_name", sa.String(length=253), nullable=True),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("stopped_at", UtcDateTime, nullable=True),
        sa.Column("ended_by", sa.String(length=16), nullable=True),
        sa.Column("terminate_cause", sa.Integer(), nullable=True),
        sa.Column("session_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("input_octets", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("output_octets", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["access_point_id"], ["access_points.id"], name=op.f("fk_accounting_sessions_access_point_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_accounting_sessions_council_id")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_accounting_sessions_device_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["nas_id"], ["network_access_servers.id"], name=op.f("fk_accounting_sessions_nas_id")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_accounting_sessions_resident_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_accounting_sessions_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounting_sessions")),
        sa.UniqueConstraint("session_key", name=op.f("uq_accounting_sessions_session_key")),
    )
    op.create_index(
        op.f("ix_accounting_sessions_council_id_started_at"),
        "accounting_sessions",
        ["council_id", "started_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_accounting_sessions_device_id_started_at"),
        "accounting_sessions",
        ["device_id", "started_at"],
        unique=False,
    )
    op.create_index(op.f("ix_accounting_sessions_received_at"), "accounting_sessions", ["received_at"], unique=False)
    op.create_index(op.f("ix_accounting_sessions_resident_id"), "accounting_sessions", ["resident_id"], unique=False)
    op.create_index(
        op.f("ix_accounting_sessions_stopped_at_nas_id"), "accounting_sessions", ["stopped_at", "nas_id"], unique=False
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("resident_id", Identifier, nullable=False),
        sa.Column("device_id", Identifier, nullable=False),
        sa.Column("nas_id", Identifier, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("uses", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_one_time_tokens_council_id")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_one_time_tokens_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["nas_id"], ["network_access_servers.id"], name=op.f("fk_one_time_tokens_nas_id")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_one_time_tokens_resident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_tokens")),
        sa.UniqueConstraint("user_name", name=op.f("uq_one_time_tokens_user_name")),
    )
    op.create_index(op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"], unique=False)
    op.create_table(
        "verification_codes",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("council_id", Identifier, nullable=False),
        sa.Column("journey_id", Identifier, nullable=False),
        sa.Column("nas_id", Identifier, nullable=False),
        sa.Column("contact_pseudonym", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mac_pseudonym", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code_pseudonym", sa.LargeBinary(length=16), nullable=False),
        sa.Column("attempts_left", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_verification_codes_council_id")),
        sa.ForeignKeyConstraint(
            ["journey_id"], ["journeys.id"], name=op.f("fk_verification_codes_journey_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["nas_id"], ["network_access_servers.id"], name=op.f("fk_verification_codes_nas_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_codes")),
    )
    op.create_index(
        op.f("ix_verification_codes_council_id_contact_pseudonym_created_at"),
        "verification_codes",
        ["council_id", "contact_pseudonym", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_verification_codes_council_id_created_at"),
        "verification_codes",
        ["council_id", "created_at"],
        unique=False,
    )
    op.create_index(op.f("ix_verification_codes_journey_id"), "verification_codes", ["journey_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_verification_codes_journey_id"), table_name="verification_codes")
    op.drop_index(op.f("ix_verification_codes_council_id_created_at"), table_name="verification_codes")
    op.drop_index(
        op.f("ix_verification_codes_council_id_contact_pseudonym_created_at"), table_name="verification_codes"
    )
    op.drop_table("verification_codes")
    op.drop_index(op.f("ix_one_time_tokens_expires_at"), table_name="one_time_tokens")
    op.drop_table("one_time_tokens")
    op.drop_index(op.f("ix_accounting_sessions_stopped_at_nas_id"), table_name="accounting_sessions")
    op.drop_index(op.f("ix_accounting_sessions_resident_id"), table_name="accounting_sessions")
    op.drop_index(op.f("ix_accounting_sessions_received_at"), table_name="accounting_sessions")
    op.drop_index(op.f("ix_accounting_sessions_device_id_started_at"), table_name="accounting_sessions")
    op.drop_index(op.f("ix_accounting_sessions_council_id_started_at"), table_name="accounting_sessions")
    op.drop_table("accounting_sessions")
    op.drop_index(op.f("ix_terms_acceptances_resident_id"), table_name="terms_acceptances")
    op.drop_table("terms_acceptances")
    op.drop_index(op.f("ix_journeys_nas_id_mac_pseudonym"), table_name="journeys")
    op.drop_index(op.f("ix_journeys_expires_at"), table_name="journeys")
    op.drop_table("journeys")
    op.drop_index(op.f("ix_devices_resident_id"), table_name="devices")
    op.drop_table("devices")
    op.drop_table("credentials")
    op.drop_index(op.f("ix_authentications_council_id_at"), table_name="authentications")
    op.drop_table("authentications")
    op.drop_table("accounting_restarts")
    op.drop_table("access_points")
    op.drop_index(op.f("ix_residents_council_id_registered_at"), table_name="residents")
    op.drop_table("residents")
    op.drop_table("network_access_servers")
    op.drop_index(op.f("ix_hourly_usage_council_id_hour"), table_name="hourly_usage")
    op.drop_table("hourly_usage")
    op.drop_table("venues")
    op.drop_table("small_areas")
    op.drop_table("postcodes")
    op.drop_table("wards")
    op.drop_table("terms_versions")
    op.drop_table("small_area_changes")
    op.drop_index(op.f("ix_audit_events_at"), table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_table("job_progress")
    op.drop_table("installation")
    op.drop_table("councils")
