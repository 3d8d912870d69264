"""Dead letters into the database: a number an hour as rows, the others counted on a row that stands for them.

What bounds them and why: docs/decisions/0022-what-bounds-a-dead-letter.md.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from alerts.database import CHUNK, insert_new
from alerts.settings import DeadLetterSettings
from alerts.tables import DeadLetterRow, TotalRow
from foremend.vocabulary.types import DeadLetter, deterministic_id

TOTAL = "dead_letters"
HOUR_MS = 3_600_000

Row = dict[str, Any]

_KIND = re.compile(r"(?:reading [0-9]+ of [0-9]+: )?(signals|[A-Za-z ,:]*)")
_LETTERS, _TOTALS = cast(Table, DeadLetterRow.__table__), cast(Table, TotalRow.__table__)
_NEWEST = (
    select(_LETTERS.c.id)
    .where(_LETTERS.c.bucket == bindparam("of"))
    .order_by(_LETTERS.c.received.desc(), _LETTERS.c.id)
    .limit(1)
    .scalar_subquery()
)
_MORE = update(_LETTERS).where(_LETTERS.c.id == _NEWEST).values(times=_LETTERS.c.times + bindparam("more"))
_ADD = update(_TOTALS).where(_TOTALS.c.name == TOTAL).values(value=_TOTALS.c.value + bindparam("more"))


def keep(
    session: Session, letters: Sequence[DeadLetter], settings: DeadLetterSettings, first_time: bool
) -> None:
    """Store the letters that are not there yet, as many as the bounds leave room for, and count the others.

    `first_time` False: these letters were committed before, so whatever has no row was counted then.
    """
    rows = _rows(letters)
    room = _room(session, {row["bucket"] for row in rows}, settings.most_per_hour)
    kept, counted = _split(rows, room)
    kept, crowded = _within_hours(session, kept, settings.most_together_per_hour)
    room = _room(session, {row["bucket"] for row in crowded}, 1)
    standing, more = _split(crowded, room)
    new = len(insert_new(session, DeadLetterRow, kept + standing))
    counted = counted + more if first_time else Counter()
    if counted:
        # In one order, so that PostgreSQL's writers wait for one another and never in a ring.
        session.connection().execute(_MORE, [{"of": of, "more": counted[of]} for of in sorted(counted)])
    session.connection().execute(_ADD, {"more": new + counted.total()})


def kind(reason: str) -> str:
    """What is wrong, without anything that the device wrote: it cannot make up kinds."""
    found = _KIND.match(reason)
    return found[1] if found else ""


def _rows(letters: Sequence[DeadLetter]) -> list[Row]:
    """Equal letters of one batch are told apart by counting them: each was a message of its own."""
    seen: Counter[DeadLetter] = Counter()
    rows = []
    for letter in letters:
        seen[letter] += 1
        topic, payload, reason, received = letter.topic, letter.payload, letter.reason, letter.received
        rows.append(
            {
                "id": deterministic_id("dl", topic, payload.hex(), reason, received, seen[letter]),
                "topic": topic,
                "payload": payload,
                "reason": reason,
                "received": received,
                "bucket": deterministic_id("db", topic, kind(reason), received // HOUR_MS),
                "times": 1,
            }
        )
    return rows


def _room(session: Session, buckets: Collection[str], most: int) -> dict[str, int]:
    """How many rows each bucket may still get."""
    room = dict.fromkeys(buckets, most)
    names = sorted(buckets)
    for start in range(0, len(names), CHUNK):
        some = names[start : start + CHUNK]
        held = select(DeadLetterRow.bucket, func.count()).where(DeadLetterRow.bucket.in_(some))
        for bucket, number in session.execute(held.group_by(DeadLetterRow.bucket)):
            room[bucket] = most - number
    return room


def _split(rows: Sequence[Row], room: Mapping[str, int]) -> tuple[list[Row], Counter[str]]:
    """The rows there is room for, and how many others there are by bucket."""
    left, kept, others = dict(room), [], Counter[str]()
    for row in rows:
        if left[row["bucket"]] > 0:
            left[row["bucket"]] -= 1
            kept.append(row)
        else:
            others[row["bucket"]] += 1
    return kept, others


def _within_hours(session: Session, rows: Sequence[Row], most: int) -> tuple[list[Row], list[Row]]:
    """The rows there is room for in their hours, and the others as what one row of the hour stands for."""
    by_hour: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_hour[row["received"] // HOUR_MS].append(row)
    kept, crowded = [], []
    for hour, some in by_hour.items():
        room = max(most - _held(session, hour), 0)
        kept += some[:room]
        crowded += [_of_any_topic(row, hour, most) for row in some[room:]]
    return kept, crowded


def _held(session: Session, hour: int) -> int:
    within = DeadLetterRow.received.between(hour * HOUR_MS, (hour + 1) * HOUR_MS - 1)
    return session.scalar(select(func.count()).select_from(DeadLetterRow).where(within)) or 0


def _of_any_topic(row: Row, hour: int, most: int) -> Row:
    why = f"more than {most} dead letters came in this hour: this one stands for others of any topic"
    bucket = deterministic_id("db", "any topic", hour)
    return row | {"bucket": bucket, "reason": f"{row['reason']} ({why})"}
