"""What people do about personal data at a desk, by API as by command: have it erased, hand it out, see what is kept."""

from __future__ import annotations

import threading
from tempfile import TemporaryFile
from typing import IO, Any

from alerts.desk import Alerts
from alerts.personal.report import report
from alerts.personal.retention import Retention
from alerts.reads import note_read
from foremend.config import Settings
from foremend.installation.erasing import devices_of
from foremend.installation.exporting import write_bundle
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock


class PrivacyDesk:
    """Of one installation; `by` is who asks, for the audit log. Raises UnavailableError while the database is away."""

    def __init__(self, settings: Settings, alerts: Alerts, clock: Clock, retention: Retention) -> None:
        self._settings, self._alerts, self._clock, self._retention = settings, alerts, clock, retention
        self._exporting = threading.Lock()

    def erase(self, owner_id: str, reference: str, by: str) -> dict[str, Any]:
        """Ask for it: what must end at once has ended when this returns, whoever runs the pipeline does the rest.

        The report as it stands, of the job that is under way where there is one. Raises InputError for an owner of whom
        nothing is known, and for a reference that is the owner's id.
        """
        ahead = self._settings.ingest.clock_ahead
        devices = devices_of(self._settings)
        return report(self._alerts.erasures.ask(owner_id, reference, ahead, by, devices))

    def erasures(self) -> list[dict[str, Any]]:
        """Every erasure that was asked for, the latest first; whose each is stands in none."""
        return [job.summary() for job in self._alerts.erasures.all()]

    def erasure(self, job_id: str, by: str) -> dict[str, Any]:
        """The report of one. Raises InputError where there is none."""
        found = report(self._alerts.erasures.get(job_id))
        note_read(self._alerts.engine, self._clock, "erasure", job_id, by)
        return found

    def export(self, owner_id: str, by: str) -> IO[bytes]:
        """Everything about an owner as a zip, at its start, in a file without a name: a crash leaves nothing of it.

        Raises InputError for an owner of whom nothing is known, and UnavailableError while another one is made.
        """
        if not self._exporting.acquire(blocking=False):
            raise UnavailableError("another export is being made: ask again when it is done")
        try:
            return self._exported(owner_id, by)
        except OSError as error:
            raise UnavailableError(f"an export cannot be written: {error.strerror}") from error
        finally:
            self._exporting.release()

    def _exported(self, owner_id: str, by: str) -> IO[bytes]:
        folder = self._settings.storage.folder
        file = TemporaryFile(dir=folder if folder.is_dir() else None)  # noqa: SIM115 (handed on open)
        try:
            write_bundle(self._settings, self._alerts, self._clock, owner_id, file, by)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def retention(self) -> dict[str, Any]:
        """How long which place keeps what, by which policy, and when it was cleared last."""
        return {"policy": self._alerts.policies.default.name, "places": self._retention.show()}
