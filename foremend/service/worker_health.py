"""What a worker says on /livez, /readyz and /metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator

from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.kafka.watchdog import Watchdog
from foremend.runtimes.kafka.worker import Worker
from foremend.service.health import Health, Probe, at_most
from foremend.service.metrics import Family, counter, gauge, labelled
from foremend.service.pipeline_metrics import quarantined
from foremend.vocabulary.types import MS_PER_SECOND

CHECKPOINTS_MISSED = 4


def worker_health(worker: Worker, watchdog: Watchdog, settings: KafkaSettings) -> Health:
    """Ready while it has its place in the group, and the state of what it holds, and can write checkpoints."""
    longest_s = (
        CHECKPOINTS_MISSED * settings.checkpoint_every / MS_PER_SECOND
        + settings.stalled_after / MS_PER_SECOND
    )
    return Health(
        ready=(
            Probe(
                "group", lambda: None if worker.idle_since is None else "the group of workers is not agreed"
            ),
            Probe("storage", lambda: _trouble(worker)),
            at_most(
                "checkpoint",
                lambda: checkpoint_age_s(worker),
                longest_s,
                "seconds since the last checkpoint of work that has none",
            ),
        ),
        families=lambda: _families(worker, watchdog),
        alive=(Probe("watchdog", lambda: None if watchdog.alive else "the watchdog's thread ended"),),
    )


def checkpoint_age_s(worker: Worker) -> float | None:
    """How old the oldest checkpoint is of those partitions that went on since; None where none did."""
    now = time.monotonic()
    ages = [
        now - held.checkpointed for held in worker.held.values() if held.runtime.next_offset > held.covered
    ]
    return max(ages, default=None)


def _trouble(worker: Worker) -> str | None:
    """What the first partition that waits is waiting for."""
    return next((why for held in worker.held.values() if (why := held.runtime.trouble)), None)


def _families(worker: Worker, watchdog: Watchdog) -> Iterator[Family]:
    meter, held = worker.meter, worker.held
    yield counter("readings_total", "Readings taken from blocks", meter.readings)
    yield counter("worker_records_total", "Records taken from the blocks topic", meter.records)
    yield counter("worker_findings_total", "Findings made, those of replays too", meter.findings)
    yield counter("worker_dead_letters_total", "Records that could not be used", meter.dead_letters)
    yield quarantined(worker.quarantine.by_stage())
    seconds = labelled("stage", meter.seconds)
    yield Family("counter", "worker_seconds_total", "Wall-clock seconds by stage", seconds)
    yield counter(
        "worker_cpu_seconds_total", "CPU time of the process, of all its threads", time.process_time()
    )
    yield counter("worker_rebalances_total", "Rebalances of the group", worker.rebalances)
    yield gauge("worker_partitions", "Partitions held", len(held))
    resting = sum(one.runtime.resting for one in held.values())
    yield gauge("worker_appliances_resting", "Appliances whose state rests in the database", resting)
    behind = {
        str(partition): max(watchdog.ends[partition] - one.runtime.next_offset, 0)
        for partition, one in held.items()
        if partition in watchdog.ends
    }
    yield Family("gauge", "worker_behind", "Records behind the end of the log", labelled("partition", behind))
    now = time.monotonic()
    ages = {str(partition): now - one.checkpointed for partition, one in held.items()}
    words = "Seconds since the last checkpoint"
    yield Family("gauge", "worker_checkpoint_age_seconds", words, labelled("partition", ages))
    if worker.holdings is not None:
        written = worker.holdings.written
        yield counter("worker_checkpoints_total", "Checkpoints written", written.checkpoints)
        yield counter("worker_checkpoint_bytes_total", "Bytes of them, before compression", written.bytes)
        yield counter(
            "worker_checkpoints_failed_total", "Checkpoints that Kafka did not take", written.failed
        )
