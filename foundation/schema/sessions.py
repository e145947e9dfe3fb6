"""What RADIUS writes: accounting sessions, restarts of equipment, the log of authentications, orders to end one.

The first and the third are a city's large tables: PostgreSQL keeps them in one partition a month
(foundation.partitions), so their keys contain the moment that decides which one (docs/postgresql.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    or_,
    true,
)

from foundation.database import Identifier, UtcDateTime
from foundation.schema.metadata import CHECKED_BY_SQLITE_ONLY, council_id, metadata, primary_key, reference

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine.default import DefaultExecutionContext


def _started_at(context: DefaultExecutionContext) -> datetime:
    moment: datetime = context.get_current_parameters()["started_at"]  # type: ignore[no-untyped-call]  # SQLAlchemy has none
    return moment


accounting_sessions = Table(
    "accounting_sessions",
    metadata,
    primary_key(),
    council_id(info=CHECKED_BY_SQLITE_ONLY),
    # Digest of what makes a session one: NAS, NAS-Identifier, Acct-Session-Id, Calling-Station-Id.
    Column("session_key", LargeBinary(16), nullable=False),
    # The implied start (event minus Acct-Session-Time) of the record that made the row. It never changes, so it is the
    # row's month on PostgreSQL, and tells apart sessions of one key: equipment uses an Acct-Session-Id again.
    Column("anchored_at", UtcDateTime, nullable=False, default=_started_at),
    # False while only records came that do not tell when it began; then ``anchored_at`` is the event of the first of
    # them, and the first record that does tell moves it to the beginning.
    Column("start_is_known", Boolean, nullable=False, server_default=true()),
    reference("nas_id", "network_access_servers", info=CHECKED_BY_SQLITE_ONLY),
    Column("nas_identifier", String(253), nullable=False, server_default=""),
    reference("access_point_id", "access_points", nullable=True, info=CHECKED_BY_SQLITE_ONLY),
    reference("venue_id", "venues", nullable=True, info=CHECKED_BY_SQLITE_ONLY),
    # Erasing a person clears these two: on PostgreSQL by triggers, which cost the storing of a session nothing.
    reference("resident_id", "residents", nullable=True, on_delete="SET NULL", info=CHECKED_BY_SQLITE_ONLY),
    reference("device_id", "devices", nullable=True, on_delete="SET NULL", info=CHECKED_BY_SQLITE_ONLY),
    Column("acct_session_id", String(253), nullable=False),
    # What Cisco calls the session from before its authentication on (Cisco-AVPair audit-session-id).
    Column("audit_session_id", String(253)),
    # The next three name a device; they are cleared a while after the session ended.
    Column("user_name", String(253)),
    Column("calling_station_id", String(253)),
    Column("framed_ip_address", String(45)),
    Column("network_name", String(253)),
    # Earliest known start, latest known event, both by the NAS.
    Column("started_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # Our clock at the latest record.
    Column("received_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime),
    # radius; or, of equipment that sends no accounting, how the portal knows: api, authmon, browser.
    Column("source", String(16), nullable=False, server_default="radius"),
    # stop (the NAS said so), restart (Accounting-On or -Off) or lost.
    Column("ended_by", String(16)),
    # RFC 2866 section 5.10
    Column("terminate_cause", Integer),
    Column("session_seconds", BigInteger, nullable=False, server_default="0"),
    # As the NAS counts: input is from the device, output is to the device.
    Column("input_octets", BigInteger, nullable=False, server_default="0"),
    Column("output_octets", BigInteger, nullable=False, server_default="0"),
    # What was counted before the NAS's counters fell and began anew; part of the totals above.
    Column("input_octets_carried", BigInteger, nullable=False, server_default="0"),
    Column("output_octets_carried", BigInteger, nullable=False, server_default="0"),
    # Its resident had everything deleted: whatever records still come, who it is stays unknown.
    Column("is_erased", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("session_key", "anchored_at"),
)

_session = accounting_sessions.c
_is_open = _session.stopped_at.is_(None)
_is_named = or_(
    _session.user_name.is_not(None), _session.calling_station_id.is_not(None), _session.framed_ip_address.is_not(None)
)
# Which question needs which index stands in docs/postgresql.md. An Interim-Update changes no column of any but the
# first, which PostgreSQL (16) needs not extend for it, so that the new version of the row stays in its page (HOT).
Index(
    "ix_accounting_sessions_received_at",
    _session.received_at,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 32, "autosummarize": True},
)
Index("ix_accounting_sessions_open", _session.nas_id, postgresql_where=_is_open, sqlite_where=_is_open)
# Those whose raw identifiers are still to be cleared.
Index("ix_accounting_sessions_named", _session.id, postgresql_where=_is_named, sqlite_where=_is_named)
# Removing a person clears these columns; without an index that would read every session.
Index(None, _session.device_id)
Index(None, _session.resident_id)

accounting_restarts = Table(
    "accounting_restarts",
    metadata,
    primary_key(),
    council_id(),
    reference("nas_id", "network_access_servers", on_delete="CASCADE"),
    Column("nas_identifier", String(253), nullable=False),
    # The latest Accounting-On or -Off: no session that began before it can still be open.
    Column("restarted_at", UtcDateTime, nullable=False),
    UniqueConstraint("nas_id", "nas_identifier"),
)

authentications = Table(
    "authentications",
    metadata,
    primary_key(),
    council_id(info=CHECKED_BY_SQLITE_ONLY),
    Column("at", UtcDateTime, nullable=False),
    reference("nas_id", "network_access_servers", on_delete="CASCADE", info=CHECKED_BY_SQLITE_ONLY),
    reference("venue_id", "venues", nullable=True, info=CHECKED_BY_SQLITE_ONLY),
    # pap, chap, mac, peap/mschapv2 …
    Column("method", String(32), nullable=False),
    Column("accepted", Boolean, nullable=False),
    # Why not, in words that an engineer understands; empty when accepted.
    Column("reason", String(200), nullable=False),
    # What else an engineer wants to know: the TLS version, whether a session was resumed, the realm.
    Column("detail", String(200), nullable=False, server_default=""),
    # Keyring.pseudonym("user", …): tells whether two lines are the same device, not whose it is.
    Column("user_pseudonym", LargeBinary(16), nullable=False),
    Column("milliseconds", Float, nullable=False),
    Index(None, "at"),
)

# Orders to end or change a session whose equipment only the RADIUS server can reach: over its RadSec connection.
dynamic_authorizations = Table(
    "dynamic_authorizations",
    metadata,
    primary_key(),
    council_id(),
    # Of accounting_sessions; no foreign key, because no column of a partitioned table is unique by itself.
    Column("session_id", Identifier, nullable=False),
    # disconnect or coa
    Column("action", String(16), nullable=False),
    # Of coa: the attributes that come into force, as they go into the packet.
    Column("attributes", LargeBinary),
    Column("requested_at", UtcDateTime, nullable=False),
    # A server that has the connection took it on.
    Column("taken_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    # radius.dynamic_authorization: Result, and its explanation.
    Column("result", String(32)),
    Column("explanation", String(400)),
    Column("error_cause", Integer),
    Index(None, "finished_at", "id"),
)

# Of the journal of accounting that a worker keeps while the database is away: what arrived here, to deliver it once.
journal_deliveries = Table(
    "journal_deliveries",
    metadata,
    # The name of the journal, one for each worker's file.
    Column("journal", String(64), primary_key=True),
    # The number of its last record that was delivered.
    Column("delivered_until", BigInteger, nullable=False),
)

# Of gateways that come and ask (openNDS at levels 3 and 4): devices that they are to let on.
polled_grants = Table(
    "polled_grants",
    metadata,
    primary_key(),
    council_id(),
    reference("nas_id", "network_access_servers"),
    reference("journey_id", "journeys", on_delete="CASCADE"),
    # What the gateway calls the device for this visit; lower-case hexadecimal digits.
    Column("reference", String(64), nullable=False),
    # What the policy of the place allows; null is no limit of ours.
    Column("session_seconds", Integer),
    Column("octets", BigInteger),
    Column("download_kilobits_per_second", Integer),
    Column("upload_kilobits_per_second", Integer),
    # pending, given-out, or acknowledged: the gateway says that the device is on.
    Column("state", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # A gateway that comes later is not told of it any more.
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("nas_id", "reference"),
    Index(None, "journey_id"),
    Index(None, "expires_at"),
)
