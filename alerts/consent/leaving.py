"""A withdrawal waits for the message that is on its way at this very moment, and no other begins: nothing leaves after
its commit.

A claim of the outbox marks its row (`leaving_until`) before consent is asked for it, and holds the appliance's row
shared while it does. A withdrawal holds that row alone, looks for marks and commits, or lets go, has the appliance's
other messages wait and looks again. So either the mark is seen, or the message's question comes after the withdrawal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from alerts.database import CHUNK, writing
from alerts.tables import OutboxRow, OutboxState

_LOOK_AGAIN_S = 0.02

Answer = TypeVar("Answer")


class UnderWayError(Exception):
    """Messages about some of the appliances are being sent, until `until` (ms UTC) at the latest; it is `now`."""

    def __init__(self, appliance_ids: Sequence[str], until: int, now: int) -> None:
        super().__init__(until - now)
        self.appliance_ids, self.until, self.now = appliance_ids, until, now


def require_still(session: Session, appliance_ids: Collection[str], now: int) -> None:
    """Raises UnderWayError while a message about one of them is being sent; call it with their rows locked.

    A mark whose time is over is of a dispatcher that died: no channel sends for longer than it says.
    """
    ids, latest = sorted(appliance_ids), 0
    for start in range(0, len(ids), CHUNK):
        among = OutboxRow.appliance_id.in_(ids[start : start + CHUNK])
        marked = select(func.max(OutboxRow.leaving_until)).where(OutboxRow.leaving_until > now, among)
        latest = max(latest, session.scalar(marked) or 0)
    if latest:
        raise UnderWayError(ids, latest, now)


def once_still(engine: Engine, attempt: Callable[[bool], Answer]) -> Answer:
    """What `attempt(True)` answers, tried again while it raises UnderWayError; no longer than its marks last: then
    `attempt(False)`, which is not to look for any."""
    last, ends = 0, 0.0
    while True:
        try:
            return attempt(True)
        except UnderWayError as error:
            if error.until > last:
                last, ends = error.until, time.monotonic() + (error.until - error.now) / 1000
                _hold(engine, error)
            elif time.monotonic() >= ends:
                return attempt(False)
        time.sleep(_LOOK_AGAIN_S)


def _hold(engine: Engine, under_way: UnderWayError) -> None:
    """What else waits about the appliances is not begun meanwhile: else one message follows the other, and the
    withdrawal comes after all of them, or between two."""
    ids = under_way.appliance_ids
    with writing(engine) as session:
        for start in range(0, len(ids), CHUNK):
            waiting = (
                OutboxRow.appliance_id.in_(ids[start : start + CHUNK]),
                OutboxRow.state == OutboxState.PENDING,
                OutboxRow.due_at < under_way.until,
                OutboxRow.leaving_until.is_(None) | (OutboxRow.leaving_until <= under_way.now),
            )
            session.execute(update(OutboxRow).where(*waiting).values(due_at=under_way.until))
