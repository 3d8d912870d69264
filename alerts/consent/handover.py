"""An appliance changes hands: every consent of the former owner ends, and nothing of theirs reaches the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import update

from alerts.change import Change
from alerts.consent.decide import histories
from alerts.consent.keeping import keep
from alerts.consent.telling import ended
from alerts.database import CHUNK
from alerts.outbox import Outbox
from alerts.tables import OutboxRow, OutboxState
from alerts.tickets import withdraw_tickets
from foremend.vocabulary.types import Purpose

HOW = "change of owner"
_STOPPED = "the appliance has another owner"


def hand_over(work: Change, outbox: Outbox, former: Mapping[str, str]) -> None:
    """`former` owners by appliance, before the rows name the next one.

    Their yes becomes a no in the ledger, open tickets are withdrawn and the receivers told, and what waits in the
    outbox for them never leaves.
    """
    said = histories(work.session, former, list(Purpose), lock=True)
    for appliance_id, owner_id in former.items():
        agreed = [one for one in Purpose if (words := said.get((appliance_id, one))) and words[-1].given]
        _end(work, appliance_id, owner_id, agreed)
        tickets = withdraw_tickets(work, appliance_id)
        for purpose in dict.fromkeys((*agreed, *([Purpose.TICKET] if tickets else []))):
            named = tickets if purpose is Purpose.TICKET else []
            outbox.put(work, ended(work, appliance_id, purpose, HOW, named))
        work.note("appliance.handed_over", appliance_id, tickets=len(tickets))
    _stop(work, former)


def _end(work: Change, appliance_id: str, owner_id: str, purposes: Iterable[Purpose]) -> None:
    rows = [
        {
            "appliance_id": appliance_id,
            "subject": owner_id,
            "purpose": purpose,
            "given": False,
            "at": work.at,
            "recorded_at": work.at,
            "notice_version": "",
            "language": "",
            "how": HOW,
            "jurisdiction": "",
            "retention": "",
            "withdrawal_method": "",
        }
        for purpose in purposes
    ]
    keep(work, rows)


def _stop(work: Change, appliances: Iterable[str]) -> None:
    """Messages that need a consent and are not through: the next owner's yes would let them go. Those set aside, too,
    since somebody may replay them."""
    ids = sorted(appliances)
    for start in range(0, len(ids), CHUNK):
        waiting = (
            OutboxRow.appliance_id.in_(ids[start : start + CHUNK]),
            OutboxRow.purpose.is_not(None),
            OutboxRow.state.in_((OutboxState.PENDING, OutboxState.DEAD)),
        )
        stopped = update(OutboxRow).where(*waiting)
        work.session.execute(stopped.values(state=OutboxState.HELD_BACK, error=_STOPPED))
