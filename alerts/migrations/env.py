"""Alembic's entry: runs the migrations on the connection that `alerts.database` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from alerts.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
