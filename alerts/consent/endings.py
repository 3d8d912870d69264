"""What ends by itself: owners are asked again before it, and afterwards the receivers are told. Each once.

`decide` knows the end at the moment of each act, so nothing waits for this; here it is only told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, delete, select
from sqlalchemy.orm import Session, aliased

from alerts.change import Change, change
from alerts.consent.decide import decide, histories, said_by_owner
from alerts.consent.telling import ended, ordering
from alerts.consent.wellbeing import STANDS_ON, forget
from alerts.database import insert_new, reading, writing
from alerts.outbox import Event, Notification, Outbox
from alerts.policies import Policies
from alerts.requests import KEYS_KEPT_MS
from alerts.tables import HOUSEHOLD, ApplianceRow, ConsentRow, ReminderRow
from alerts.tickets import withdraw_tickets
from alerts.wording import iso
from alerts.words.composing import ending
from foremend.vocabulary.periods import parse_period
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.purposes import BEHIND_TICKETS
from foremend.vocabulary.rounds import ByRounds, Rounds
from foremend.vocabulary.types import MS_PER_DAY, Purpose, deterministic_id

EVERY_S = 600.0
_BATCH = 500
_LOOK_BACK_MS = 400 * MS_PER_DAY
"""An installation that was off for a year tells the ends of that year; what ended before is history."""


class Yes(NamedTuple):
    """An owner's last word on one purpose, which ends."""

    seq: int
    appliance_id: str
    purpose: Purpose
    ends_at: int
    jurisdiction: str | None
    owner_id: str


@dataclass(frozen=True, slots=True)
class Endings:
    """How many were told of by one `round`."""

    asked_again: int
    ended: int


