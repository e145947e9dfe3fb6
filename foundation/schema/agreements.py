"""Marketing, which is apart from everything else: who asks whether they may write to residents, and who said yes."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

# One row a language. What was agreed to never changes: another text is another version.
marketing_offers = Table(
    "marketing_offers",
    metadata,
    primary_key(),
    council_id(),
    # Rises by one with each offer of the council, over all languages.
    Column("version", Integer, nullable=False),
    # Who writes to those who say yes (PECR regulation 22): council, venue or operator; and its name.
    Column("controller", String(16), nullable=False),
    Column("controller_name", String(200), nullable=False),
    # Of a venue's: only its own visitors are asked.
    reference("venue_id", "venues", nullable=True),
    # email or sms
    Column("channel", String(8), nullable=False),
    Column("language", String(8), nullable=False),
    # The words beside the box.
    Column("text", String(500), nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    # From then on nobody is asked any more; who said yes said it.
    Column("closed_at", UtcDateTime),
    UniqueConstraint("council_id", "version", "language"),
)

marketing_consents = Table(
    "marketing_consents",
    metadata,
    primary_key(),
    council_id(),
    reference("resident_id", "residents", on_delete="CASCADE"),
    # The text, its language, the channel and the controller.
    reference("offer_id", "marketing_offers"),
    # Where the resident was when they said yes.
    reference("venue_id", "venues", nullable=True),
    Column("given_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Index(None, "resident_id"),
    Index(None, "offer_id"),
)
