"""Audit entries are sealed each with a key of its own, so that an erasure can empty them and the chain still holds.

Entries of before get keys and seals, and the chain is made anew over them. What it was stands in an entry of its own:
the old head, and the first entry that did not fit, if there was one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_PAGE = 5_000
_AUDIT = sa.table(
    "audit", *map(sa.column, ["seq", "at", "action", "subject", "details", "key", "seal", "hash"])
)
_HEAD = sa.table("audit_head", *map(sa.column, ("id", "seq", "hash")))


def upgrade() -> None:
    op.add_column("audit", sa.Column("key", sa.String(64), nullable=True))
    op.add_column("audit", sa.Column("seal", sa.String(64), nullable=False, server_default=""))
    _seal_anew()


def downgrade() -> None:
    """The chain stays one of seals: an earlier version finds that its first entry was changed."""
    op.drop_column("audit", "seal")
    op.drop_column("audit", "key")


def _seal_anew() -> None:
    connection = op.get_bind()
    before = after = "0" * 64
    seq, newest, problem = 0, 0, ""
    while page := _page(connection, seq):
        changed = []
        for row in page:
            before = _digest(before, row.seq, row.at, row.action, row.subject, row.details)
            if not problem and (row.hash != before or row.seq != seq + 1):
                problem = f"entry {seq + 1} was changed or is missing"
            seq, newest, before = row.seq, row.at, row.hash
            sealed = _sealed(after, row)
            after = sealed["hash"]
            changed.append({"number": seq, **{f"new_{name}": value for name, value in sealed.items()}})
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in ("key", "seal", "hash")}
        connection.execute(
            sa.update(_AUDIT).where(_AUDIT.c.seq == sa.bindparam("number")).values(values), changed
        )
    if seq:
        _tell(connection, seq, newest, before, after, problem)


def _tell(connection: sa.Connection, seq: int, at: int, before: str, after: str, problem: str) -> None:
    stored = connection.execute(sa.select(_HEAD.c.seq, _HEAD.c.hash).where(_HEAD.c.id == 1)).one_or_none()
    if stored is None or tuple(stored) != (seq, before):
        problem = problem or f"the log ended at entry {seq}, its head said otherwise"
    text = orjson.dumps(
        {"entries": seq, "head_before": before, "problem": problem}, option=orjson.OPT_SORT_KEYS
    ).decode()
    fields = {"seq": seq + 1, "at": at, "action": "audit.sealed_anew", "subject": "audit", "details": text}
    row = fields | _sealed(after, _Entry(**fields))
    connection.execute(sa.insert(_AUDIT), [row])
    if stored is not None:
        head = sa.update(_HEAD).where(_HEAD.c.id == 1).values(seq=seq + 1, hash=row["hash"])
        connection.execute(head)


class _Entry:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


def _page(connection: sa.Connection, after: int) -> Sequence[Any]:
    rows = sa.select(_AUDIT).where(_AUDIT.c.seq > after).order_by(_AUDIT.c.seq).limit(_PAGE)
    return connection.execute(rows).all()


def _sealed(previous: str, row: Any) -> dict[str, str]:
    key = secrets.token_hex(16)
    text = orjson.dumps([row.subject, row.details])
    seal = hmac.new(bytes.fromhex(key), text, hashlib.sha256).hexdigest()
    return {"key": key, "seal": seal, "hash": _digest(previous, row.seq, row.at, row.action, seal)}


def _digest(previous: str, *parts: object) -> str:
    return hashlib.sha256(orjson.dumps([previous, *map(str, parts)])).hexdigest()
