"""The page of an evaluation: what it says, and what it draws."""

from __future__ import annotations

from typing import Any

import pytest

from foremend.learning.evaluation_page import page

LABELS = {
    "probability told": "share that failed",
    "days before the failure": "share told by then",
    "probability above which a ticket opens": "EUR an appliance-year",
}


def report(failures: int = 2, calibration: int = 3) -> dict[str, Any]:
    """One version, judged by `failures`, with so many points of `calibration`."""
    row = {
        "failures": failures, "unforeseeable": 1, "tickets": 2, "precision": 1.0, "recall": 0.5,
        "median_lead_days": 12.0, "false_alarms_per_appliance_year": 0.0,
    }  # fmt: skip
    figures = {
        "made_at": 1_764_329_640_000, "recipe": "recipe-7", "trained_on": {"source": "simulated", "seed": 3},
        "recall": 0.5, "recall_of_all_failures": 0.4, "false_tickets_per_100_appliance_years": 1.5,
        "median_lead_days": 12.0, "interval_coverage": None, "per_fault": {"element-scale": row},
        "calibration": [{"predicted": k / 4, "observed": k / 4, "rows": 5} for k in range(calibration)],
        "lead_time_curve": [{"days": 0, "share": 0.5}, {"days": 7, "share": 0.5}],
        "cost_curve": [{"above": 0.3, "cost_per_appliance_year": 9.0}] if calibration else [],
        "choice": {
            "currency": "EUR", "failures": 9, "now": 41.0, "above": 0.7, "then": 32.5,
            "faults": [
                {"fault": "element-scale", "failures": 2, "now": 12.0, "above": None, "then": None},
                {"fault": "blocked-drain", "failures": 0, "now": 0.0, "above": None, "then": None},
            ],
            "areas": [{"area": "<north>", "failures": 5, "now": 55.0, "above": 0.9, "then": 44.0}],
        },
    }  # fmt: skip
    return {
        "appliance_model": "wh-60", "judged": "v0002", "champion": "v0002", "appliance_years": 3.2,
        "judged_at": 1_764_400_000_000, "foremend": "9.9.9", "versions": {"v0002": figures},
        "data": {
            "history": "past", "outcomes": "truth.json", "appliances": 8,
            "since": 1_735_689_600_000, "until": 1_743_465_600_000,
        },
    }  # fmt: skip


def test_it_says_dates_data_and_versions() -> None:
    """Of the judgement, of the history, and of what each version was made from."""
    said = " ".join(page(report()).split())

    assert "Judged on 2025-11-29 by Foremend 9.9.9, on 8 appliances of past from 2025-01-01" in said
    assert "to 2025-04-01 and the outcomes in truth.json." in said
    assert "Made on 2025-11-28, recipe recipe-7, from source simulated, seed 3." in said


def test_what_it_costs_to_be_wrong_is_a_table() -> None:
    """All, each fault of which there is something to say, and each area; a choice that nobody can make is a dash."""
    said = " ".join(page(report()).split())

    assert "EUR an appliance-year" in said
    for row in (
        ("all", 9, "41", "0.7", "32.5"),
        ("element-scale", 2, "12", "–", "–"),
        ("in &lt;north&gt;", 5, "55", "0.9", "44"),
    ):
        assert "<tr>" + " ".join(f"<td>{cell}</td>" for cell in row) in said.replace(
            "</td><td>", "</td> <td>"
        )
    assert "blocked-drain" not in said


def test_every_axis_has_its_name() -> None:
    """Across and up, on each of the three charts."""
    drawn = page(report())

    assert drawn.count("<svg") == len(LABELS)
    for name in (*LABELS, *LABELS.values()):
        assert f">{name}</text>" in drawn


@pytest.mark.parametrize(
    ("judged", "titles"),
    [
        ({"failures": 0}, {"Calibration", "Cost, by the probability that opens a ticket"}),
        ({"calibration": 0}, {"Lead time"}),
        ({"failures": 0, "calibration": 0}, set()),
    ],
    ids=["nobody failed", "no probability", "nothing"],
)
def test_there_is_no_chart_without_data(judged: dict[str, int], titles: set[str]) -> None:
    """Nor a line at zero where there was nothing to tell, nor a heading over nothing."""
    drawn = page(report(**judged))

    assert drawn.count("<svg") == len(titles)
    assert all(f"<figcaption>{title}</figcaption>" in drawn for title in titles)
    assert ("<h2>Figures</h2>" in drawn) == bool(titles)
