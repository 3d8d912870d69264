"""Who is offline goes through Kafka as a record of its own, and a worker tells it at a look at the clock."""

from __future__ import annotations

from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.blocks import decode, encode, split
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.partition import PartitionRuntime, Record
from ingest.presences import as_blocks, tells_presence
from ingest.quarantine import Quarantine
from ingest.values import Presence
from rules.settings import RulesSettings
from tests.unit.runtimes.kafka.test_looks import Kept, Nowhere, look, numbered, said
from tests.unit.runtimes.kafka.test_partition import MODEL, START, Engines

RULES = RulesSettings.model_validate(
    {"book": [{"name": "offline", "fault": "power-gone", "when": {"offline_for": "20 min"}}]}
)
HOME = f"{MODEL}/0"


def told(online: bool) -> Record:
    """As a gateway writes it, where there is one group."""
    (block,) = as_blocks([Presence(MODEL, "freezer-00", online, START)])
    ((key, part),) = split(block, 1)
    return Record(0, key.encode(), encode(part), START)


def test_a_record_of_presence_is_the_same_behind_kafka() -> None:
    """It has no signals."""
    record = told(online=False)
    assert record.value is not None
    assert tells_presence(decode(record.value))
    assert decode(record.value).appliance_ids == ("freezer-00",)


def test_a_worker_tells_it_once_and_its_end_though_another_takes_over() -> None:
    """Killed behind a checkpoint, in which the word is; it counts as no reading."""
    effects = Kept()
    records = numbered(
        [
            said(HOME, ["freezer-00"], range(0, 120, 10)),
            look(0),
            told(online=False),
            *(look(minutes) for minutes in range(2, 30, 2)),
            told(online=True),
            look(30),
        ]
    )

    def worker() -> PartitionRuntime:
        return PartitionRuntime(
            topic="blocks", engines=Engines(RULES), effects=effects, history=Nowhere(),
            permitted=lambda block: block, report=lambda engines, status: None, clock=SystemClock(),
            meter=Meter(), quarantine=Quarantine(),
        )  # fmt: skip

    first, second = worker(), worker()
    first.restore(None)
    for record in records[:6]:
        first.process(record)
    second.restore(first.checkpoint())
    for record in records[6:]:
        second.process(record)

    assert [(one.appliance_id, one.fault, one.kind.value) for one in effects.findings] == [
        ("freezer-00", "power-gone", "opened"),
        ("freezer-00", "power-gone", "closed"),
    ]
    assert first.totals.readings == 12
