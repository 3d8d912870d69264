"""Diagnoses: each is a row, so that whoever asks and whoever has the appliance's connection may be two processes.

It waits; a pipeline takes it up, asks the appliance over MQTT and notes how that went; whoever asked concludes it, in
any case, from what is known then. Consent for monitoring is asked at both ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from alerts.change import change
from alerts.consent.decide import decide, histories
from alerts.consent.known import not_known
from alerts.consent.watched import watched_until
from alerts.database import reading, writing
from alerts.diagnosis.composing import NOT_ASKED, Known, Reached, composed
from alerts.episodes import finding_of
from alerts.guide import Guide, plain_guide
from alerts.policies import Policies
from alerts.tables import LIVE, ApplianceRow, DiagnosisRow, FindingRow, OpenEpisodeRow, SeenRow, TicketRow
from alerts.wording import Titles, iso
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import require_id, unknown
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose

ANSWERS_WITHIN_S = 10.0
"""So long an appliance is waited for: a message there and one back, over a slow link."""
TAKEN_WITHIN_S = 2.0
"""So long a pipeline is waited for that takes it up."""
STALE_MS = 60_000
"""What waited so long, nobody waits for any more: no appliance is asked for it."""
UNKNOWN = "unknown"
"""What a pipeline notes of an id that it never heard of."""


_MARGIN_S = 1.0
_HEARD_OF: tuple[tuple[Any, InstrumentedAttribute[str]], ...] = (
    (SeenRow, SeenRow.appliance_id),
    (ApplianceRow, ApplianceRow.id),
    (FindingRow, FindingRow.appliance_id),
)


def is_worth_waiting(taken: bool, waited_s: float) -> bool:
    """Whether somebody who waited so long for `Diagnoses.how_far` may still be told something."""
    return waited_s < (TAKEN_WITHIN_S + ANSWERS_WITHIN_S + _MARGIN_S if taken else TAKEN_WITHIN_S)


class UnwatchedError(InputError):
    """The owner did not agree, or no longer, to be watched: the appliance is not asked, and nothing is said of it."""


class NoApplianceError(InputError):
    """Nobody knows an appliance by that id."""


class NoDiagnosisError(InputError):
    """There is none by that id."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that a pipeline may take up. `appliance_model`: empty of an id that the database never heard of."""

    id: str
    appliance_id: str
    appliance_model: str


