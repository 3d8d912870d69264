"""A yes to wellbeing, or to being watched, is no more: what was kept for it goes in the same transaction."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select

from alerts.change import Change
from alerts.consent.decide import decide, histories
from alerts.database import chunks
from alerts.outbox import drop_to_contacts
from alerts.tables import (
    ApplianceRow,
    WellbeingContactRow,
    WellbeingRow,
    WellbeingSignsRow,
)
from foremend.vocabulary.types import Purpose

STANDS_ON = frozenset({Purpose.MONITORING, Purpose.WELLBEING})
"""Purposes without either of which nobody looks for signs of life."""


def forget(work: Change, appliance_ids: Collection[str]) -> None:
    """Signs of these appliances, and messages that wait; with the owner's last yes what was said and the contacts, too.

    Call it with the words kept by which it ends, and before the rows name another owner.
    """
    owners: set[str] = set()
    for some in chunks(appliance_ids):
        work.session.execute(delete(WellbeingSignsRow).where(WellbeingSignsRow.appliance_id.in_(some)))
        drop_to_contacts(work, some)
        owners |= set(work.session.scalars(select(ApplianceRow.owner_id).where(ApplianceRow.id.in_(some))))
    for owner_id in sorted(owners):
        if not _agrees(work, owner_id):
            for table in (WellbeingContactRow, WellbeingRow):
                work.session.execute(delete(table).where(table.owner_id == owner_id))


def _agrees(work: Change, owner_id: str) -> bool:
    """Whether a yes to wellbeing stands for any of the owner's appliances."""
    ids = set(work.session.scalars(select(ApplianceRow.id).where(ApplianceRow.owner_id == owner_id)))
    said = histories(work.session, ids, {Purpose.WELLBEING})
    return any(decide(words, work.at).given for words in said.values())
