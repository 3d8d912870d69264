"""Simulated refrigerators beside the real ones of Tracebase: run length, pause length, starts a day, duty."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from simulators.figures.compare import Cycles, cycle_distributions, read_tracebase
from simulators.figures.twins import Setting, healthy

TRACEBASE = Path(__file__).parents[3].parent / "shared" / "data" / "tracebase"
WINTER = Setting(count=60, days=3, start=date(2026, 1, 12), region="berlin")


def real(device: str) -> list[Cycles]:
    files = sorted(TRACEBASE.glob(f"dev_{device}_*.csv.gz"))
    if not files:
        pytest.skip(f"no recordings of {device}: the Tracebase excerpt is not at {TRACEBASE}")
    return [cycle_distributions(*read_tracebase(path)) for path in files]


def simulated(model: str) -> list[Cycles]:
    seconds = 60.0 * np.arange(WINTER.days * 1_440)
    return [cycle_distributions(seconds, power) for power in healthy(model, WINTER)["power"]]


def spread_of(machines: list[Cycles]) -> dict[str, tuple[float, float]]:
    """The 2nd and 98th percentile between machines of each measure."""
    columns = {
        "run": [np.median(c.runs) for c in machines],
        "pause": [np.median(c.pauses) for c in machines],
        "starts": [c.starts_per_day for c in machines],
        "duty": [c.duty for c in machines],
    }
    return {name: (np.percentile(x, 2), np.percentile(x, 98)) for name, x in columns.items()}


@pytest.mark.parametrize(("device", "model"), [("B83B9E", "rf-140"), ("D331DA", "rf-260")])
def test_a_real_refrigerator_could_be_one_of_ours(device: str, model: str) -> None:
    """Its medians lie among those of sixty simulated ones, each within the 2nd and 98th percentile."""
    ours, theirs = spread_of(simulated(model)), spread_of(real(device))

    for measure, (low, high) in ours.items():
        middle = sum(theirs[measure]) / 2
        assert low <= middle <= high, f"{measure}: {middle:.2f} is not within {low:.2f}..{high:.2f}"


def test_cycles_are_counted_from_edge_to_edge() -> None:
    """Two whole runs of 10 min, two whole pauses of 20 min; the spells at both ends are not counted."""
    minutes = np.arange(100)
    power = np.where(minutes % 30 < 10, 100.0, 5.0)

    cycles = cycle_distributions(60.0 * minutes, power)

    assert cycles.runs.tolist() == [10.0, 10.0]
    assert cycles.pauses.tolist() == [20.0, 20.0, 20.0]
    assert cycles.duty == pytest.approx(40 / 99, abs=0.02)
    assert cycles.running_power == 100.0


def test_a_lamp_is_not_a_cycle() -> None:
    """Spells below two minutes count neither as runs nor as starts."""
    power = np.full(600, 5.0)
    power[300:303] = 40.0

    cycles = cycle_distributions(10.0 * np.arange(600), power)

    assert cycles.runs.size == 0
    assert cycles.starts_per_day == 0.0
