"""What each detector does alone, and how far the figures move when one setting does: SKAB and NAB side by side.

For readers who ask how much a figure owes to its settings; docs/models.md says what was looked at when they were
chosen. PATH is the folder that holds `skab`, `nab` and `nab-families`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import nab, skab
from benchmarks._common import READINGS_RULE, Result, Setup, main
from foremend.config import load_settings
from models.detectors import (
    DEFAULTS,
    Confirmed,
    ControlCharts,
    CycleStructure,
    FirstRows,
    Highest,
    Novelty,
    SilenceAndStuck,
)
from models.detectors.base import Starting
from rules.settings import RulesSettings

_LADDERS = (
    (4, 16, 64, 256),
    (6, 24, 96, 384),
    (10, 40, 160, 640),
    (8, 64, 512),
    (8, 16, 32, 64, 128, 256, 512),
)


def setups() -> dict[str, Setup]:
    """Name -> what watches and judges; the first is the default."""
    alone: tuple[type[Starting], ...] = (ControlCharts, CycleStructure, SilenceAndStuck)
    named = {"default": Setup()}
    named |= {f"{detector.name} alone": Setup(partial(_alone, detector)) for detector in alone}
    named |= {"without novelty": Setup(_without_novelty), "novelty alone": Setup(_novelty_alone)}
    named |= {f"novelty_rows {rows}": Setup(partial(_watch, novelty_rows=rows)) for rows in (3, 5, 6)}
    named |= {f"novelty_patterns {count}": Setup(partial(_watch, patterns=count)) for count in (64, 256)}
    named |= {f"relearn_rows {rows}": _with_charts(relearn_rows=rows) for rows in (512, 1024, 2048)}
    named |= {f"spans {ladder}": _with_charts(spans=ladder) for ladder in _LADDERS}
    named |= {f"outlier_z {z}": _with_charts(outlier_z=z) for z in (3.0, 4.0)}
    named |= {f"memory_rows {rows}": _with_charts(memory_rows=rows) for rows in (4096, 16384)}
    named |= {f"first_rows {rows}": Setup(partial(_watch, first_rows=rows)) for rows in (300, 350)}
    named |= {f"confirm_rows {rows}": Setup(partial(_watch, confirm_rows=rows)) for rows in (1, 8)}
    named |= {f"hold_rows {rows}": Setup(partial(_watch, hold_rows=rows)) for rows in (8, 32)}
    return named | {f"above {level}": Setup(rules=_opening(level)) for level in (0.97, 0.98, 0.995)}


def _with_charts(**changed: object) -> Setup:
    return Setup(partial(_watch, partial(ControlCharts, **changed)))  # type: ignore[arg-type]


def _watch(
    charts: Callable[[], ControlCharts] = ControlCharts,
    *,
    first_rows: int = DEFAULTS.first_rows,
    confirm_rows: int = DEFAULTS.confirm_rows,
    hold_rows: int = DEFAULTS.hold_rows,
    novelty_rows: int = DEFAULTS.novelty_rows,
    patterns: int = DEFAULTS.novelty_patterns,
) -> Confirmed:
    """`reading_watch`, with something changed."""
    members = (charts(), CycleStructure(), SilenceAndStuck())
    lasting = FirstRows(members, shares=(0.8, 0.1, 0.1), first_rows=first_rows)
    both = Highest((lasting, Novelty(rows=novelty_rows, patterns=patterns)))
    return Confirmed("reading-watch", both, confirm_rows=confirm_rows, hold_rows=hold_rows)


def _without_novelty() -> Confirmed:
    members = (ControlCharts(), CycleStructure(), SilenceAndStuck())
    return Confirmed("reading-watch", FirstRows(members, shares=(0.8, 0.1, 0.1)))


def _novelty_alone() -> Confirmed:
    return Confirmed("reading-watch", Novelty())


def _alone(detector: type[Starting]) -> Confirmed:
    return Confirmed("reading-watch", FirstRows((detector(),)))


def _opening(level: float) -> RulesSettings:
    """The rules of config.yaml with another level for readings, and urgency as far beyond it as before."""
    rules = load_settings().rules
    data = rules.model_dump(mode="json", exclude_none=True)
    rule = next(rule for rule in data["book"] if rule["name"] == READINGS_RULE)
    urgent = 1.0 - (1.0 - level) * (1.0 - rule["escalate"]["above"]) / (1.0 - rule["when"]["above"])
    rule["when"]["above"], rule["escalate"]["above"] = level, urgent
    return RulesSettings.model_validate(data)


def run(path: Path) -> Result:
    """Score every setup on both data sets."""
    result = {}
    for name, setup in setups().items():
        pump, machine = skab.run(path / "skab", setup), nab.run(path / "nab", setup)
        figures = {key: pump[key] for key in ("f1", "far")}
        result[name] = figures | {key: machine[key] for key in ("normalised", "false_positive_rows")}
        others = nab.run(path / "nab-families", setup)
        result[name] |= {
            "families": others["normalised"],
            "families_false_rows": others["false_positive_rows"],
        }
    return result


def describe(result: Result) -> str:
    """The result as a Markdown table."""
    head = "| setup | SKAB F1 | false alarms | NAB's machine | false rows | other families | false rows |"
    rows = [
        f"| {name} | {one['f1']:.3f} | {one['far']:.1%} | {one['normalised']:.1f} | {one['false_positive_rows']} |"
        f" {one['families']:.1f} | {one['families_false_rows']} |"
        for name, one in result.items()
    ]
    return "\n".join([head, "|---" * 7 + "|", *rows])


if __name__ == "__main__":
    sys.exit(main(run, describe))
