"""Detectors: this is not normal for this appliance model. All have the verbs of `foremend.vocabulary.ports.Detector`.

`reading_watch()` and `hour_watch()` watch appliances that come without a past, by their readings or by their hours;
`window_watch()` is for daily rows of a fleet whose past is known.
"""

from models.detectors.charts import ControlCharts
from models.detectors.combined import Combined, Highest
from models.detectors.confirmed import Confirmed
from models.detectors.distance import ResidualDistance
from models.detectors.first_hours import FirstHours
from models.detectors.first_rows import FirstRows
from models.detectors.isolation import Isolation
from models.detectors.novelty import Novelty
from models.detectors.settings import DEFAULTS, DetectorSettings
from models.detectors.silence import SilenceAndStuck
from models.detectors.structure import CycleStructure

__all__ = [
    "DEFAULTS",
    "Combined",
    "Confirmed",
    "ControlCharts",
    "CycleStructure",
    "DetectorSettings",
    "FirstHours",
    "FirstRows",
    "Highest",
    "Isolation",
    "Novelty",
    "ResidualDistance",
    "SilenceAndStuck",
    "hour_watch",
    "reading_watch",
    "window_watch",
]


def reading_watch() -> Confirmed:
    """What lasts or was never seen, for rows in time order, learnt from each one's first rows.

    Charts, cycle structure, silence and stuck sensors, and beside them novelty. The charts get most of the false-alarm
    budget of the first three: what the other two look for is unmistakable when it comes.
    """
    members = (ControlCharts(), CycleStructure(), SilenceAndStuck())
    return Confirmed("reading-watch", Highest((FirstRows(members, shares=(0.8, 0.1, 0.1)), Novelty())))


def hour_watch() -> FirstHours:
    """Charts of the last day against the last month, for hourly windows of a household's appliance."""
    return FirstHours()


def window_watch(seed: int = 0) -> Combined:
    """Distance and isolation with conformal p-values: for hourly or daily rows of many appliances."""
    return Combined((ResidualDistance(seed=seed), Isolation(seed=seed)))
