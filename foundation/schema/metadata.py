"""What all tables share: naming of constraints, so that migrations can name them on both databases, and columns."""

from __future__ import annotations

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


def primary_key() -> Column[int]:
    """The number of a row."""
    return Column("id", Identifier, primary_key=True)


def council_id() -> Column[int]:
    """The council that the record belongs to: its data controller."""
    return Column("council_id", Identifier, ForeignKey("councils.id"), nullable=False)


def reference(name: str, target: str, *, nullable: bool = False, on_delete: str | None = None) -> Column[int]:
    """A reference to another table's row, such as ``reference("venue_id", "venues")``."""
    return Column(name, Identifier, ForeignKey(f"{target}.id", ondelete=on_delete), nullable=nullable)