@dataclass(frozen=True, slots=True)
class Diagnoses:
    """Keeps them. Every method raises UnavailableError while the database is away."""

    engine: Engine
    clock: Clock
    policies: Policies
    guides: Mapping[str, Guide]
    titles: Titles

    def begin(self, appliance_id: str, by: str, heard_of: bool = False) -> str:
        """Ask for one; its id. `heard_of`: the caller's pipeline knows the appliance, whatever the database does.

        `by` stands in the audit log. Raises UnwatchedError, and NoApplianceError with the nearest that is known.
        """
        require_id("appliance", appliance_id)
        with change(self.engine, self.clock) as work:
            model = _model_of(work.session, appliance_id)
            self._require_watched(work.session, appliance_id, work.at, known=heard_of or model is not None)
            row = DiagnosisRow(
                id=f"dg_{secrets.token_hex(12)}", appliance_id=appliance_id, appliance_model=model or "",
                by=by, asked_at=work.at, reached="", seen={}, content={},
            )  # fmt: skip
            work.session.add(row)
            work.note("diagnosis.asked", appliance_id, by=by)
            return row.id

    def waiting(self) -> list[Waiting]:
        """Those that no pipeline has taken up and that somebody may wait for still, the oldest first."""
        since = self.clock.now_ms() - STALE_MS
        query = select(DiagnosisRow).where(DiagnosisRow.reached == "", DiagnosisRow.asked_at >= since)
        with reading(self.engine) as session:
            rows = session.scalars(query.order_by(DiagnosisRow.asked_at, DiagnosisRow.id).limit(100))
            return [
                Waiting(row.id, row.appliance_id, row.appliance_model) for row in rows if row.taken_at is None
            ]

    def take(self, diagnosis_id: str) -> bool:
        """Whether this process may ask the appliance: one does, and only while its owner agrees to be watched."""
        with writing(self.engine) as session:
            row = session.get(DiagnosisRow, diagnosis_id, with_for_update=True)
            if row is None or row.reached or row.taken_at is not None:
                return False
            row.taken_at = now = self.clock.now_ms()
            if not self._watched(session, row.appliance_id, now):
                row.reached = NOT_ASKED
            return not row.reached

    def note(self, diagnosis_id: str, how: str, seen: Mapping[str, Any], model: str = "") -> None:
        """How the asking went. `seen`: `heard_at`, ms UTC, and `known`; of an unknown id `near`."""
        with writing(self.engine) as session:
            waits = update(DiagnosisRow).where(DiagnosisRow.id == diagnosis_id, DiagnosisRow.reached == "")
            values: dict[str, Any] = {"reached": how, "seen": dict(seen)}
            session.execute(waits.values(values | ({"appliance_model": model} if model else {})))

    def how_far(self, diagnosis_id: str) -> tuple[bool, bool]:
        """Whether a pipeline took it up, and whether it noted how that went."""
        with reading(self.engine) as session:
            row = _get(session, diagnosis_id)
            return row.taken_at is not None, bool(row.reached)

    def conclude(self, diagnosis_id: str) -> dict[str, Any]:
        """What it is, from all that is known now; kept, and shown as `view` does.

        Raises UnwatchedError where the owner's yes ended meanwhile, NoApplianceError where no pipeline knows the id.
        """
        with change(self.engine, self.clock) as work:
            row = _get(work.session, diagnosis_id, lock=True)
            if row.reached == UNKNOWN:
                near = [row.seen["near"]] if row.seen.get("near") else []
                raise NoApplianceError(str(_unknown(row.appliance_id, near)))
            self._require_watched(work.session, row.appliance_id, work.at, known=True)
            row.reached = row.reached or NOT_ASKED
            episodes = self._episodes(work.session, row.appliance_id)
            heard_at = row.seen.get("heard_at") or _last_seen(work.session, row.appliance_id, episodes)
            known = bool(row.seen.get("known"))
            reached = Reached(row.reached, heard_at, known, row.asked_at, ANSWERS_WITHIN_S)
            row.content = composed(reached, episodes, self.titles)
            return view(row)

    def get(
        self, diagnosis_id: str, by: str, mine: Callable[[str], bool] = lambda one: True
    ) -> dict[str, Any]:
        """One that was concluded, as it was said then; that `by` read it stands in the audit log.

        `mine` tells whether the caller may see an appliance. Raises NoDiagnosisError and UnwatchedError.
        """
        with change(self.engine, self.clock) as work:
            row = _get(work.session, diagnosis_id)
            if not row.content or not mine(row.appliance_id):
                raise NoDiagnosisError(f"there is no diagnosis {diagnosis_id!r}")
            self._require_watched(work.session, row.appliance_id, work.at, known=True)
            work.note("diagnosis.read", row.appliance_id, by=by)
            return view(row)

    def last(self, appliance_id: str) -> str | None:
        """The id of the last one of an appliance that was concluded."""
        query = select(DiagnosisRow).where(
            DiagnosisRow.appliance_id == appliance_id, DiagnosisRow.reached != ""
        )
        with reading(self.engine) as session:
            rows = session.scalars(
                query.order_by(DiagnosisRow.asked_at.desc(), DiagnosisRow.id.desc()).limit(20)
            )
            return next((row.id for row in rows if row.content), None)

    def going_on(self, appliance_id: str) -> list[Known]:
        """What is wrong or foreseen now, from what is known; nobody is asked. Raises UnwatchedError and
        NoApplianceError."""
        with reading(self.engine) as session:
            at = self.clock.now_ms()
            self._require_watched(
                session, appliance_id, at, known=_model_of(session, appliance_id) is not None
            )
            return self._episodes(session, appliance_id)

    def _episodes(self, session: Session, appliance_id: str) -> list[Known]:
        query = (
            select(FindingRow, TicketRow.id)
            .join(OpenEpisodeRow, OpenEpisodeRow.finding_id == FindingRow.id)
            .outerjoin(
                TicketRow, (TicketRow.episode_id == FindingRow.episode_id) & TicketRow.status.in_(LIVE)
            )
            .where(OpenEpisodeRow.appliance_id == appliance_id)
        )
        return [
            Known(row.id, finding_of(row), self.guides.get(row.fault) or plain_guide(row.fault), ticket)
            for row, ticket in session.execute(query)
        ]

    def _require_watched(self, session: Session, appliance_id: str, at: int, *, known: bool) -> None:
        if self._watched(session, appliance_id, at):
            return
        if not known:
            raise NoApplianceError(str(not_known(session, ApplianceRow, appliance_id)))
        said = histories(session, {appliance_id}, {Purpose.MONITORING})
        reason = decide(said.get((appliance_id, Purpose.MONITORING), ()), at).reason
        raise UnwatchedError(
            f"the owner's consent for monitoring is missing ({reason}): the appliance is not asked, and nothing is"
            " said of it"
        )

    def _watched(self, session: Session, appliance_id: str, at: int) -> bool:
        """Asked anew each time, of the ledger itself."""
        row = session.get(ApplianceRow, appliance_id)
        policy = self.policies.default if row is None else self.policies.of(row.jurisdiction)
        said = histories(session, {appliance_id}, {Purpose.MONITORING})
        return watched_until(policy, said.get((appliance_id, Purpose.MONITORING), ())) > at


def view(row: DiagnosisRow) -> dict[str, Any]:
    """As the API and the command line show it, JSON-ready."""
    return {
        "diagnosis_id": row.id,
        "appliance_id": row.appliance_id,
        "appliance_model": row.appliance_model or None,
        "asked_at": iso(row.asked_at),
        **row.content,
        "answer": row.word,
        "answered_at": None if row.word_at is None else iso(row.word_at),
        "ticket_id": row.ticket_id,
    }


def _get(session: Session, diagnosis_id: str, *, lock: bool = False) -> DiagnosisRow:
    row = session.get(DiagnosisRow, diagnosis_id, with_for_update=lock)
    if row is None:
        raise NoDiagnosisError(f"there is no diagnosis {diagnosis_id!r}")
    return row


def _model_of(session: Session, appliance_id: str) -> str | None:
    """Of an appliance that the database has heard of, registered or not."""
    for table, column in _HEARD_OF:
        found: str | None = session.scalar(
            select(table.appliance_model).where(column == appliance_id).limit(1)
        )
        if found is not None:
            return found
    return None


def _last_seen(session: Session, appliance_id: str, episodes: Sequence[Known]) -> int | None:
    """The newest that the database knows of, where no pipeline said it."""
    seen = session.scalar(select(SeenRow.last_seen).where(SeenRow.appliance_id == appliance_id))
    return max([one.finding.time for one in episodes] + ([] if seen is None else [seen]), default=None)


def _unknown(appliance_id: str, near: Sequence[str]) -> InputError:
    return unknown("appliance", appliance_id, near, "let `foremend run` hear it first, or register it")
