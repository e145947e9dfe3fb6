"""What all tables share: naming of constraints, so that migrations can name them on both databases, and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Column, ForeignKey, MetaData

from foundation.database import Identifier

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# Mark of a reference that only SQLite checks. PostgreSQL's check locks the row that is referred to, for each row that
# is written; of the large tables that costs more than the writing (docs/postgresql.md has the figures).
CHECKED_BY_SQLITE_ONLY: Final = {"checked by": "sqlite"}


def primary_key() -> Column[int]:
    """The number of a row."""
    return Column("id", Identifier, primary_key=True)


def council_id(*, info: Mapping[str, str] | None = None) -> Column[int]:
    """The council that the record belongs to: its data controller."""
    return reference("council_id", "councils", info=info)


def reference(
    name: str,
    target: str,
    *,
    nullable: bool = False,
    on_delete: str | None = None,
    info: Mapping[str, str] | None = None,
) -> Column[int]:
    """A reference to another table's row, such as ``reference("venue_id", "venues")``."""
    key = ForeignKey(f"{target}.id", ondelete=on_delete, info=dict(info or {}))
    return Column(name, Identifier, key, nullable=nullable)
