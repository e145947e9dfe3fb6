"""Realms whose residents are authenticated elsewhere, and the servers that do it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

realms = Table(
    "realms",
    metadata,
    primary_key(),
    # The council on whose network these visitors are served.
    council_id(),
    # What follows the @ of a user name, in lower case; *.example for all below it, * for every other realm.
    Column("name", String(253), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "name"),
)

home_servers = Table(
    "home_servers",
    metadata,
    primary_key(),
    reference("realm_id", "realms", on_delete="CASCADE"),
    # The lowest is asked first; the others when it is down.
    Column("priority", Integer, nullable=False),
    # udp or radsec
    Column("transport", String(8), nullable=False),
    Column("host", String(253), nullable=False),
    Column("port", Integer, nullable=False),
    # Null where accounting goes nowhere; of RadSec it is the same port.
    Column("accounting_port", Integer),
    # Keyring.encrypt("nas secret", …)
    Column("secret_encrypted", LargeBinary, nullable=False),
    # The DNS name that a RadSec server's certificate must carry.
    Column("radsec_name", String(253)),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("realm_id", "host", "port"),
    Index(None, "realm_id", "priority"),
)
