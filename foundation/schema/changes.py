"""What changed of those who may connect, so that each process's memory of them can follow (foundation.changes)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from foundation.schema.metadata import metadata, primary_key

# Written by triggers on SQLite only, and by them kept short; PostgreSQL has NOTIFY. It holds nothing of a person.
directory_changes = Table(
    "directory_changes",
    metadata,
    primary_key(),
    # device, credential, resident or council
    Column("kind", String(16), nullable=False),
    # The number of the row that was changed or deleted.
    Column("row_id", BigInteger, nullable=False),
)
