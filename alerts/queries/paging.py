"""One page of a table, and how many rows there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.orm import Session

from alerts.database import reading
from alerts.tables import Base


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `total` counts all pages."""

    items: list[dict[str, Any]]
    total: int


def count(session: Session, table: type[Base]) -> int:
    """Rows of a table."""
    return session.scalar(select(func.count()).select_from(table)) or 0


def page(
    engine: Engine, query: Select[Any], limit: int, offset: int, view: Callable[[Any], dict[str, Any]]
) -> Page:
    """`limit` rows of `query` from `offset` on, each as `view` shows it."""
    with reading(engine) as session:
        total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        items = [view(row) for row in session.scalars(query.limit(limit).offset(offset))]
    return Page(items, total)


def columns(row: Base) -> dict[str, Any]:
    """Every column of a row by its name."""
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}
