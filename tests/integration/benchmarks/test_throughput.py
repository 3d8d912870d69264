"""The throughput benchmark: every subscriber takes the whole load, the limit and an older build among them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks import throughput
from foremend.stores.broker import EmbeddedBroker

MESSAGES, READINGS = 1_500, 2
ROOT = Path(throughput.__file__).parents[1]


@pytest.fixture(scope="module")
def subscribers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, throughput.Subscriber]:
    return throughput.subscribers(tmp_path_factory.mktemp("compiled"), ROOT)


@pytest.mark.parametrize("name", ["c_subscriber", "bare_paho", "mqtt_source", "pipeline", "pipeline_before"])
def test_a_subscriber_takes_every_message(subscribers: dict[str, throughput.Subscriber], name: str) -> None:
    """It says how long that took; what went wrong in a child would end this with its sentence."""
    if name not in subscribers:
        pytest.skip("no C compiler: apt-get install gcc libc6-dev")

    with EmbeddedBroker() as broker:
        figures = throughput.measure(subscribers[name], broker.port, MESSAGES, READINGS)

    assert figures["seconds"] > 0
    assert figures.get("dead_letters", 0) == 0


def test_rates_stand_beside_the_limit_and_the_build_before() -> None:
    def at(rate: int) -> throughput.Figures:
        return {"messages_per_s": rate}

    found = throughput.ratios(
        10, {"c_subscriber": at(400), "bare_paho": at(50), "pipeline": at(100), "pipeline_before": at(80)}
    )

    assert found["pipeline_to_c_subscriber"] == 0.25
    assert found["pipeline_to_bare_paho"] == 2.0
    assert found["pipeline_to_pipeline_before"] == 1.25


def test_without_a_c_compiler_the_limit_is_null_and_the_rest_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert set(throughput.subscribers(tmp_path, None)) == {"bare_paho", "mqtt_source", "pipeline"}
    assert "no C compiler" in capsys.readouterr().err
    assert (
        throughput.ratios(10, {"bare_paho": {"messages_per_s": 5}, "pipeline": {"messages_per_s": 5}})[
            "pipeline_to_c_subscriber"
        ]
        is None
    )


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no checkout"):
        throughput.checkout(str(tmp_path))
