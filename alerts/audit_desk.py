"""Whether the audit log is whole, asked at a desk: the chain, the rows that it covers, and the anchors outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from alerts import audit
from alerts.anchors import Anchor, Anchors
from alerts.audit import AuditReport
from foremend.vocabulary.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found, the newest anchor where there is one, and how long it took, s.

    >>> Verified(AuditReport(3, "ab" * 32), None, 0.02).report.intact
    True
    """

    report: AuditReport
    anchor: Anchor | None
    took: float


class AuditDesk:
    """Of one installation. One look at a time: each reads the whole log."""

    def __init__(self, engine: Engine, anchors: Anchors) -> None:
        self._engine, self._anchors = engine, anchors
        self._looking = threading.Lock()

    def verify(self) -> Verified:
        """Read all of it. Raises UnavailableError while another one looks, or where the database is away."""
        if not self._looking.acquire(blocking=False):
            raise UnavailableError("the audit log is being verified for somebody else: ask again in a minute")
        try:
            began = time.monotonic()
            report = whole(self._engine, self._anchors.file, lambda: self._anchors)
            return Verified(report, self._anchors.last(), time.monotonic() - began)
        finally:
            self._looking.release()


def whole(engine: Engine, file: Path | None, anchors: Callable[[], Anchors]) -> AuditReport:
    """The chain with the rows that it covers, then the anchors of `file`, where there are some."""
    report = audit.verify(engine)
    if report.intact and file is not None and file.exists():
        return replace(report, problem=anchors().problem(file))
    return report
