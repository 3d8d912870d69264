"""Detectors: this is not normal for this appliance model. All have the verbs of `foremend.ports.Detector`.

`reading_watch()` is the default for streams of readings, `window_watch()` for hourly or daily rows of a fleet.
"""

from models.detectors.alarm import ALARM, CRITICAL, QUIET, AlarmLatch, Alarms
from models.detectors.charts import ControlCharts
from models.detectors.combined import Combined
from models.detectors.distance import ResidualDistance
from models.detectors.isolation import Isolation
from models.detectors.settings import DEFAULTS, DetectorSettings
from models.detectors.silence import SilenceAndStuck
from models.detectors.structure import CycleStructure

__all__ = [
    "ALARM",
    "CRITICAL",
    "DEFAULTS",
    "QUIET",
    "AlarmLatch",
    "Alarms",
    "Combined",
    "ControlCharts",
    "CycleStructure",
    "DetectorSettings",
    "Isolation",
    "ResidualDistance",
    "SilenceAndStuck",
    "reading_watch",
    "window_watch",
]


def reading_watch() -> Combined:
    """Charts, cycle structure, silence and stuck sensors with the default settings: for rows in time order.

    The charts get most of the false-alarm budget: what the other two look for is unmistakable when it comes.
    """
    return Combined((ControlCharts(), CycleStructure(), SilenceAndStuck()), shares=(0.8, 0.1, 0.1))


def window_watch(seed: int = 0) -> Combined:
    """Distance and isolation with conformal p-values: for hourly or daily rows of many appliances."""
    return Combined((ResidualDistance(seed=seed), Isolation(seed=seed)))
