"""What an owner says after a diagnosis: it was solved, or a person has to come, with all that was found and tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from alerts.change import change
from alerts.consent.decide import Decision, decide, histories
from alerts.database import reading
from alerts.diagnosis.desk import Diagnoses, NoDiagnosisError, view
from alerts.diagnosis.words import words
from alerts.effects import DatabaseEffects
from alerts.servicing import Servicing
from alerts.tables import LIVE, DiagnosisRow, Resolution, TicketRow, TicketStatus
from alerts.ticket_steps import Note, Reopened, Resolved, SelfHelp, Step
from foremend.vocabulary.types import Finding, Purpose


class OwnerWord(StrEnum):
    """How it went."""

    SOLVED = "solved"
    NOT_SOLVED = "not_solved"
    COULD_NOT = "could_not"


@dataclass(frozen=True, slots=True)
class OwnerWords:
    """Takes owners' words; tickets change by steps, as everywhere else."""

    diagnoses: Diagnoses
    effects: DatabaseEffects
    servicing: Servicing

    def take(
        self,
        diagnosis_id: str,
        word: OwnerWord,
        by: str,
        note: Note = "",
        mine: Callable[[str], bool] = lambda appliance_id: True,
    ) -> dict[str, Any]:
        """The diagnosis afterwards, with its `outcome` and, as `answered`, what to say of that.

        `outcome` is `solved`, `handed_over`, `call` or `nothing_open`. `note` is for whoever gets the ticket.
        Said again, it changes nothing; another word later counts instead.
        Raises NoDiagnosisError where there is none, or none for whom `mine` answers true; what `Servicing.take` raises.
        """
        row = self._row(diagnosis_id, mine)
        outcome, ticket_id = self._of_diagnosis(row, word, by, note)
        with change(self.diagnoses.engine, self.diagnoses.clock) as work:
            kept = work.session.get_one(DiagnosisRow, diagnosis_id, with_for_update=True)
            if kept.word != word:
                kept.word, kept.word_at = word.value, work.at
                work.note("diagnosis.answered", kept.appliance_id, by=by, word=word.value)
            kept.ticket_id = ticket_id
            shown = view(kept)
        return shown | {"outcome": outcome, "answered": self._said(outcome, row)}

    def take_of(self, about: Finding, word: OwnerWord, by: str, key: str) -> str:
        """What an owner says of an open episode, by its newest finding, without a diagnosis.

        The outcome is `solved`, `noted` (there is no ticket that anybody works on), `handed_over`, `call` or
        `nothing_open`. `key` is of this one saying: again it changes nothing. Raises what `Servicing.take` raises.
        """
        ticket = self._ticket(about.appliance_id, about.episode_id, None)
        if word is OwnerWord.SOLVED and (ticket is None or ticket.status not in LIVE):
            return "noted"
        fault = {"fault": about.fault, "episode_id": about.episode_id}
        return self._act(about.appliance_id, fault, ticket, word, by, "", key, "")[0]

    def _of_diagnosis(self, row: DiagnosisRow, word: OwnerWord, by: str, note: str) -> tuple[str, str | None]:
        if row.word == word and row.ticket_id is not None:
            return "solved" if word is OwnerWord.SOLVED else "handed_over", row.ticket_id
        fault = _fault_of(row)
        ticket = self._ticket(row.appliance_id, None if fault is None else fault["episode_id"], row.ticket_id)
        return self._act(row.appliance_id, fault, ticket, word, by, note, row.id, row.id)

    def _act(
        self,
        appliance_id: str,
        fault: Mapping[str, Any] | None,
        ticket: TicketRow | None,
        word: OwnerWord,
        by: str,
        note: str,
        key: str,
        diagnosis_id: str,
    ) -> tuple[str, str | None]:
        """What becomes of it, and the ticket that it is about."""
        if word is OwnerWord.SOLVED:
            if ticket is not None and fault is not None and ticket.status in LIVE:
                step = Resolved(step="resolved", result=Resolution.REMOTE, fault=fault["fault"], note=note)
                self._take(ticket.id, step, by, key, word)
            return "solved", None if ticket is None else ticket.id
        if not self._consents(appliance_id).given:
            return "call", None
        if ticket is None or ticket.status in (
            TicketStatus.CLOSED,
            TicketStatus.WITHDRAWN,
            TicketStatus.MERGED,
        ):
            ticket_id = None if fault is None else self.effects.hand_over(fault["episode_id"])
        else:
            ticket_id = ticket.id
            if ticket.status is TicketStatus.RESOLVED:
                why = Reopened(step="reopened", reason="the owner's own steps did not solve it")
                self._take(ticket_id, why, by, key, word)
        if ticket_id is None or fault is None:
            return "nothing_open", None
        tried = SelfHelp(
            step="self_help", word=word.value, diagnosis_id=diagnosis_id, fault=fault["fault"], note=note
        )
        self._take(ticket_id, tried, by, key, word)
        return "handed_over", ticket_id

    def _take(self, ticket_id: str, step: Step, by: str, key: str, word: OwnerWord) -> None:
        """Once, however often the word comes: after a crash in between the rest is done."""
        self.servicing.take(ticket_id, step, by, key=f"{key}:{word}:{step.step}")

    def _row(self, diagnosis_id: str, mine: Callable[[str], bool]) -> DiagnosisRow:
        with reading(self.diagnoses.engine) as session:
            row = session.get(DiagnosisRow, diagnosis_id)
            if row is None or not row.content or not mine(row.appliance_id):
                raise NoDiagnosisError(f"there is no diagnosis {diagnosis_id!r}")
            return row

    def _ticket(self, appliance_id: str, episode_id: str | None, ticket_id: str | None) -> TicketRow | None:
        """The one that an earlier word was about, else the one of the fault's episode."""
        of_episode = select(TicketRow).where(
            TicketRow.episode_id == episode_id, TicketRow.appliance_id == appliance_id
        )
        with reading(self.diagnoses.engine) as session:
            found = session.get(TicketRow, ticket_id) if ticket_id else None
            return found or session.scalars(of_episode).first()

    def _consents(self, appliance_id: str) -> Decision:
        with reading(self.diagnoses.engine) as session:
            said = histories(session, {appliance_id}, {Purpose.TICKET})
        return decide(said.get((appliance_id, Purpose.TICKET), ()), self.diagnoses.clock.now_ms())

    def _said(self, outcome: str, row: DiagnosisRow) -> dict[str, str]:
        reason = self._consents(row.appliance_id).reason
        return {
            language: getattr(of.answers, outcome).format(reason=reason, id=row.id)
            for language, of in words().items()
        }


def _fault_of(row: DiagnosisRow) -> dict[str, Any] | None:
    """What the steps were about: the most urgent fault with steps of its own, else the most urgent."""
    faults = row.content["faults"]
    return next((one for one in faults if one["self_help"]), faults[0] if faults else None)
