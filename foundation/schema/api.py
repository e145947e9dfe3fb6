"""Who may use the open API: programs of a council, and programs that a resident lets at their own data."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

api_keys = Table(
    "api_keys",
    metadata,
    primary_key(),
    council_id(),
    # The program that has it, such as "library desk"; never a person.
    Column("name", String(64), nullable=False),
    # Keyring.pseudonym("api key", …)
    Column("key_pseudonym", LargeBinary(16), nullable=False, unique=True),
    # What it may do, in the words of captive_portal/api/access.py, with commas between.
    Column("scopes", String(200), nullable=False),
    Column("requests_per_minute", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # To the hour.
    Column("used_at", UtcDateTime),
    # Null: until it is revoked.
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    UniqueConstraint("council_id", "name"),
)

resident_tokens = Table(
    "resident_tokens",
    metadata,
    primary_key(),
    council_id(),
    reference("resident_id", "residents", on_delete="CASCADE"),
    # On whose page it was made: it is good no longer than that is kept.
    reference("journey_id", "journeys", on_delete="CASCADE"),
    # Keyring.pseudonym("resident token", …)
    Column("token_pseudonym", LargeBinary(16), nullable=False, unique=True),
    # Whether it may also delete everything.
    Column("may_delete", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "resident_id"),
    Index(None, "journey_id"),
    Index(None, "expires_at"),
)
