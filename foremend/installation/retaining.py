"""Retention carried out once a day by the clock, over the database, files and stores of one installation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from alerts.desk import Alerts
from alerts.message_files import remove_lines
from alerts.owner_channels import outbox_files
from alerts.personal.retention import Elsewhere, Retention
from alerts.policies import Kept
from foremend.config import Settings
from foremend.history.exchange import recover
from foremend.history.parquet_folder import Folder
from foremend.history.upkeep import expire
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import Rounds

log = logging.getLogger(__name__)

LOOK_S = 600.0


def open_retention(
    settings: Settings, alerts: Alerts, clock: Clock, resting: Callable[[int], int] | None = None
) -> Retention:
    """Of an installation; `resting` removes what was learnt of appliances not heard of since a moment, ms UTC."""
    elsewhere: dict[str, tuple[Kept, Elsewhere]] = {
        "outbox/*.jsonl": (Kept.MESSAGES, lambda before: _messages(settings, before))
    }
    if settings.storage.influx is None:
        folder = Folder(settings.storage.folder / "history")
        elsewhere["history"] = (Kept.READINGS, lambda before: _readings(folder, before))
    if resting is not None:
        elsewhere["resting.db"] = (Kept.READINGS, resting)
    return Retention(alerts.engine, alerts.policies.default, clock, elsewhere)


class Retaining:
    """Looks now and then whether a day has passed, in a thread between `start` and `close`."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._rounds = Rounds("retention", self.round, LOOK_S)

    def start(self) -> None:
        self._rounds.start()

    def trouble(self) -> str | None:
        """Why the last run could not be done; None where it could. From any thread."""
        return self._rounds.trouble

    def close(self) -> None:
        """End after the run that is under way."""
        self._rounds.close()

    def round(self) -> Mapping[str, int]:
        """Where a day has passed: how much went, by place."""
        if not self._retention.due():
            return {}
        gone = {run.place: run.removed for run in self._retention.run() if run.removed}
        if gone:
            log.info(
                "older than is kept, and gone: %s", ", ".join(f"{n} of {one}" for one, n in gone.items())
            )
        return gone


def _messages(settings: Settings, before: int) -> int:
    try:
        return sum(
            remove_lines(file, lambda line: isinstance(at := line.get("at"), int) and at < before)
            for file in outbox_files(settings.alerts).values()
        )
    except OSError as error:
        raise UnavailableError(f"a file of messages cannot be written: {error}") from error


def _readings(folder: Folder, before: int) -> int:
    """Whole days, by the name of their folder; how many."""
    try:
        with folder.upkeep():
            recover(folder)
            return expire(folder, before)
    except OSError as error:
        raise UnavailableError(f"history in {folder.root} cannot be cleared: {error}") from error
