"""Access equipment: network access servers (who speaks RADIUS to us) and access points (what phones see)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table, UniqueConstraint, true

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

network_access_servers = Table(
    "network_access_servers",
    metadata,
    primary_key(),
    council_id(),
    Column("name", String(200), nullable=False),
    # Packets from this network (CIDR) are its; the longest prefix wins. One network has one secret.
    Column("network", String(64), nullable=False, unique=True),
    # Keyring.encrypt("nas secret", …)
    Column("secret_encrypted", LargeBinary, nullable=False),
    # Names a gateway driver of captive_portal/gateways and the reply attributes that it understands.
    Column("vendor", String(32), nullable=False),
    Column("require_message_authenticator", Boolean, nullable=False, server_default=true()),
    # The venue of everything behind it; null where its access points tell.
    reference("venue_id", "venues", nullable=True),
    # What it calls itself in redirects and in NAS-Identifier.
    Column("nas_identifier", String(253)),
    # Secret shared with the portal (CoovaChilli's uamsecret): Keyring.encrypt("portal secret", …)
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
    UniqueConstraint("council_id", "mac_address"),
)
