"""One configuration of the detectors for every appliance model and every benchmark."""

from __future__ import annotations

from pydantic import Field

from foremend.schema import Strict


class DetectorSettings(Strict):
    """Defaults of the detectors. Rows are whatever is scored: readings, hourly windows or days."""

    spans: tuple[int, ...] = (8, 32, 128, 512)
    """Rows that each chart's EWMA averages, a ladder so that no spell is far from one of them."""

    memory_rows: int = Field(default=8192, ge=64)
    """Rows after which an appliance's baseline has forgotten the oldest ones: 16 of the longest spans."""

    outlier_z: float = Field(default=3.5, gt=0)
    """Standard deviations beyond which a row teaches the baseline nothing (Iglewicz and Hoaglin, 1993)."""

    relearn_rows: int = Field(default=2048, ge=1)
    """Consecutive outlying rows after which the baseline follows: this is how the appliance now runs."""

    warm_spans: int = Field(default=8, ge=2)
    """A chart of span L is silent until its baseline holds this many times L rows."""

    alarm: float = Field(default=0.99, gt=0, lt=1)
    """Score at which an alarm opens: the 99 % control limit."""

    confirm_rows: int = Field(default=4, ge=1)
    """Consecutive rows at a level before it counts: half the shortest span, so that no single reading alarms."""

    clear: float = Field(default=0.9, gt=0, lt=1)
    """Score below which an open alarm closes."""

    quiet_rows: int = Field(default=512, ge=0)
    """An alarm that returns within so many rows of closing is the same episode: it is not raised again."""

    critical: float = Field(default=0.9999, gt=0, lt=1)
    """Score at which an open alarm is raised once more, as critical: a hundred times less likely by chance."""


DEFAULTS = DetectorSettings()
