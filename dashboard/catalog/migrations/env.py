"""What Alembic runs to bring a catalog up to date, on the connection that it is given."""

from alembic import context

from dashboard.catalog.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
