"""The wire: agreed fields only, in the order they are sent, late where the link was down, never the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from itertools import pairwise

import numpy as np
import orjson
import pytest

from simulators.categories import PHYSICS
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import Truth
from simulators.fleet.population import Owner
from simulators.fleet.scenario import Outage, Scenario, ScriptedFault, load_scenario
from simulators.fleet.sensors import Imperfections
from simulators.fleet.wire import Message, messages

STEADY = Imperfections(duplicates=0, offline_per_month=0, skew_ms=0)


def sent(scenario: Scenario, per_message: int = 60) -> list[Message]:
    return list(messages(Fleet(scenario, 1), per_message))


def numbers_of(stream: list[Message]) -> Counter[tuple[str, int]]:
    return Counter((m.topic, r["seq"]) for m in stream for r in orjson.loads(m.payload))


def test_payloads_are_the_readings_and_nothing_else() -> None:
    """An array of ts, seq, fw and signals that the model declares."""
    for message in sent(Scenario(days=1, appliances={"rf-260": 2, "wm-7": 1})):
        assert message.topic.startswith("dt/appliance/")
        assert message.topic.endswith("/telemetry")
        readings = orjson.loads(message.payload)
        assert len(readings) == message.readings <= 60
        for reading in readings:
            assert set(reading) == {"ts", "seq", "fw", "signals"}
            assert all(isinstance(value, int | float) for value in reading["signals"].values())


def test_the_truth_never_reaches_the_wire() -> None:
    """No field of the truth or of an owner, no name of a fault, in any byte of a fleet with every fault."""
    script = load_scenario("all-faults")
    at_once = tuple(fault.model_copy(update={"onset_day": 0.0}) for fault in script.faults)
    scenario = script.model_copy(update={"days": 2, "faults": at_once})
    secrets = {field.name for kind in (Truth, Owner) for field in fields(kind)} - {"appliances"}
    secrets |= {fault for physics in PHYSICS for fault in physics.faults}
    secrets |= {"severity", "batch", "region", "owner", "fault"}
    secrets -= {"appliance", "appliance_model"}  # these are in the topic

    for message in sent(scenario, per_message=720):
        everything = (message.topic + message.payload.decode()).lower()
        assert not [secret for secret in secrets if secret in everything]


def test_every_reading_is_sent_once_on_a_steady_link() -> None:
    """What the fleet measured is what the wire carries."""
    scenario = Scenario(days=2, appliances={"rf-260": 3}, imperfections=STEADY)

    counted = numbers_of(sent(scenario))

    assert sum(counted.values()) == sum(len(part) for part in Fleet(scenario, 1).telemetry())
    assert set(counted.values()) == {1}


def test_messages_come_in_the_order_they_are_sent() -> None:
    """Over days, appliances and models."""
    stream = sent(Scenario(days=3, appliances={"rf-260": 3, "wh-60": 2}))

    assert [message.sent for message in stream] == sorted(message.sent for message in stream)


def test_an_appliance_without_a_link_uploads_everything_afterwards() -> None:
    """Two days of readings leave after the spell, none during it, none are missing."""
    outage = Outage(from_day=0.5, hours=48, appliances=("rf-260-00002",))
    scenario = Scenario(days=4, appliances={"rf-260": 3}, imperfections=STEADY, outages=(outage,))
    first = scenario.start_ms + 43_200_000

    stream = sent(scenario)

    mine = [message for message in stream if "rf-260-00002" in message.topic]
    assert not [message for message in mine if first <= message.sent < first + 172_800_000]
    late = [m for m in mine if m.sent - orjson.loads(m.payload)[-1]["ts"] > 3_600_000]
    assert sum(message.readings for message in late) == pytest.approx(2 * 1_440, rel=0.03)
    assert set(numbers_of(stream).values()) == {1}


def test_an_upload_over_midnights_keeps_the_order_of_its_readings() -> None:
    """Yesterday's readings leave before today's, and what is measured meanwhile waits its turn behind them."""
    outage = Outage(from_day=0.5, hours=48, appliances=("rf-260-00001",))
    scenario = Scenario(days=4, appliances={"rf-260": 1}, imperfections=STEADY, outages=(outage,))

    stream = sent(scenario, per_message=1)

    times = [reading["ts"] for message in stream for reading in orjson.loads(message.payload)]
    assert times == sorted(times)


def test_some_messages_are_delivered_twice() -> None:
    """About as many as said, right after each other, byte for byte."""
    scenario = Scenario(
        days=2, appliances={"rf-260": 10}, imperfections=STEADY.model_copy(update={"duplicates": 0.1})
    )

    stream = sent(scenario, per_message=10)

    twice = sum(one == other for one, other in pairwise(stream))
    assert twice / len(stream) == pytest.approx(0.1, abs=0.02)


def test_counts_are_whole_and_values_keep_their_resolution() -> None:
    """JSON carries 1842 and 4.2, not 1842.0 and 4.199999."""
    (message, *_) = sent(Scenario(days=1, appliances={"rf-260": 1}))

    for reading in orjson.loads(message.payload):
        assert isinstance(reading["signals"]["compressor_starts"], int)
        assert np.isclose(
            reading["signals"]["cabinet_temp"] * 10, round(reading["signals"]["cabinet_temp"] * 10)
        )
    assert b".00000" not in message.payload
    assert b".99999" not in message.payload


def test_a_fault_changes_payloads_not_their_shape() -> None:
    """The wire looks the same for ill and for well."""
    script = ScriptedFault(appliance="rf-260-00001", fault="compressor-wear", onset_day=0, days_to_failure=1)
    scenario = Scenario(days=2, appliances={"rf-260": 1}, imperfections=STEADY)

    well, ill = sent(scenario), sent(scenario.model_copy(update={"faults": (script,)}))

    assert [(m.topic, m.sent, m.readings) for m in well] == [(m.topic, m.sent, m.readings) for m in ill]
    assert well[-1].payload != ill[-1].payload
