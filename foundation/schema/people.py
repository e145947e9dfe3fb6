"""Residents, their devices, what they accepted, and what lets them in.

Contact details are encrypted and looked up by keyed hash; MAC addresses are only kept as keyed hashes.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, true

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

residents = Table(
    "residents",
    metadata,
    primary_key(),
    council_id(),
    # none (click-through), email, sms, code (from paper) or sponsor.
    Column("contact_kind", String(16), nullable=False),
    # Keyring.encrypt("contact", …)
    Column("contact_encrypted", LargeBinary),
    # Keyring.contact_pseudonym(…)
    Column("contact_pseudonym", LargeBinary(16)),
    Column("language", String(8), nullable=False, server_default="en"),
    # Whose policy is meant, such as staff or library-members; empty for everybody else.
    Column("group_name", String(64), nullable=False, server_default=""),
    reference("registered_venue_id", "venues", nullable=True),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "contact_pseudonym"),
    Index(None, "council_id", "registered_at"),
)

devices = Table(
    "devices",
    metadata,
    primary_key(),
    council_id(),
    reference("resident_id", "residents", on_delete="CASCADE"),
    # Keyring.device_pseudonym(…)
    Column("mac_pseudonym", LargeBinary(16), nullable=False),
    # The device made its address up, so it will come back with another one.
    Column("randomised", Boolean, nullable=False),
    # Until then it is let on by MAC authentication; null if the resident did not choose it.
    Column("remembered_until", UtcDateTime),
    # Where the right to be on has an end (a code from paper, a sponsor, ten minutes' grace): that end.
    Column("access_until", UtcDateTime),
    # The way in by which it was registered last (captive_portal/ways_in/ways.py); null: before ways could be chosen.
    Column("way_in", String(16)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "mac_pseudonym"),
    Index(None, "resident_id"),
)

terms_versions = Table(
    "terms_versions",
    metadata,
    primary_key(),
    council_id(),
    # Rises by one with each change, over all languages.
    Column("version", Integer, nullable=False),
    Column("language", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    # Who accepted an older one is asked again.
    Column("is_material", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("council_id", "version", "language"),
)

terms_acceptances = Table(
    "terms_acceptances",
    metadata,
    primary_key(),
    council_id(),
    reference("resident_id", "residents", on_delete="CASCADE"),
    reference("terms_version_id", "terms_versions"),
    reference("venue_id", "venues", nullable=True),
    Column("accepted_at", UtcDateTime, nullable=False),
    Index(None, "resident_id"),
)

one_time_tokens = Table(
    "one_time_tokens",
    metadata,
    primary_key(),
    council_id(),
    # Random; the password is Keyring.one_time_password(user_name) and is not stored.
    Column("user_name", String(64), nullable=False, unique=True),
    reference("resident_id", "residents", on_delete="CASCADE"),
    # It is good only for this device behind this gateway.
    reference("device_id", "devices", on_delete="CASCADE"),
    reference("nas_id", "network_access_servers"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    # The session that it begins ends then; null: when the policy says.
    Column("access_until", UtcDateTime),
    # How often it let the device on: once, and once more in case the first answer was lost.
    Column("uses", Integer, nullable=False, server_default="0"),
    Index(None, "expires_at"),
)

credentials = Table(
    "credentials",
    metadata,
    primary_key(),
    council_id(),
    reference("resident_id", "residents", nullable=True, on_delete="CASCADE"),
    Column("user_name", String(253), nullable=False),
    # Keyring.encrypt("nt hash", …): all that PEAP, MS-CHAPv2 and PAP need.
    Column("nt_hash_encrypted", LargeBinary),
    # Keyring.encrypt("credential", …): the password itself, kept only where CHAP must work.
    Column("password_encrypted", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    UniqueConstraint("council_id", "user_name"),
)

# Where a new password can be read for some minutes: the only place where it stands.
credential_pages = Table(
    "credential_pages",
    metadata,
    primary_key(),
    council_id(),
    reference("credential_id", "credentials", on_delete="CASCADE"),
    # Keyring.pseudonym("credential page", …) of the unguessable part of its address.
    Column("path_pseudonym", LargeBinary(16), nullable=False, unique=True),
    # Keyring.encrypt("credential page", JSON): the password, and the way back.
    Column("details_encrypted", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "credential_id"),
    Index(None, "expires_at"),
)

journeys = Table(
    "journeys",
    metadata,
    primary_key(),
    council_id(),
    # Keyring.pseudonym("journey", …) of the unguessable identifier in the path.
    Column("path_pseudonym", LargeBinary(16), nullable=False, unique=True),
    reference("nas_id", "network_access_servers"),
    reference("venue_id", "venues", nullable=True),
    Column("mac_pseudonym", LargeBinary(16), nullable=False),
    reference("resident_id", "residents", nullable=True, on_delete="CASCADE"),
    Column("state", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    # Keyring.encrypt("journey", JSON): what the gateway said and what the resident entered so far.
    Column("details_encrypted", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "nas_id", "mac_pseudonym"),
    Index(None, "expires_at"),
)

verification_codes = Table(
    "verification_codes",
    metadata,
    primary_key(),
    council_id(),
    reference("journey_id", "journeys", on_delete="CASCADE"),
    reference("nas_id", "network_access_servers"),
    Column("contact_pseudonym", LargeBinary(16), nullable=False),
    Column("mac_pseudonym", LargeBinary(16), nullable=False),
    # Keyring.pseudonym("code", …)
    Column("code_pseudonym", LargeBinary(16), nullable=False),
    Column("attempts_left", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    # How many codes went out in the last hour: to a contact, and in all to count a device's and a gateway's.
    Index(None, "council_id", "contact_pseudonym", "created_at"),
    Index(None, "council_id", "created_at"),
    Index(None, "journey_id"),
)
