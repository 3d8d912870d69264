"""The sizes in docs/scale.md are what the command makes of the measured figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.scale import FIGURES, tables
from benchmarks.scale_inputs import Assumptions, Fleet, measured
from benchmarks.scale_sized import Sized

PAGE = Path(__file__).parents[3] / "docs/scale.md"


def test_the_page_holds_the_tables_of_its_figures() -> None:
    """Nobody edits them by hand: `python -m benchmarks.scale` prints them."""
    page = PAGE.read_text(encoding="utf-8")

    missing = [table for table in tables(FIGURES).split("\n\n") if table not in page]

    assert not missing


def test_a_reading_costs_by_itself_and_by_its_record(tmp_path: Path) -> None:
    """Records of two sizes tell both apart: 1.3 us is 1 + 300 / 1,000, and 7 us is 1 + 300 / 50."""
    for name in ("costs", "kafka"):
        (tmp_path / f"{name}.json").write_text((FIGURES / f"{name}.json").read_text())
    kafka = json.loads((tmp_path / "kafka.json").read_text())
    kafka["workers"]["1"] |= {"readings_of_a_record": 1_000, "cpu_us_per_reading": 1.3}
    kafka["records_of_one_message"] |= {"readings_of_a_record": 50, "cpu_us_per_reading": 7.0}
    (tmp_path / "kafka.json").write_text(json.dumps(kafka))

    found = measured(tmp_path)

    assert found.record_us == pytest.approx(300)
    assert found.reading_us == pytest.approx(1.0)


def test_twice_the_fleet_needs_twice_of_what_grows_with_it() -> None:
    """Memory, disks and traffic are proportional to the appliances; nothing is needed for none."""
    costs = measured(FIGURES)
    one, two = (Sized(Fleet("", n, 1_440, 60), Assumptions(), costs) for n in (10**6, 2 * 10**6))

    for name in (
        "readings_s",
        "state_gb",
        "engine_cores",
        "blocks_mb_s",
        "parquet_tb",
        "kafka_tb",
        "traffic_tb_day",
    ):
        assert getattr(two, name) == pytest.approx(2 * getattr(one, name))
