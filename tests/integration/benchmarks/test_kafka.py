"""The benchmark of the workers, small, on a real Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kafka import QUICK, Bench, between
from benchmarks.kafka_workers import Workers
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.vocabulary.errors import UnavailableError


def test_workers_are_measured_between_two_looks() -> None:
    """Rates and shares come from what was gained, not from what was there."""
    stages = {"engine": 3.0, "decode": 1.0}
    first = {"at": 10.0, "readings_total": 1_000.0, "worker_cpu_seconds_total": 5.0}
    last = {"at": 20.0, "readings_total": 5_001_000.0, "worker_cpu_seconds_total": 11.0}
    last |= {"worker_records_total": 5_000.0}
    last |= {f'worker_seconds_total{{stage="{name}"}}': spent for name, spent in stages.items()}

    figures = between([first], [last])

    assert (figures["readings_per_s"], figures["readings_of_a_record"]) == (500_000, 1_000)
    assert (figures["cpu_us_per_reading"], figures["cores_used"]) == (1.2, 0.6)
    assert figures["share_of_time"]["engine"] == 0.3
    assert figures["share_of_time"]["faust_and_waiting"] == 0.6


def test_a_worker_takes_the_recorded_stream(kafka: KafkaSettings, tmp_path: Path) -> None:
    """A real worker on a real Kafka is measured, and so is one that has state to recover."""
    bench = Bench(kafka.brokers[0], tmp_path, kafka.prefix)

    rates = bench.rates(1, QUICK)
    recovery = bench.recovery(QUICK)

    assert rates["readings_per_s"] > 0
    assert recovery["appliances"] >= QUICK.recovered
    assert recovery["restore_s"] >= 0


def test_a_worker_that_ends_is_reported_with_its_log(kafka: KafkaSettings, tmp_path: Path) -> None:
    """Without topics a worker refuses to start; the benchmark says what it said."""
    with (
        Workers(kafka, tmp_path / "workers", 1) as workers,
        pytest.raises(UnavailableError, match="topics create"),
    ):
        workers.wait_for(lambda seen: False)
