"""Codes on paper, groups with a sponsor, texts that were paid for, and what limits guessing."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

voucher_batches = Table(
    "voucher_batches",
    metadata,
    primary_key(),
    council_id(),
    # Where its codes are good; null: at every venue of the council.
    reference("venue_id", "venues", nullable=True),
    # What staff know it by, such as "Front desk, November".
    Column("name", String(64), nullable=False),
    # words, digits or pictures.
    Column("form", String(16), nullable=False),
    # How many devices one code lets on.
    Column("devices_per_code", Integer, nullable=False),
    # For how long after its first use a device is let on; null: until the code expires.
    Column("access_seconds", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    UniqueConstraint("council_id", "name"),
    Index(None, "expires_at"),
)

vouchers = Table(
    "vouchers",
    metadata,
    primary_key(),
    council_id(),
    reference("batch_id", "voucher_batches", on_delete="CASCADE"),
    # Keyring.pseudonym("voucher", …): the code itself stands on paper only.
    Column("code_pseudonym", LargeBinary(16), nullable=False),
    UniqueConstraint("council_id", "code_pseudonym"),
    Index(None, "batch_id"),
)

voucher_uses = Table(
    "voucher_uses",
    metadata,
    primary_key(),
    council_id(),
    reference("voucher_id", "vouchers", on_delete="CASCADE"),
    # The same device may type its code again; that is no second device, and prolongs nothing.
    Column("mac_pseudonym", LargeBinary(16), nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("access_until", UtcDateTime, nullable=False),
    UniqueConstraint("voucher_id", "mac_pseudonym"),
)

sponsors = Table(
    "sponsors",
    metadata,
    primary_key(),
    council_id(),
    reference("venue_id", "venues", nullable=True),
    # The hostel, school or club.
    Column("name", String(64), nullable=False),
    # Keyring.pseudonym("voucher", …) of the phrase, which is typed like a code on paper.
    Column("code_pseudonym", LargeBinary(16), nullable=False),
    # Whose policy its people come under: residents.group_name.
    Column("group_name", String(64), nullable=False),
    Column("most_devices", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    UniqueConstraint("council_id", "name"),
    UniqueConstraint("council_id", "code_pseudonym"),
    Index(None, "expires_at"),
)

# Who is in a sponsor's group: counted, never shown.
sponsored_devices = Table(
    "sponsored_devices",
    metadata,
    primary_key(),
    council_id(),
    reference("sponsor_id", "sponsors", on_delete="CASCADE"),
    reference("device_id", "devices", on_delete="CASCADE"),
    Column("joined_at", UtcDateTime, nullable=False),
    UniqueConstraint("sponsor_id", "device_id"),
    Index(None, "device_id"),
)

# What limits guessing of codes and reports of problems, and ten minutes' grace to one a day.
way_attempts = Table(
    "way_attempts",
    metadata,
    primary_key(),
    council_id(),
    # code (a wrong one was typed), grace or report.
    Column("kind", String(16), nullable=False),
    reference("nas_id", "network_access_servers"),
    reference("venue_id", "venues", nullable=True),
    Column("mac_pseudonym", LargeBinary(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "council_id", "kind", "at"),
    Index(None, "at"),
)

texts_sent = Table(
    "texts_sent",
    metadata,
    primary_key(),
    council_id(),
    # In the council's time zone, such as 2026-11.
    Column("month", String(7), nullable=False),
    # What is paid for: a long text counts as several.
    Column("segments", Integer, nullable=False),
    UniqueConstraint("council_id", "month"),
)
