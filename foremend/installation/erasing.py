"""Erasures carried out: the stages of each, in order, by the one process that has the pipeline's memory.

Each stage may be done again and leads to the same, and the job's row says which one comes next. So whatever is killed
in between, the next process goes on; a stage that cannot be done now, as a store is away or being read, is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from alerts import shared_status
from alerts.message_files import remove_lines
from alerts.owner_channels import outbox_files
from alerts.personal.erasure import DONE, Erasures, Job
from alerts.personal.scrub import scrub
from alerts.personal.whose import EVER
from foremend.config import Settings
from foremend.history.parquet_folder import Folder
from foremend.installation.history import open_history
from foremend.vocabulary.errors import ForemendError, UnavailableError
from foremend.vocabulary.rounds import ByRounds, Rounds

log = logging.getLogger(__name__)

EVERY_S = 2.0
AGAIN_S = 15.0

Stage = Callable[[Job], Job | None]
"""What it does, and the job with the next stage; None where it has to wait."""


class Memory(Protocol):
    """What a pipeline knows of appliances, in memory, snapshots, journal and topics."""

    def __call__(self, job: Job) -> None:
        """Nothing of a job's appliances stays. Raises UnavailableError where that cannot be done now."""
        ...


class Erasing(ByRounds):
    """Rounds of it, by themselves in a thread between `start` and `close`, or one by `round`.

    Whoever comes next goes on behind the stage that was under way.
    """

    def __init__(
        self,
        settings: Settings,
        erasures: Erasures,
        empty_memory: Memory,
        profiles: Collection[str],
        now_ms: Callable[[], int],
        before_stage: Callable[[str], object] = lambda stage: None,
    ) -> None:
        """`profiles` names every appliance model; `before_stage` hears of each stage before it begins."""
        self._settings, self.erasures, self._empty_memory = settings, erasures, empty_memory
        self.profiles, self.now_ms, self._before_stage = profiles, now_ms, before_stage
        self._stages: dict[str, Stage] = {
            "memory": self._forget,
            "history": self._remove_readings,
            "files": self._remove_messages,
            "rows": self._remove_rows,
            "audit": self._empty_audit,
            "tell": self._tell,
            "told": self._await_receivers,
            "close": self._close,
            "scrub": self._scrub,
        }
        self._rounds = Rounds("erasures", self.round, EVERY_S, AGAIN_S)

    @property
    def stages(self) -> tuple[str, ...]:
        """In order."""
        return tuple(self._stages)

    def round(self) -> list[Job]:
        """Go on with every job as far as it goes now; those that are still not done.

        Raises what stood in the way of one, after the others had their turn.
        """
        left, failed = [], []
        for job in self.erasures.pending():
            try:
                job = self._go_on(job)
            except ForemendError as error:
                self.erasures.trouble(job, str(error))
                failed.append(error)
            if job.stage != DONE:
                left.append(job)
        if failed:
            raise failed[0]
        return left

    def _go_on(self, job: Job) -> Job:
        while job.stage != DONE and not self._rounds.stopping.is_set():
            self._before_stage(job.stage)
            after = self._stages[job.stage](job)
            if after is None:
                break
            job = after
            if job.stage == DONE:
                log.info("erasure %s is done", job.id)
        return job

    def _forget(self, job: Job) -> Job:
        self._empty_memory(job)
        return self.erasures.go_on(job, "history", emptied_at=self.now_ms())

    def _remove_readings(self, job: Job) -> Job:
        """Under every appliance model that has readings: an id may have been another model's once."""
        readings = 0
        history = open_history(self._settings.storage, "")
        try:
            until = int(job.report["until"])
            named = {model for one in job.whose.appliances for model in one.models}
            for model in sorted({*self._models(), *named}):
                for sold, ids in job.whose.by_until.items():
                    last = None if sold == EVER else min(sold, until)
                    readings += history.forget_appliances(model, ids, last)
        except OSError as error:
            raise UnavailableError(f"history cannot be changed: {error}") from error
        finally:
            if hasattr(history, "close"):
                history.close()
        before = int(job.report.get("readings", 0))
        return self.erasures.go_on(job, "files", readings=before + readings)

    def _models(self) -> Iterable[str]:
        storage = self._settings.storage
        return self.profiles if storage.influx else Folder(storage.folder / "history").models()

    def _remove_messages(self, job: Job) -> Job:
        ids = set(job.whose.names)
        removed = 0
        for file in outbox_files(self._settings.alerts).values():
            try:
                removed += remove_lines(file, lambda line: line["id"] in ids, job.whose.is_named_in)
            except OSError as error:
                raise UnavailableError(f"{file} cannot be written: {error.strerror}") from error
        before = int(job.report.get("messages_in_files", 0))
        return self.erasures.go_on(job, "rows", messages_in_files=before + removed)

    def _remove_rows(self, job: Job) -> Job:
        return self.erasures.go_on(job, "audit", removed=self.erasures.remove_rows(job))

    def _empty_audit(self, job: Job) -> Job:
        emptied = self.erasures.empty_audit(job) + int(job.report.get("audit_entries_emptied", 0))
        return self.erasures.go_on(job, "tell", audit_entries_emptied=emptied)

    def _tell(self, job: Job) -> Job:
        self.erasures.tell(job)
        return self.erasures.go_on(job, "told")

    def _await_receivers(self, job: Job) -> Job | None:
        untold = self.erasures.untold(job)
        return None if untold is None else self.erasures.go_on(job, "close", not_told=untold)

    def _close(self, job: Job) -> Job:
        found = kept(self._settings)
        if shared_status.streams(self.erasures.engine):
            found.append({"what": "kafka", "where": self._settings.kafka.blocks_topic})
        return self.erasures.close(job, "scrub", kept=found)

    def _scrub(self, job: Job) -> Job:
        return self.erasures.go_on(job, DONE, database=scrub(self.erasures.engine))


def workers_forgot(engine: Engine, streams: Collection[str], job: Job) -> None:
    """Returns where the worker of each of these streams wrote a checkpoint without the job's appliances.

    Raises UnavailableError where one did not yet.
    """
    forgot = {one.stream for one in shared_status.streams(engine) if job.id in one.status.get("forgot", ())}
    if missing := set(streams) - forgot:
        raise UnavailableError(
            f"{len(missing)} of {len(streams)} partitions have no checkpoint without the erased appliances yet:"
            " their workers write one at kafka.checkpoint_every; is one of them away?"
        )


def kept(settings: Settings) -> list[dict[str, str]]:
    """What stays elsewhere than in the stores, by a word for the report and the place."""
    aside = settings.storage.folder / "set-aside"
    found = [{"what": "set_aside", "where": str(file)} for file in _files(aside)]
    found += [{"what": what, "where": ""} for what in ("backups", "audit", "logs", "models")]
    if settings.ingest.decoders:
        found.append({"what": "config", "where": ""})
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else []


def devices_of(settings: Settings) -> Callable[[str], list[str]]:
    """Under which names an appliance's devices speak, as `ingest.decoders` says."""
    named: dict[str, list[str]] = {}
    for decoder in settings.ingest.decoders:
        for device, reference in decoder.appliances.items():
            named.setdefault(reference.appliance_id, []).append(device)
    return lambda appliance_id: named.get(appliance_id, [])
