"""Alembic migrations of the effects database, applied by `alerts.database.open_database`."""
