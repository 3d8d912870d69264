"""Appliances by what the registers say of them, in the order of ids: a page of such a list is all that is read."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"

INDEXES = {
    "ix_nameplates_region": ("nameplates", "region", "appliance_id"),
    "ix_nameplates_batch": ("nameplates", "batch", "appliance_id"),
    "ix_firmware_version": ("firmware", "version", "appliance_id"),
    "ix_appliances_service_area": ("appliances", "service_area", "id"),
}


def upgrade() -> None:
    order = ' COLLATE "C"' if op.get_bind().dialect.name == "postgresql" else ""
    for name, (table, trait, key) in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {table} ({trait}, {key}{order})")


def downgrade() -> None:
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