class ConsentEndings(ByRounds):
    """Rounds of it, by themselves in a thread between `start` and `close`, or one by `round`."""

    def __init__(
        self, engine: Engine, outbox: Outbox, policies: Policies, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._engine, self._outbox, self._policies = engine, outbox, policies
        self._clock, self._wake = clock, wake
        self._rounds = Rounds("ends of consents", self.round, EVERY_S)

    def round(self) -> Endings:
        """Tell all that is due now. Raises UnavailableError while the database is away."""
        now = self._clock.now_ms()
        longest = max(parse_period(name.consent.ask_again_before).after(now) for name in self._policies.all())
        ended = self._each("end", now - _LOOK_BACK_MS, now, self._ended)
        asked = self._each("ask", now, longest, self._ask_again)
        if ended or asked:
            self._wake()
        self._forget("ik_", now - KEYS_KEPT_MS)
        self._forget("rm_", now - max(_LOOK_BACK_MS, longest - now))
        return Endings(asked, ended)

    def _each(self, what: str, since: int, until: int, tell: Callable[[Change, Sequence[Yes]], int]) -> int:
        """`tell` of every last word that is a yes and ends in (since, until], a batch a transaction.

        Where all of a batch was told before, nothing is written and nobody waits.
        """
        after, told = (since, 0), 0
        while not self._rounds.stopping.is_set():
            with reading(self._engine) as session:
                batch = [Yes._make(row) for row in session.execute(_ending(after, until))]
                due = [one for one in _untold(session, what, batch) if self._is_due(one)]
            if not batch:
                break
            if due:
                with change(self._engine, self._clock) as work:
                    told += tell(work, due)
            after = batch[-1].ends_at, batch[-1].seq
        return told

    def _forget(self, kind: str, before: int) -> None:
        """That this was done once, before that moment: requests by their key, and what no walk looks at any more.

        An end that was told of longer ago than a walk looks back is none that it finds; nor is one that was near for
        longer than any policy asks ahead.
        """
        old = ReminderRow.id.between(kind, f"{kind}g"), ReminderRow.at < before
        with reading(self._engine) as session:
            if session.scalar(select(ReminderRow.id).where(*old).limit(1)) is None:
                return
        with writing(self._engine) as session:
            session.execute(delete(ReminderRow).where(*old))

    def _ask_again(self, work: Change, batch: Sequence[Yes]) -> int:
        new = _first_time(work, "ask", batch)
        for one in new:
            self._outbox.put(work, _near(one))
            self._outbox.notify(work, _question(one))
            work.note("consent.asked_again", one.appliance_id, purpose=one.purpose, ends_at=one.ends_at)
        return len(new)

    def _is_due(self, yes: Yes) -> bool:
        """Whether its end is near or past. Where the policy asks for no yes nothing ends, whatever its record says."""
        policy = self._policies.of(yes.jurisdiction)
        asked_from = parse_period(policy.consent.ask_again_before).before(yes.ends_at)
        return yes.purpose in policy.opt_in and asked_from <= self._clock.now_ms()

    def _ended(self, work: Change, batch: Sequence[Yes]) -> int:
        new = _first_time(work, "end", _over(work, batch))
        for one in new:
            stands = one.purpose in BEHIND_TICKETS
            tickets = withdraw_tickets(work, one.appliance_id) if stands else []
            self._outbox.put(work, ended(work, one.appliance_id, one.purpose, "ended", tickets))
            work.note("consent.ended", one.appliance_id, purpose=one.purpose, at=one.ends_at)
        if over := {one.appliance_id for one in new if one.purpose in STANDS_ON}:
            forget(work, over)
        return len(new)


def _ending(after: tuple[int, int], until: int) -> Select[*tuple[Any, ...]]:
    """Last words that end behind `after` (ends_at, seq) and by `until`, in that order."""
    later = aliased(ConsentRow)
    overruled = (
        select(later.seq)
        .where(
            later.appliance_id == ConsentRow.appliance_id,
            later.purpose == ConsentRow.purpose,
            later.subject == ConsentRow.subject,
            (later.at > ConsentRow.at) | ((later.at == ConsentRow.at) & (later.seq > ConsentRow.seq)),
        )
        .exists()
    )
    ends_at, seq = after
    return (
        select(
            ConsentRow.seq,
            ConsentRow.appliance_id,
            ConsentRow.purpose,
            ConsentRow.ends_at,
            ApplianceRow.jurisdiction,
            ApplianceRow.owner_id,
        )
        .join(ApplianceRow, said_by_owner())
        .where(
            (ConsentRow.ends_at > ends_at) | ((ConsentRow.ends_at == ends_at) & (ConsentRow.seq > seq)),
            ConsentRow.ends_at >= ends_at,
            ConsentRow.ends_at <= until,
            ConsentRow.purpose.in_(list(Purpose)),  # another Foremend's cannot be read
            ~overruled,
        )
        .order_by(ConsentRow.ends_at, ConsentRow.seq)
        .limit(_BATCH)
    )


def _over(work: Change, batch: Sequence[Yes]) -> list[Yes]:
    """Those that nobody confirmed meanwhile; nobody can until the transaction ends."""
    about = {one.appliance_id for one in batch}, {one.purpose for one in batch}
    said = histories(work.session, *about, lock=True)
    return [one for one in batch if not decide(said[one.appliance_id, one.purpose], work.at).given]


def _first_time(work: Change, what: str, found: Sequence[Yes]) -> list[Yes]:
    rows = _by_reminder(what, found)
    new = insert_new(work.session, ReminderRow, [{"id": key, "at": work.at} for key in rows])
    return [one for key, one in rows.items() if key in new]


def _untold(session: Session, what: str, found: Sequence[Yes]) -> list[Yes]:
    rows = _by_reminder(what, found)
    told = set(session.scalars(select(ReminderRow.id).where(ReminderRow.id.in_(rows)))) if rows else ()
    return [one for key, one in rows.items() if key not in told]


def _by_reminder(what: str, found: Sequence[Yes]) -> dict[str, Yes]:
    return {deterministic_id("rm", what, one.appliance_id, one.seq, one.ends_at): one for one in found}


def _near(yes: Yes) -> Event:
    return Event(
        id=deterministic_id("ev", "consent-ending", yes.seq, yes.ends_at),
        type="foremend.consent.ending",
        subject=yes.appliance_id,
        time=yes.ends_at,
        data={"appliance_id": yes.appliance_id, "purpose": yes.purpose, "ends_at": iso(yes.ends_at)},
        purpose=yes.purpose,  # who withdrew meanwhile is not asked
        appliance_id=yes.appliance_id,
        ordering=ordering(yes.appliance_id),
        tells_of=yes.purpose,
    )


def _question(yes: Yes) -> Notification:
    day = iso(yes.ends_at)[:10]
    return Notification(
        id=deterministic_id("nt", "consent-ending", yes.seq, yes.ends_at),
        appliance_id=yes.appliance_id,
        episode_id=None,
        texts=ending(yes.purpose, day, at_home=yes.owner_id == HOUSEHOLD),
        ending={"purpose": yes.purpose, "day": day},
        advice={},
        event_type="foremend.consent.ending",
    )
