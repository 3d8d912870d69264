"""How words of owners enter the ledger: a row each, and an entry of the audit log that covers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert

from alerts.audit_rows import RECORDED, digest
from alerts.change import Change
from alerts.consent.wellbeing import STANDS_ON, forget
from alerts.tables import ConsentRow


def keep(work: Change, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append `rows`, with the columns of `ConsentRow` but its key. The log names no owner: it outlives an erasure."""
    into = insert(ConsentRow).returning(ConsentRow.seq, sort_by_parameter_order=True)
    keys = work.session.scalars(into, list(rows)).all() if rows else []
    for key, row in zip(keys, rows, strict=True):
        public = {"purpose": row["purpose"], "given": row["given"], "at": row["at"]}
        covers = {"row": key, "digest": digest(RECORDED, row)}
        work.note(RECORDED, row["appliance_id"], notice=row["notice_version"], **public, **covers)
    if over := {row["appliance_id"] for row in rows if not row["given"] and row["purpose"] in STANDS_ON}:
        forget(work, over)
