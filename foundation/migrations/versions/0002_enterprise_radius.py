"""What enterprise access equipment needs: RadSec, two secrets, policies, roaming, credentials without a password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _equipment()
    _people()
    _sessions()
    _policies()
    _roaming()


def _equipment() -> None:
    with op.batch_alter_table("network_access_servers") as table:
        table.alter_column("network", existing_type=sa.String(64), nullable=True)
        table.add_column(sa.Column("radsec_name", sa.String(253)))
        table.add_column(sa.Column("previous_secret_encrypted", sa.LargeBinary))
        table.add_column(sa.Column("previous_secret_until", UtcDateTime))
        table.add_column(sa.Column("message_authenticator", sa.String(16), nullable=False, server_default="require"))
        table.add_column(sa.Column("message_authenticator_seen_at", UtcDateTime))
        table.add_column(sa.Column("unknown_devices", sa.String(16), nullable=False, server_default="reject"))
        table.add_column(sa.Column("quarantine_vlan", sa.Integer))
        table.add_column(sa.Column("quarantine_role", sa.String(253)))
        table.add_column(sa.Column("quarantine_url", sa.String(400)))
        table.create_unique_constraint("uq_network_access_servers_radsec_name", ["radsec_name"])
    servers = sa.table(
        "network_access_servers",
        sa.column("require_message_authenticator", sa.Boolean),
        sa.column("message_authenticator", sa.String),
    )
    op.execute(servers.update().where(~servers.c.require_message_authenticator).values(message_authenticator="auto"))
    with op.batch_alter_table("network_access_servers") as table:
        table.drop_column("require_message_authenticator")
    with op.batch_alter_table("access_points") as table:
        table.add_column(sa.Column("updated_at", UtcDateTime))


def _people() -> None:
    with op.batch_alter_table("credentials") as table:
        table.alter_column("password_encrypted", existing_type=sa.LargeBinary, nullable=True)
        table.add_column(sa.Column("nt_hash_encrypted", sa.LargeBinary))
    with op.batch_alter_table("residents") as table:
        table.add_column(sa.Column("group_name", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "credential_pages",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("credential_id", Identifier, sa.ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False),
        sa.Column("path_pseudonym", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("details_encrypted", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_credential_pages_credential_id", "credential_pages", ["credential_id"])
    op.create_index("ix_credential_pages_expires_at", "credential_pages", ["expires_at"])


def _sessions() -> None:
    with op.batch_alter_table("accounting_sessions") as table:
        table.add_column(sa.Column("audit_session_id", sa.String(253)))
    with op.batch_alter_table("authentications") as table:
        table.alter_column("method", existing_type=sa.String(16), type_=sa.String(32), existing_nullable=False)
        table.add_column(sa.Column("detail", sa.String(200), nullable=False, server_default=""))
    op.create_table(
        "dynamic_authorizations",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column(
            "session_id", Identifier, sa.ForeignKey("accounting_sessions.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("attributes", sa.LargeBinary),
        sa.Column("requested_at", UtcDateTime, nullable=False),
        sa.Column("taken_at", UtcDateTime),
        sa.Column("finished_at", UtcDateTime),
        sa.Column("result", sa.String(32)),
        sa.Column("explanation", sa.String(400)),
        sa.Column("error_cause", sa.Integer),
    )
    op.create_index("ix_dynamic_authorizations_finished_at_id", "dynamic_authorizations", ["finished_at", "id"])
    op.create_index("ix_dynamic_authorizations_session_id", "dynamic_authorizations", ["session_id"])


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("venue_id", Identifier, sa.ForeignKey("venues.id")),
        sa.Column("network_name", sa.String(32), nullable=False, server_default=""),
        sa.Column("group_name", sa.String(64), nullable=False, server_default=""),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("opens_at", sa.String(5)),
        sa.Column("closes_at", sa.String(5)),
        sa.Column("session_seconds", sa.Integer),
        sa.Column("idle_seconds", sa.Integer),
        sa.Column("daily_seconds", sa.Integer),
        sa.Column("daily_octets", sa.BigInteger),
        sa.Column("download_kilobits_per_second", sa.Integer),
        sa.Column("upload_kilobits_per_second", sa.Integer),
        sa.Column("simultaneous_devices", sa.Integer),
        sa.Column("vlan", sa.Integer),
        sa.Column("filter_name", sa.String(253)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("council_id", "scope"),
    )


def _roaming() -> None:
    op.create_table(
        "realms",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("council_id", "name"),
    )
    op.create_table(
        "home_servers",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("realm_id", Identifier, sa.ForeignKey("realms.id", ondelete="CASCADE"), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("transport", sa.String(8), nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("accounting_port", sa.Integer),
        sa.Column("secret_encrypted", sa.LargeBinary, nullable=False),
        sa.Column("radsec_name", sa.String(253)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("realm_id", "host", "port"),
    )
    op.create_index("ix_home_servers_realm_id_priority", "home_servers", ["realm_id", "priority"])
