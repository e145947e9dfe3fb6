"""What Alembic runs: migrations on the connection that it is handed (see foundation.migrations)."""

from alembic import context

from foundation.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
