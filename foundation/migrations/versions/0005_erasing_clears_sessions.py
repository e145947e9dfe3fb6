"""PostgreSQL: removing a person clears their sessions by triggers, so that storing a session need not lock the person.

A checked reference writes a lock into the row that is referred to, for each session that begins. In a city of a million
that is a page of its own each time, which is then logged whole: half of what storing a session cost there.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PEOPLE = (("resident_id", "residents"), ("device_id", "devices"))


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for column, table in _PEOPLE:
        op.drop_constraint(f"fk_accounting_sessions_{column}", "accounting_sessions", type_="foreignkey")
        op.execute(
            f"CREATE FUNCTION {table}_clear_sessions() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"  # noqa: S608  ours
            f" UPDATE accounting_sessions SET {column} = NULL WHERE {column} IN (SELECT id FROM removed);"
            " RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_clear_sessions AFTER DELETE ON {table} REFERENCING OLD TABLE AS removed"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_clear_sessions()"
        )
