"""Whether the audit log is whole, under `/api/v1`."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from alerts.audit_desk import AuditDesk
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem
from foremend.service.views import Time
from foremend.vocabulary.rights import Right

_OF_AUDIT = Depends(Needs(Right.AUDIT))


class AnchorView(BaseModel):
    """A signed checkpoint outside the database: how long the log was, and when."""

    at: Time
    entries: int


class AuditView(BaseModel):
    """`problem` is empty where the log is whole, and else names the first entry or row that does not fit.

    `emptied` entries by erasures, `removed` ones by retention. Without an `anchor` nobody would see a log that was
    written anew from its start. `took` is in seconds.
    """

    intact: bool
    problem: str
    entries: int
    head: str
    emptied: int
    removed: int
    anchor: AnchorView | None
    took: float


def add_audit(app: FastAPI, desk: AuditDesk | None) -> None:
    """The route over `desk`; without one it answers 503."""

    @app.get("/api/v1/audit", tags=["privacy"], operation_id="verifyAudit", dependencies=[_OF_AUDIT])
    def verify_audit() -> AuditView:
        """Read the whole log with the rows that it covers, and compare it with its anchors; one at a time."""
        if desk is None:
            raise Problem(503, "there is no audit log here: this process only shows")
        found = desk.verify()
        report, last = found.report, found.anchor
        return AuditView(
            intact=report.intact,
            problem=report.problem,
            entries=report.entries,
            head=report.head,
            emptied=report.emptied,
            removed=report.removed,
            anchor=None if last is None else AnchorView(at=last.at, entries=last.entries),
            took=found.took,
        )
