"""The benchmark of others beside us: all take the same stream and say what it took, and who is not here is named."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.__main__ import (
    KAFKA,
    MQTT,
    OURS,
    QUICK,
    describe,
    from_mqtt,
    from_topics,
    in_turns,
    installed,
)
from benchmarks.peers.job import FAR, LEAST, Moments, judge, readings_of
from benchmarks.peers.kafka import sent
from foremend.runtimes.kafka.settings import KafkaSettings

FIGURES = {"readings_per_s", "cpu_us_per_reading"}


def test_peers_judge_by_mean_and_variance() -> None:
    """The running ones are those of NumPy, and what lies beyond FAR of them is counted."""
    values = np.random.default_rng(5).normal(4.0, 0.5, LEAST + 1)
    moments: Moments = {}

    near = [judge(moments, {"cabinet_temp": value}) for value in values.tolist()]
    count, mean, squares = moments["cabinet_temp"]
    edge = mean + FAR * float(np.sqrt(squares / count))

    assert sum(near) == 0
    assert (count, mean) == (len(values), pytest.approx(np.mean(values)))
    assert squares / count == pytest.approx(np.var(values))
    assert judge(dict(moments) | {"cabinet_temp": [count, mean, squares]}, {"cabinet_temp": edge - 0.01}) == 0
    assert judge(moments, {"cabinet_temp": edge + 0.01}) == 1


def test_peers_read_the_stream_and_refuse_what_is_out_of_range() -> None:
    rows = [row for message in sent(3, 2) for row in readings_of(message.payload)]

    assert len(rows) == 6
    with pytest.raises(ValueError, match="power is 9000"):
        readings_of(b'{"signals": {"power": 9000}}')


def test_who_is_not_installed_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert installed({"a": "json", "b": "no_such_package"}, sys.executable) == ["a"]
    assert "no_such_package. Make an environment" in capsys.readouterr().err


def test_each_has_its_median_round_and_our_rate_beside_it() -> None:
    rates = {OURS: iter([30, 10, 20]), "quix": iter([5, 4, 100])}

    found = in_turns(
        [OURS, "quix"], {"quix": "", "faust": ""}, lambda name: {"readings_per_s": next(rates[name])}, 3, "x"
    )

    assert found == {
        OURS: {"readings_per_s": 20},
        "quix": {"readings_per_s": 5, "foremend_to_it": 4.0},
        "faust": None,
    }


def test_those_on_mqtt_take_a_small_load() -> None:
    """Whoever is installed here: the plain script's packages are Foremend's own."""
    found = from_mqtt(installed(MQTT, sys.executable), 200, 2, 1, sys.executable)

    assert set(found) == {OURS, *MQTT}
    measured_well(found, {OURS, "plain_sklearn"})


def test_those_on_kafka_take_a_small_load(kafka: KafkaSettings, tmp_path: Path) -> None:
    (readings, messages), names = next(iter(QUICK.kafka.items())), installed(KAFKA, sys.executable)

    found = from_topics(names, kafka.brokers[0], tmp_path, messages, readings, QUICK, sys.executable)

    assert set(found) == {OURS, *KAFKA}
    measured_well(found, {OURS, "faust_events"})
    assert "| `faust_events` |" in describe({"mqtt": None, "kafka": {"60_per_message": found}})


def measured_well(found: dict[str, Any], names: set[str]) -> None:
    for name in names:
        assert set(found[name]) >= FIGURES
        assert min(found[name][figure] for figure in FIGURES) > 0
