"""Retention carried out once a day by the clock, over the database, files and stores of one installation."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping

from alerts.desk import Alerts
from alerts.message_files import Line, remove_lines
from alerts.owner_channels import outbox_files
from alerts.personal.retention import Elsewhere, Fixed, Retention, messages_before
from alerts.personal.terms import Times
from alerts.policies import Kept
from foremend.config import Settings
from foremend.history.exchange import recover
from foremend.history.parquet_folder import Folder
from foremend.history.upkeep import Term, expire, expire_of
from foremend.stores.resting import RestingStore
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import ByRounds, Rounds

log = logging.getLogger(__name__)

LOOK_S = 600.0


def open_retention(
    settings: Settings, alerts: Alerts, clock: Clock, resting: Elsewhere | None = None, *, kafka: bool = False
) -> Retention:
    """Of an installation; `resting` removes what was learnt of appliances not heard of for too long; `kafka`: whether
    readings come by its topics."""
    elsewhere: dict[str, tuple[Kept, Elsewhere]] = {
        "outbox/*.jsonl": (Kept.MESSAGES, lambda times: _messages(settings, times))
    }
    fixed: dict[str, Fixed] = {}
    if settings.storage.influx is None:
        folder = Folder(settings.storage.folder / "history")
        elsewhere["history"] = (Kept.READINGS, lambda times: _readings(folder, times))
    else:
        fixed["history"] = Fixed(Kept.READINGS, settings.storage.influx.retention, "storage.influx.retention")
    if kafka:
        fixed["Kafka: blocks, dead letters"] = Fixed(
            Kept.READINGS, settings.kafka.retention, "kafka.retention"
        )
    if resting is not None:
        elsewhere["resting.db"] = (Kept.READINGS, resting)
    return Retention(alerts.engine, alerts.policies, clock, elsewhere, fixed)


def forget_resting(store: RestingStore, times: Times) -> int:
    """What was learnt of appliances that were not heard of for longer than their policies keep it; how many."""
    gone = store.forget_before(times.longest)
    if times.longest < times.shortest:
        by_time: defaultdict[int, list[str]] = defaultdict(list)
        for appliance_id, time in times.of(store.not_heard_since(times.shortest)).items():
            by_time[time].append(appliance_id)
        gone += sum(store.forget_before(time, ids) for time, ids in by_time.items())
    return gone


class Retaining(ByRounds):
    """Looks now and then whether a day has passed, in a thread between `start` and `close`."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._rounds = Rounds("retention", self.round, LOOK_S)

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


def _messages(settings: Settings, times: Times) -> int:
    """A line says of nobody whose it is: it goes after its row in the outbox, at the latest when all do."""
    files = outbox_files(settings.alerts)
    stay = frozenset[str]()
    if times.longest < times.shortest:
        stay = messages_before(times.engine, files, times.shortest)

    def too_old(line: Line) -> bool:
        at = line.get("at")
        return isinstance(at, int) and at < (times.longest if line["id"] in stay else times.shortest)

    try:
        return sum(remove_lines(file, too_old) for file in files.values())
    except OSError as error:
        raise UnavailableError(f"a file of messages cannot be written: {error}") from error


def _readings(folder: Folder, times: Times) -> int:
    """Whole days, by the name of their folder, of all appliances or of those whose policies keep them no longer; from
    how many days something went."""
    groups = times.groups()
    others = [name for names in groups.values() for name in names]
    try:
        with folder.upkeep():
            recover(folder)
            days = expire(folder, times.longest)
            own = [
                Term(time, times.registered(names)) for time, names in groups.items() if time > times.longest
            ]
            if times.otherwise > times.longest:
                own.append(Term(times.otherwise, times.registered(others), others=True))
            return days + expire_of(folder, own)
    except OSError as error:
        raise UnavailableError(f"history in {folder.root} cannot be cleared: {error}") from error
