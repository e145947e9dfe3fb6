"""What people ask of a council about their data, with or without ever having used the WiFi; and what was disclosed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

information_requests = Table(
    "information_requests",
    metadata,
    primary_key(),
    council_id(),
    # Where a complaint was made; null: from anywhere.
    reference("venue_id", "venues", nullable=True),
    # What people say at the telephone: random, such as 26-7KQ4MX.
    Column("number", String(16), nullable=False, unique=True),
    # complaint, access, correction, erasure or objection: captive_portal/information_rights/requests.py
    Column("kind", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    # Keyring.encrypt("contact", …); null for a complaint by somebody who gave none.
    Column("contact_encrypted", LargeBinary),
    # Keyring.contact_pseudonym(…): as in residents, whom it may belong to.
    Column("contact_pseudonym", LargeBinary(16)),
    Column("received_at", UtcDateTime, nullable=False),
    # When anything was last done or said by either side.
    Column("touched_at", UtcDateTime, nullable=False),
    Column("acknowledged_at", UtcDateTime),
    # A code that was sent to the contact was typed; only then the contact is told where the request's page is.
    Column("contact_proved_at", UtcDateTime),
    # By that code, or in another way that satisfied the council.
    Column("identity_proved_at", UtcDateTime),
    # identity or clarification, while it is the resident's turn and the clock stands.
    Column("waits_for", String(16)),
    # The end of the last day, as the clock says; null while it stands and when the request is closed.
    Column("due_at", UtcDateTime),
    Column("extended_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    # done, partly, refused or withdrawn
    Column("outcome", String(16)),
    # The answer lets them load all that is kept under their contact.
    Column("gives_data", Boolean, nullable=False),
    # After the code was typed the page shows what was written until then.
    Column("open_until", UtcDateTime),
    Index(None, "council_id", "due_at"),
    Index(None, "council_id", "received_at"),
    Index(None, "council_id", "contact_pseudonym"),
    Index(None, "touched_at"),
)

request_events = Table(
    "request_events",
    metadata,
    primary_key(),
    council_id(),
    reference("request_id", "information_requests", on_delete="CASCADE"),
    Column("at", UtcDateTime, nullable=False),
    # resident or council
    Column("actor", String(16), nullable=False),
    Column("kind", String(24), nullable=False),
    # Keyring.encrypt("request text", …): what was written; null where nothing was.
    Column("text_encrypted", LargeBinary),
    Index(None, "request_id"),
)

request_codes = Table(
    "request_codes",
    metadata,
    primary_key(),
    council_id(),
    reference("request_id", "information_requests", on_delete="CASCADE"),
    Column("contact_pseudonym", LargeBinary(16), nullable=False),
    # Keyring.pseudonym("request code", …)
    Column("code_pseudonym", LargeBinary(16), nullable=False),
    Column("attempts_left", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "request_id"),
    Index(None, "council_id", "contact_pseudonym", "created_at"),
    Index(None, "expires_at"),
)

disclosures = Table(
    "disclosures",
    metadata,
    primary_key(),
    council_id(),
    # The number of the register, such as D26-7KQ4MX.
    Column("number", String(16), nullable=False, unique=True),
    Column("asked_at", UtcDateTime, nullable=False),
    # Which body asks, such as a police force; never a person.
    Column("asked_by", String(200), nullable=False),
    # Under which law.
    Column("statute", String(200), nullable=False),
    # Keyring.encrypt("disclosure", JSON): who authorised it, and what of whom is asked for.
    Column("details_encrypted", LargeBinary, nullable=False),
    # pending, disclosed, partly, nothing held or refused
    Column("outcome", String(16), nullable=False),
    Column("decided_at", UtcDateTime),
    # False where the law forbids to tell even that there was a request.
    Column("is_counted", Boolean, nullable=False),
    Index(None, "council_id", "asked_at"),
    Index(None, "asked_at"),
)
