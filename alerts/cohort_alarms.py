"""Cohorts that fail more than their siblings: each level told once, seen by somebody, and closed with a reason.

No appliance stands here: which ones a cohort has is asked of the register at the moment, so that whoever withdraws a
consent or is erased is in no list from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, select

from alerts.change import Change, change
from alerts.database import insert_new, reading
from alerts.outbox import Event, Outbox
from alerts.storable import json_text
from alerts.tables import AlarmState, CohortAlarmRow
from alerts.ticket_steps import NotNowError, StaleError
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.levels import Level, rank_of
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import deterministic_id

MOST_SHOWN = 500
LONGEST_REASON = 1_000
_RESTS_ON = ("day", "at_risk", "failed", "expected", "ratio", "ratio_95", "faults", "features")


class NoAlarmError(InputError):
    """There is none by that id."""


class CohortAlarms:
    """Every method raises UnavailableError while the database is away."""

    def __init__(self, engine: Engine, outbox: Outbox, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake` is called after something was put into the outbox."""
        self._engine, self._outbox, self._clock, self._wake = engine, outbox, clock, wake

    def tell(self, found: Sequence[Mapping[str, Any]]) -> int:
        """Take in alarms, one a cohort: one at a higher level than was told is told, and is open again whoever had
        closed it. How many that were.

        Each is as `foremend cohorts --json` has it: `definition`, `level`, and what it rests on.
        """
        if not found:
            return 0
        by_id = {_id(one["definition"]): one for one in found}
        with change(self._engine, self._clock) as work:
            insert_new(work.session, CohortAlarmRow, [_unheard(name, one) for name, one in by_id.items()])
            risen = [
                row for row in _rows(work, by_id) if rank_of(by_id[row.id]["level"]) > rank_of(row.level)
            ]
            for row in risen:
                self._tell(work, row, by_id[row.id])
        if risen:
            self._wake()
        return len(risen)

    def some(self, state: AlarmState | None = None) -> list[dict[str, Any]]:
        """Those in a state, or all: the newest first, 500 at most."""
        query = select(CohortAlarmRow).order_by(CohortAlarmRow.told_at.desc(), CohortAlarmRow.id)
        if state is not None:
            query = query.where(CohortAlarmRow.state == state)
        with reading(self._engine) as session:
            return [_view(row) for row in session.scalars(query.limit(MOST_SHOWN))]

    def one(self, alarm_id: str) -> dict[str, Any]:
        """Raises NoAlarmError."""
        with reading(self._engine) as session:
            row = session.get(CohortAlarmRow, alarm_id)
            return _view(_known(row, alarm_id))

    def acknowledge(self, alarm_id: str, by: str, version: int | None = None) -> dict[str, Any]:
        """Somebody has seen it. Raises NoAlarmError, StaleError for another version than the one that was read, and
        NotNowError where it is open no more."""
        with change(self._engine, self._clock) as work:
            row = _taken(work, alarm_id, version)
            _require(row, "acknowledged", {AlarmState.OPEN})
            row.state, row.acknowledged_by, row.acknowledged_at = AlarmState.ACKNOWLEDGED, by, work.at
            _touch(work, row, "acknowledged", by)
            return _view(row)

    def close(self, alarm_id: str, by: str, reason: str, version: int | None = None) -> dict[str, Any]:
        """It is seen to, and why. Raises as `acknowledge`, and InputError without a reason."""
        if not reason.strip() or len(reason) > LONGEST_REASON:
            raise InputError(
                f"say in 1 to {LONGEST_REASON} characters why the alarm is closed: what was done, or why it is none"
            )
        with change(self._engine, self._clock) as work:
            row = _taken(work, alarm_id, version)
            _require(row, "closed", {AlarmState.OPEN, AlarmState.ACKNOWLEDGED})
            row.state, row.closed_by, row.closed_at = AlarmState.CLOSED, by, work.at
            row.reason = reason.strip()
            _touch(work, row, "closed", by)
            return _view(row)

    def _tell(self, work: Change, row: CohortAlarmRow, found: Mapping[str, Any]) -> None:
        row.level, row.state, row.told_at = found["level"], AlarmState.OPEN, work.at
        row.content = {name: found[name] for name in _RESTS_ON}
        row.acknowledged_by = row.acknowledged_at = row.closed_by = row.closed_at = None
        row.reason = ""
        _touch(work, row, "told")
        self._outbox.put(
            work,
            Event(
                id=deterministic_id("ev", row.id, row.level),
                type="foremend.cohort.alarm",
                subject=row.id,
                time=work.at,
                data={
                    "alarm_id": row.id,
                    "level": row.level,
                    "definition": row.definition,
                    **row.content,
                    "recommended": _recommended(row),
                    "members": f"/api/v1/cohort-alarms/{row.id}/members",
                },
                purpose=None,
                appliance_id="",
                ordering=row.id,
            ),
        )


def _id(definition: Mapping[str, str]) -> str:
    return deterministic_id("ca", json_text(definition, sort=True))


def _unheard(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": name, "definition": dict(found["definition"]), "level": "", "state": AlarmState.OPEN, "content": {},
        "told_at": 0, "reason": "", "version": 0,
    }  # fmt: skip


def _rows(work: Change, ids: Collection[str]) -> Sequence[CohortAlarmRow]:
    """Kept from others until the transaction ends, in one order."""
    query = select(CohortAlarmRow).where(CohortAlarmRow.id.in_(ids)).order_by(CohortAlarmRow.id)
    return work.session.scalars(query.with_for_update()).all()


def _taken(work: Change, alarm_id: str, version: int | None) -> CohortAlarmRow:
    row = _known(next(iter(_rows(work, [alarm_id])), None), alarm_id)
    if version is not None and version != row.version:
        raise StaleError(
            f"the cohort alarm is at version {row.version}, not {version}: read it again, then decide"
        )
    return row


def _known(row: CohortAlarmRow | None, alarm_id: str) -> CohortAlarmRow:
    if row is None:
        raise NoAlarmError(f"there is no cohort alarm {alarm_id!r}")
    return row


def _require(row: CohortAlarmRow, step: str, states: Collection[AlarmState]) -> None:
    if row.state not in states:
        raise NotNowError(
            f"the cohort alarm is {row.state}: it can be {step} while it is {' or '.join(sorted(states))}"
        )


def _touch(work: Change, row: CohortAlarmRow, what: str, by: str | None = None) -> None:
    row.version += 1
    work.note(f"cohort_alarm.{what}", row.id, level=row.level, **({} if by is None else {"by": by}))


def _recommended(row: CohortAlarmRow) -> str | None:
    return "freeze" if row.level == Level.RED else None


def _view(row: CohortAlarmRow) -> dict[str, Any]:
    names = (
        "level", "state", "definition", "told_at", "acknowledged_by", "acknowledged_at", "closed_by", "closed_at",
        "reason", "version",
    )  # fmt: skip
    said = {name: getattr(row, name) for name in names}
    return {"alarm_id": row.id} | said | dict(row.content) | {"recommended": _recommended(row)}
