"""Which episodes are open, kept beside the findings and in their transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete

from alerts.change import Change
from alerts.database import chunks, upsert
from alerts.tables import NEVER, FindingRow, OpenEpisodeRow
from foremend.vocabulary.types import MS_PER_DAY, Evidence, Finding, FindingKind


def keep_open(work: Change, findings: Iterable[tuple[str, Finding]]) -> None:
    """What `findings`, each with its id and in their order, open, change and close."""
    last = {finding.episode_id: (key, finding) for key, finding in findings}
    rows = [_row(key, one, work.at) for key, one in last.values() if one.kind is not FindingKind.CLOSED]
    closed = [episode for episode, (_, one) in last.items() if one.kind is FindingKind.CLOSED]
    upsert(work.session, OpenEpisodeRow, sorted(rows, key=lambda row: str(row["id"])))
    for some in chunks(closed):
        work.session.execute(delete(OpenEpisodeRow).where(OpenEpisodeRow.id.in_(some)))


def _row(key: str, finding: Finding, at: int) -> dict[str, Any]:
    days = finding.days_to_failure
    return {
        "id": finding.episode_id,
        "finding_id": key,
        "appliance_id": finding.appliance_id,
        "appliance_model": finding.appliance_model,
        "fault": finding.fault,
        "severity": finding.severity,
        "fails_at": NEVER if days is None else int(finding.time + days * MS_PER_DAY),
        "at": at,
    }


def finding_of(row: FindingRow) -> Finding:
    """As it was found."""
    evidence = tuple(Evidence(**one) for one in row.evidence)
    return Finding(
        kind=row.kind, appliance_id=row.appliance_id, appliance_model=row.appliance_model, fault=row.fault,
        rule=row.rule, severity=row.severity, time=row.time, episode_start=row.episode_start, score=row.score,
        probability=row.probability, days_to_failure=row.days_to_failure, days_low=row.days_low,
        days_high=row.days_high, evidence=evidence,
    )  # fmt: skip
