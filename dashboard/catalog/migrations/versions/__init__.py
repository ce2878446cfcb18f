"""One step of the schema each; Alembic finds their order by `down_revision`."""
