"""What each detector does alone, and how far the figures move when one setting does: SKAB and NAB side by side.

For readers who ask how much a figure owes to its settings; docs/models.md says what was looked at when they were
chosen. PATH is the folder that holds `skab` and `nab`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import nab, skab
from benchmarks._common import Result, Setup, main
from foremend.ports import Detector
from models.detectors import (
    DEFAULTS,
    AlarmLatch,
    Combined,
    ControlCharts,
    CycleStructure,
    Isolation,
    ResidualDistance,
    SilenceAndStuck,
    reading_watch,
)

_LADDERS = (
    (4, 16, 64, 256),
    (6, 24, 96, 384),
    (10, 40, 160, 640),
    (8, 64, 512),
    (8, 16, 32, 64, 128, 256, 512),
)


def _charted(charts: Callable[[], ControlCharts]) -> Combined:
    return Combined((charts(), *reading_watch().members[1:]), shares=(0.8, 0.1, 0.1))


def setups() -> dict[str, Setup]:
    """Name -> what watches; the first is the default."""
    alone: tuple[type[Detector], ...] = (
        ControlCharts,
        CycleStructure,
        SilenceAndStuck,
        ResidualDistance,
        Isolation,
    )
    named = {"default": Setup()}
    named |= {f"{detector.name} alone": Setup(detector) for detector in alone}
    named |= {f"spans {ladder}": _with_charts(spans=ladder) for ladder in _LADDERS}
    named |= {f"outlier_z {z}": _with_charts(outlier_z=z) for z in (3.0, 4.0)}
    named |= {f"memory_rows {rows}": _with_charts(memory_rows=rows) for rows in (4096, 16384)}
    named |= {f"confirm_rows {rows}": Setup(latch=partial(AlarmLatch, confirm_rows=rows)) for rows in (1, 8)}
    for alarm in (0.97, 0.98, 0.995):
        critical = 1.0 - (1.0 - alarm) * (1.0 - DEFAULTS.critical) / (1.0 - DEFAULTS.alarm)
        named[f"alarm {alarm}"] = Setup(latch=partial(AlarmLatch, alarm=alarm, critical=critical))
    return named


def _with_charts(**changed: object) -> Setup:
    return Setup(partial(_charted, partial(ControlCharts, **changed)))  # type: ignore[arg-type]


def run(path: Path) -> Result:
    """Score every setup on both data sets."""
    result = {}
    for name, setup in setups().items():
        pump, machine = skab.run(path / "skab", setup), nab.run(path / "nab", setup)
        figures = {key: pump[key] for key in ("f1", "far")}
        result[name] = figures | {key: machine[key] for key in ("normalised", "false_positive_rows")}
    return result


def describe(result: Result) -> str:
    """The result as a Markdown table."""
    head = "| setup | SKAB F1 | SKAB false alarms | NAB | NAB false rows |\n|---|---|---|---|---|"
    rows = [
        f"| {name} | {one['f1']:.3f} | {one['far']:.1%} | {one['normalised']:.1f} | {one['false_positive_rows']} |"
        for name, one in result.items()
    ]
    return "\n".join([head, *rows])


if __name__ == "__main__":
    sys.exit(main(run, describe))
