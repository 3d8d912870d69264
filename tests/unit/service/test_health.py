"""/livez, /readyz and /metrics of a process without a page."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from foremend.service.health import Health, Probe, at_most, serve_health
from foremend.service.metrics import Family, counter, gauge, labelled
from foremend.vocabulary.errors import UnavailableError


class Process:
    """A process whose state a test can change."""

    kafka: str | None = None
    lag = 3.0
    stalled: str | None = None
    database_is_away = False

    def families(self) -> Iterator[Family]:
        yield counter("readings_total", "Readings decoded", 12)
        if self.database_is_away:
            raise UnavailableError("the effects database did not answer")
        yield Family("gauge", "partition_lag", "Records behind", labelled("partition", {"1": 3, "0": 4}))

    @property
    def health(self) -> Health:
        return Health(
            ready=(
                Probe("kafka", lambda: self.kafka),
                at_most("lag", lambda: self.lag, 10, "records behind"),
            ),
            families=self.families,
            alive=(Probe("partitions", lambda: self.stalled),),
        )


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def client(process: Process) -> Iterator[httpx.Client]:
    with (
        serve_health(process.health, "127.0.0.1", 0) as address,
        httpx.Client(base_url=str(address), timeout=60) as client,
    ):
        yield client


def test_a_process_that_is_well_is_ready(client: httpx.Client) -> None:
    """Each check is named."""
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "checks": {"kafka": "ok", "lag": "ok"}},
    )


def test_what_is_not_ready_is_named(process: Process, client: httpx.Client) -> None:
    """503, with the reason beside what is well; the process lives all the same."""
    process.kafka, process.lag = "no broker answers", 11

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "kafka": "no broker answers",
        "lag": "records behind: 11, more than 10",
    }
    assert client.get("/livez").text == "ok\n"


def test_a_check_that_finds_something_away_is_not_ready() -> None:
    """A probe may say so by the error of what it asked."""

    def asked() -> str | None:
        raise UnavailableError("the database did not answer")

    assert Probe("database", asked).state() == "the database did not answer"


def test_an_unknown_value_is_not_a_fault() -> None:
    """Before the first checkpoint nothing is overdue."""
    assert at_most("checkpoint", lambda: None, 60, "seconds since the last checkpoint").state() == "ok"


def test_a_stalled_process_asks_for_a_restart(process: Process, client: httpx.Client) -> None:
    """/livez says why."""
    process.stalled = "partition 3 stands still"

    answer = client.get("/livez")

    assert (answer.status_code, answer.text) == (503, "partitions: partition 3 stands still\n")


def test_metrics_are_prometheus_text(client: httpx.Client) -> None:
    """Help, type and samples; each readiness check is a gauge."""
    answer = client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'foremend_ready{check="kafka"} 1\n' in answer.text
    assert "# TYPE foremend_readings_total counter\nforemend_readings_total 12\n" in answer.text
    assert 'foremend_partition_lag{partition="0"} 4\nforemend_partition_lag{partition="1"} 3\n' in answer.text


def test_metrics_that_cannot_be_read_hide_no_others(process: Process, client: httpx.Client) -> None:
    """While the database is away, the rest is still told."""
    process.database_is_away = True

    text = client.get("/metrics").text

    assert "foremend_readings_total 12\n" in text
    assert "partition_lag" not in text


def test_without_a_port_nothing_is_served(process: Process) -> None:
    """Health is off unless asked for."""
    with serve_health(process.health, "127.0.0.1", None) as address:
        assert address is None


def test_labels_are_escaped() -> None:
    """A quote in a label does not end it."""
    family = gauge("x", "words", 1)
    odd = Family("gauge", "x", "words", [({"name": 'a"b\\c\nd'}, 1)])

    text = Health((), lambda: [family, odd]).metrics()

    assert 'foremend_x{name="a\\"b\\\\c\\nd"} 1\n' in text
