"""What could not be used: the beginning of each in a list, one with all its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, LargeBinary, func, select

from alerts.database import reading
from alerts.queries.paging import Page, count
from alerts.tables import DeadLetterRow
from foremend.vocabulary.types import DeadLetter

_PREVIEW = 200  # bytes of a dead letter, and characters of its topic, shown in a list


def dead_letters(engine: Engine, limit: int = 50, offset: int = 0) -> Page:
    """Dead letters with the first bytes of each; the payloads stay in the database."""
    columns = (
        DeadLetterRow.id,
        func.substr(DeadLetterRow.topic, 1, _PREVIEW).label("topic"),
        DeadLetterRow.reason,
        DeadLetterRow.received,
        DeadLetterRow.times,
        func.length(DeadLetterRow.payload).label("bytes"),
        func.substr(DeadLetterRow.payload, 1, _PREVIEW, type_=LargeBinary).label("preview"),
    )
    query = select(*columns).order_by(DeadLetterRow.received.desc(), DeadLetterRow.id)
    with reading(engine) as session:
        total = count(session, DeadLetterRow)
        items = [_dead_letter(row) for row in session.execute(query.limit(limit).offset(offset)).mappings()]
    return Page(items, total)


def dead_letter(engine: Engine, dead_letter_id: str) -> DeadLetter | None:
    """One dead letter with all its bytes, for a replay; None where there is none."""
    with reading(engine) as session:
        row = session.get(DeadLetterRow, dead_letter_id)
    return None if row is None else DeadLetter(row.topic, row.payload, row.reason, row.received)


def _dead_letter(row: Mapping[Any, Any]) -> dict[str, Any]:
    beginning = row["preview"] or b""  # SQLite says NULL of a payload without a byte
    return {**row, "preview": bytes(beginning).decode(errors="replace")}
