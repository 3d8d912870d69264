"""`foremend erase`: asked of the pipeline that runs, or done here where none does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from alerts.personal.erasure import DONE, Erasures, Job
from alerts.personal.report import report
from alerts.shared_status import streams
from foremend.config import Settings, load_settings
from foremend.installation.erasing import Erasing, devices_of
from foremend.installation.lock import holder
from foremend.jobs.tokens import by_account
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import UnavailableError
from foremend.wiring.desk import open_desk
from foremend.wiring.one_machine import Application, build_unserved, forget

LOOK_S = 0.5

Progress = Callable[[str], object]
"""Hears which stage comes next."""


def erase(
    config: Path | None, owner_id: str, reference: str, wait_s: float, progress: Progress = lambda stage: None
) -> dict[str, Any]:
    """Ask for it, and have it done: by the process that runs the pipeline, else by this one; the report.

    Asked again it goes on with the same job. Raises InputError for an owner of whom nothing is known, and
    UnavailableError where it is not done within `wait_s`: it stays asked for, and whoever runs the pipeline goes on.
    """
    settings = load_settings(config)
    with _desk(settings) as erasures:
        ahead = settings.ingest.clock_ahead
        job = erasures.ask(owner_id, reference, ahead, by_account(), devices_of(settings))
        if _somebody_runs(settings, erasures):
            return report(_awaited(erasures, job, wait_s, progress))
    return report(_carried_out(settings, job.id, wait_s, progress))


def erasures(config: Path | None) -> list[dict[str, Any]]:
    """Every erasure that was asked for, the latest first: when it is due, when it was done."""
    with _desk(load_settings(config)) as jobs:
        return [job.summary() for job in jobs.all()]


def erasure(config: Path | None, job_id: str) -> dict[str, Any]:
    """The report of one. Raises InputError where there is none."""
    with _desk(load_settings(config)) as jobs:
        return report(jobs.get(job_id))


class _desk:
    """The jobs on their database, which is let go of."""

    def __init__(self, settings: Settings) -> None:
        self._alerts = open_desk(settings, SystemClock())

    def __enter__(self) -> Erasures:
        return self._alerts.erasures

    def __exit__(self, *_: object) -> None:
        self._alerts.close()


def _somebody_runs(settings: Settings, jobs: Erasures) -> bool:
    """A pipeline on this folder, or workers on this database: they have the memory."""
    return holder(settings.storage.folder) is not None or bool(streams(jobs.engine))


def _awaited(jobs: Erasures, job: Job, wait_s: float, progress: Progress) -> Job:
    until = time.monotonic() + wait_s
    while job.stage != DONE:
        if time.monotonic() > until:
            raise _not_yet(job, "the process that runs the pipeline goes on with it")
        progress(job.stage)
        time.sleep(LOOK_S)
        job = jobs.get(job.id)
    return job


def _carried_out(settings: Settings, job_id: str, wait_s: float, progress: Progress) -> Job:
    application = build_unserved(settings)
    try:
        stop = threading.Event()
        application.runtime.recover(stop)
        application.alerts.dispatcher.start()
        erasing = unserved(settings, application, progress)
        until = time.monotonic() + wait_s
        while (job := application.alerts.erasures.get(job_id)).stage != DONE:
            erasing.round()
            if application.alerts.erasures.get(job_id).stage != DONE:
                if time.monotonic() > until:
                    raise _not_yet(job, "run the same command again, or start the pipeline")
                time.sleep(LOOK_S)
        return job
    finally:
        application.close()


def unserved(settings: Settings, application: Application, before_stage: Progress) -> Erasing:
    """Erasing by the thread that has the pipeline itself, while it stands."""
    jobs, runtime = application.alerts.erasures, application.runtime
    return Erasing(
        settings,
        jobs,
        partial(forget, runtime),
        application.erasing.profiles,
        application.erasing.now_ms,
        before_stage,
    )


def _not_yet(job: Job, how: str) -> UnavailableError:
    why = f" ({job.trouble})" if job.trouble else ""
    return UnavailableError(
        f"erasure {job.id} is at its stage '{job.stage}'{why} and due at {job.summary()['due']}: {how}"
    )
