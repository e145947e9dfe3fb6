"""Access equipment: network access servers (who speaks RADIUS to us) and access points (what phones see)."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, ColumnElement, Integer, LargeBinary, String, Table, Text, UniqueConstraint, or_

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference


def _now() -> datetime:
    return datetime.now(UTC)


network_access_servers = Table(
    "network_access_servers",
    metadata,
    primary_key(),
    council_id(),
    Column("name", String(200), nullable=False),
    # Packets from this network (CIDR) are its; the longest prefix wins. Null where it only speaks RadSec.
    Column("network", String(64), unique=True),
    # It speaks RadSec (RFC 6614) and its certificate carries this DNS name.
    Column("radsec_name", String(253), unique=True),
    # Keyring.encrypt("nas secret", …); of RadSec it is always the word that the RFC prescribes.
    Column("secret_encrypted", LargeBinary, nullable=False),
    # While a secret is changed at both ends, the old one is good until then, too.
    Column("previous_secret_encrypted", LargeBinary),
    Column("previous_secret_until", UtcDateTime),
    # Names a gateway driver of captive_portal/gateways and the reply attributes that it understands.
    Column("vendor", String(32), nullable=False),
    # require, or auto: required from the first one on that the equipment sent (BlastRADIUS).
    Column("message_authenticator", String(16), nullable=False, server_default="require"),
    Column("message_authenticator_seen_at", UtcDateTime),
    # What becomes of a device that nobody registered, in MAC authentication: reject or quarantine.
    Column("unknown_devices", String(16), nullable=False, server_default="reject"),
    # Where a quarantined device goes; which of them equipment understands depends on its vendor.
    Column("quarantine_vlan", Integer),
    Column("quarantine_role", String(253)),
    Column("quarantine_url", String(400)),
    # The venue of everything behind it; null where its access points tell.
    reference("venue_id", "venues", nullable=True),
    # What it calls itself in redirects and in NAS-Identifier.
    Column("nas_identifier", String(253)),
    # Which driver of captive_portal/gateways understands it, where its vendor has several; null: the vendor's name.
    Column("gateway_driver", String(32)),
    # The unguessable end of its own arrival address (/arrive/DRIVER/KEY), which tells it from all others.
    Column("arrival_key", String(32), unique=True),
    # What its driver needs to know besides, as a JSON object of texts; no secrets.
    Column("gateway_options", Text),
    # Secret shared with the portal (uamsecret, faskey, API key, by driver): Keyring.encrypt("portal secret", …)
    Column("portal_secret_encrypted", LargeBinary),
    # The portal's address as configured in the gateway (uamserver); null means the portal's own setting.
    Column("portal_url", String(400)),
    # The only address to which a browser is sent with a password, such as http://10.1.0.1:3990
    Column("login_url", String(400)),
    # RFC 5176 requests go here; null where the equipment has none.
    Column("dynamic_authorization_host", String(64)),
    Column("dynamic_authorization_port", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "name"),
)

access_points = Table(
    "access_points",
    metadata,
    primary_key(),
    council_id(),
    reference("nas_id", "network_access_servers"),
    reference("venue_id", "venues", nullable=True),
    Column("name", String(200), nullable=False),
    # Its address as in Called-Station-Id, 12 lower-case hexadecimal digits; equipment, not a person.
    Column("mac_address", String(12), nullable=False),
    Column("last_heard_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    # Of everything but last_heard_at; RADIUS reads the table anew when it grows.
    Column("updated_at", UtcDateTime, default=_now, onupdate=_now),
    UniqueConstraint("council_id", "mac_address"),
)


def is_in_service() -> ColumnElement[bool]:
    """Of a network access server: it can send something. A removed one is kept for what its sessions tell.

    One without RADIUS has neither network nor RadSec name, but an arrival address of its own.
    """
    nas = network_access_servers.c
    return or_(nas.network.is_not(None), nas.radsec_name.is_not(None), nas.arrival_key.is_not(None))
