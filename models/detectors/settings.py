"""One configuration of the detectors for every appliance model and every benchmark."""

from __future__ import annotations

from pydantic import Field

from foremend.vocabulary.schema import Strict


class DetectorSettings(Strict):
    """Defaults of the detectors. Rows are whatever is scored: readings, hourly windows or days.

    >>> daily = DetectorSettings(spans=(7, 28), memory_rows=365, warm_spans=2)
    >>> daily.spans, daily.confirm_rows
    ((7, 28), 4)
    >>> daily.warm_spans * max(daily.spans)  # days until the longest chart speaks
    56
    """

    spans: tuple[int, ...] = (8, 32, 128, 512)
    """Rows that each chart's EWMA averages, a ladder so that no spell is far from one of them."""

    memory_rows: int = Field(default=8192, ge=64)
    """Rows after which an appliance's baseline has forgotten the oldest ones: 16 of the longest spans."""

    outlier_z: float = Field(default=3.5, gt=0)
    """Standard deviations beyond which a row teaches the baseline nothing (Iglewicz and Hoaglin, 1993)."""

    relearn_rows: int = Field(default=512, ge=1)
    """Consecutive alarming rows after which the baselines begin anew: this is how the appliance now runs. The longest
    span (decision 0085)."""

    warm_spans: int = Field(default=8, ge=2)
    """A chart of span L is silent until its baseline holds this many times L rows."""

    least_looks: float = Field(default=1.0, ge=1.0)
    """A baseline stands on at least so many independent looks, however slowly its signal seems to wander."""

    first_rows: int = Field(default=400, ge=1)
    """Rows of an appliance without a past that are only learnt from."""

    confirm_rows: int = Field(default=4, ge=1)
    """Consecutive rows at a level before it counts: half the shortest span, so that no single reading is news."""

    novelty_rows: int = Field(default=4, ge=2)
    """Readings of a window that is compared with earlier ones: half the shortest span."""

    novelty_patterns: int = Field(default=128, ge=8)
    """Windows that are kept of each signal; 24 bytes each."""

    novelty_first_rows: int = Field(default=200, ge=1)
    """Readings of a signal whose windows are only learnt from: no scale is fitted, so half of the others'."""

    hold_rows: int = Field(default=16, ge=1)
    """Rows for which a level stands once it counted: twice the shortest span, so that a dip is no all-clear."""


DEFAULTS = DetectorSettings()

NEVER = 2**31 - 1
"""Rows that nobody lives to see."""

HOURLY = DetectorSettings(
    spans=(24,), memory_rows=720, outlier_z=4.0, relearn_rows=NEVER, first_rows=240, least_looks=4.0
)
"""For hourly windows: a day, in which habits average out, against a month, in which seasons hardly move. The first ten
days teach; what changed for good is not taken for usual until somebody says so. A spread that odd hours do not widen is
narrow: with 3.5 deviations more of the season was an outlier, twice the false episodes. A day's wave lies between the
looks taken once a day, so that some wander too slowly to be believed: of ten days four are independent at least."""
