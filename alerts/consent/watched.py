"""Who may be watched: asked for every block, answered from memory, which the audit log keeps true.

Where the policy of an appliance asks before it watches (`opt_in: monitoring`), nobody is watched without a yes;
elsewhere everybody until a no. An appliance that nobody registered has no owner to ask: the policy of the installation
decides.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alerts.audit_rows import RECORDED
from alerts.consent.decide import Statement, histories
from alerts.database import CHUNK, reading
from alerts.policies import Policies, Policy
from alerts.tables import ApplianceRow, AuditHeadRow, AuditRow
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose

REFRESH_MS = 1_000
"""How old an answer may be: that is how fast a withdrawal works."""
MOST = 2_000_000
"""Appliances that are remembered, about 150 bytes each; with more of them all are asked for anew."""
NEVER, EVER = 0, 2**62
_ERASED = "erasure.asked"
_CHANGES = (RECORDED, "appliance.registered", "appliance.handed_over", _ERASED)
_LAST = select(AuditHeadRow.seq).where(AuditHeadRow.id == 1)
_MOST_CHANGES = 20 * CHUNK  # at one look; after more all are asked for anew


class Watched:
    """Remembers until when each appliance may be watched. For any thread.

    Every method raises UnavailableError while the database is away: what cannot be asked is not watched meanwhile.
    """

    def __init__(self, engine: Engine, policies: Policies, clock: Clock) -> None:
        self._engine, self._policies, self._clock = engine, policies, clock
        self._until: dict[str, int] = {}
        self._lock = threading.Lock()
        self._asked, self._seen = -REFRESH_MS, 0  # when, ms UTC; the last entry of the audit log then

    def until(self, ids: Sequence[str]) -> list[int]:
        """Until when each of `ids` may be watched, ms UTC: `NEVER` now, `EVER` with no end that is known."""
        with self._lock:
            self._refresh()
            try:
                return [self._until[one] for one in ids]
            except KeyError:
                self._ask(sorted({one for one in ids if one not in self._until}))
                return [self._until[one] for one in ids]

    def unwatched(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` whom nobody may watch now."""
        each = list(ids)
        now = self._clock.now_ms()
        return {one for one, until in zip(each, self.until(each), strict=True) if until <= now}

    def gone(self) -> frozenset[str]:
        """Of all who were asked about, those whom nobody may watch now."""
        with self._lock:
            self._refresh()
            now = self._clock.now_ms()
            return frozenset([one for one, until in self._until.items() if until <= now])

    def _refresh(self) -> None:
        """Once a second: what the audit log says has changed is asked for anew."""
        now = self._clock.now_ms()
        if 0 <= now - self._asked < REFRESH_MS:
            return
        with reading(self._engine) as session:
            last = session.scalar(_LAST) or 0
            changed = self._changed(session, last) if last != self._seen else set()
        if changed is None or len(self._until) > MOST:
            self._until.clear()
        else:
            self._ask(sorted(changed & self._until.keys()))
        self._asked, self._seen = now, last

    def _changed(self, session: Session, last: int) -> set[str] | None:
        """Appliances about which something was said or written since; None where all may be."""
        if last < self._seen:  # another database, or an older state of it
            return None
        told = select(AuditRow.action, AuditRow.subject).where(
            AuditRow.seq > self._seen, AuditRow.seq <= last, AuditRow.action.in_(_CHANGES)
        )
        rows = session.execute(told.limit(_MOST_CHANGES + 1)).all()
        if len(rows) > _MOST_CHANGES or any(action == _ERASED for action, _ in rows):
            return None
        return {subject for _, subject in rows}

    def _ask(self, ids: Sequence[str]) -> None:
        found: dict[str, int] = {}
        for start in range(0, len(ids), CHUNK):
            found |= self._answers(ids[start : start + CHUNK])
        self._until |= found

    def _answers(self, ids: Sequence[str]) -> dict[str, int]:
        query = select(ApplianceRow.id, ApplianceRow.jurisdiction).where(ApplianceRow.id.in_(ids))
        with reading(self._engine) as session:
            jurisdictions = {row.id: row.jurisdiction for row in session.execute(query)}
            said = histories(session, jurisdictions, {Purpose.MONITORING})
        found = dict.fromkeys(ids, watched_until(self._policies.default, ()))
        for one, jurisdiction in jurisdictions.items():
            found[one] = watched_until(
                self._policies.of(jurisdiction), said.get((one, Purpose.MONITORING), ())
            )
        return found


def watched_until(policy: Policy, said: Iterable[Statement]) -> int:
    """Until when an appliance may be watched by a policy and what its owner said, in the order it was said."""
    last = next(reversed(list(said)), None)
    if Purpose.MONITORING not in policy.opt_in:
        return NEVER if last is not None and not last.given else EVER
    if last is None or not last.given:
        return NEVER
    return EVER if last.ends_at is None else last.ends_at
