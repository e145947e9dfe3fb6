"""Staff: who they are, what they may do for which council, their log-ins, and residents who wait for their help."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table, UniqueConstraint, false

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

staff_accounts = Table(
    "staff_accounts",
    metadata,
    primary_key(),
    # As it is typed, in small letters; for the council to choose, and best without a person's name in it.
    Column("user_name", String(64), nullable=False, unique=True),
    # argon2id
    Column("password_hash", String(200), nullable=False),
    # Somebody else made it, showed it once, and so knows it.
    Column("password_is_given", Boolean, nullable=False, server_default=false()),
    # Keyring.encrypt("staff code", …): the key of the one-time codes (RFC 6238).
    Column("code_key_encrypted", LargeBinary, nullable=False),
    # The time step of the latest code that was accepted: none is good twice.
    Column("code_step", BigInteger, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("logged_in_at", UtcDateTime),
    Column("disabled_at", UtcDateTime),
)

staff_roles = Table(
    "staff_roles",
    metadata,
    primary_key(),
    reference("account_id", "staff_accounts", on_delete="CASCADE"),
    council_id(),
    # What it is, in the words of foundation.staff
    Column("role", String(16), nullable=False),
    UniqueConstraint("account_id", "council_id", "role"),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    primary_key(),
    reference("account_id", "staff_accounts", on_delete="CASCADE"),
    # Keyring.pseudonym("staff session", …) of the cookie.
    Column("token_pseudonym", LargeBinary(16), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "account_id"),
    Index(None, "expires_at"),
)

# A resident at the desk has a number on the screen, and says it.
help_requests = Table(
    "help_requests",
    metadata,
    primary_key(),
    council_id(),
    reference("journey_id", "journeys", on_delete="CASCADE"),
    reference("venue_id", "venues", nullable=True),
    Column("number", String(8), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "number"),
    UniqueConstraint("journey_id"),
    Index(None, "expires_at"),
)
