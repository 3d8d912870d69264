"""Open episodes as the pipeline leaves them in the database, for what reads them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from alerts.tables import NEVER, FindingRow, OpenEpisodeRow
from foremend.vocabulary.types import MS_PER_DAY


def add_open_episodes(
    session: Session, found: Iterable[tuple[str, str, str, float | None]], began: int
) -> None:
    """Of rf-260: appliance, fault, severity, and days to the failure where they are known; all begin at `began`."""
    for n, (appliance_id, fault, severity, days) in enumerate(found):
        about = {
            "appliance_id": appliance_id,
            "appliance_model": "rf-260",
            "fault": fault,
            "severity": severity,
            "at": 1,
        }
        session.add(
            FindingRow(
                id=f"f{n}", episode_id=f"e{n}", kind="opened", rule="r", time=began, episode_start=began, score=1.0,
                evidence=[], days_to_failure=days, **about,
            )
        )  # fmt: skip
        fails_at = NEVER if days is None else began + round(days * MS_PER_DAY)
        session.add(OpenEpisodeRow(id=f"e{n}", finding_id=f"f{n}", fails_at=fails_at, **about))
