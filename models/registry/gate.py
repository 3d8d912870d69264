"""May a challenger take the champion's place, and is a first version worth it? Judged on what neither learnt from.

A version learnt from history is judged as in life: which failures the rules told and named before they came, and how
often they cried wolf, on appliances that the judging models never saw. A version learnt from practice, whose rows are
many and of known truth, is judged by its probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TOLERANCE = 0.005
"""A difference of probabilities' metrics below it is taken as none."""
MISSED = 10.0
"""Needless visits that a failure nobody foresaw costs, as in `foremend evaluate`."""
FAILURES_A_YEAR = 0.1
"""An assumption: no appliance model fails more often in life. A history that is richer in failures was collected for
them, and its missed ones count for fewer."""
LEAST_ILL = 5
"""Failures, before shares of them say anything."""
LEAST_NAMED = 0.25
"""Share of the failures that must be named in time: below it the watch by own past and the rules do as well."""
MOST_FALSE = 5.0
"""Per 100 appliance-years; one alone is forgiven, as a small fleet cannot show less."""
_BETTER_IS = {"average_precision": 1, "brier": -1}


def gate_metrics(probability: Floats, days_to_failure: Floats, horizon_days: float) -> dict[str, float]:
    """How good probabilities are, over all faults together; both arguments are (n, faults).

    `average_precision`: area under precision and recall, 0..1, higher is better; NaN where no row has a fault.
    `brier`: mean squared error of the probabilities summed over faults, 0 and more, lower is better; it punishes
    wrong calibration (Brier, 1950).
    """
    from sklearn.metrics import average_precision_score  # most processes never judge

    due = days_to_failure <= horizon_days
    precision = average_precision_score(due.ravel(), probability.ravel()) if due.any() else math.nan
    brier = np.square(probability - due).sum(axis=1).mean() if len(due) else math.nan
    return {
        "average_precision": float(precision),
        "brier": float(brier),
        "rows": float(len(due)),
        "rows_with_fault": float(due.any(axis=1).sum()),
    }


def worse(challenger: Mapping[str, float], champion: Mapping[str, float]) -> list[str]:
    """A sentence for every metric of probabilities on which the challenger is worse; empty: it may be promoted.

    A metric that could not be measured on both (NaN) decides nothing.
    """
    return [
        f"{name} {challenger[name]:.3f} against the champion's {champion[name]:.3f}"
        for name, sign in _BETTER_IS.items()
        if sign * (challenger[name] - champion[name]) < -TOLERANCE
    ]


def not_worth_it(figures: Mapping[str, float]) -> list[str]:
    """A sentence for every mark that a version misses, whatever it is compared with; empty: it is worth using.

    `figures`: `ill` failures, `named` share of them, `false` warnings, `false_per_100` appliance-years.
    """
    reasons = []
    if figures["ill"] < LEAST_ILL:
        reasons.append(f"{figures['ill']:.0f} confirmed failures to judge by, and {LEAST_ILL} are needed")
    elif figures["named"] < LEAST_NAMED:
        reasons.append(
            f"of {figures['ill']:.0f} failures on appliances it had not seen {figures['named']:.0%} were named in "
            f"time, and {LEAST_NAMED:.0%} are asked"
        )
    if figures["false"] > 1 and figures["false_per_100"] > MOST_FALSE:
        reasons.append(
            f"{figures['false']:.0f} false warnings in {figures['well_years']:.1f} appliance-years, where "
            f"{MOST_FALSE:g} in 100 are the most"
        )
    return reasons


def costlier(challenger: Mapping[str, float], champion: Mapping[str, float]) -> list[str]:
    """A sentence where a challenger would cost more than the champion on the same days; empty: it may be promoted.

    A missed failure costs `MISSED` needless visits, or less where failures are more frequent than `FAILURES_A_YEAR`; a
    false or misnamed warning one. Up to one missed failure's worth is chance.
    """
    often = challenger["ill"] / max(challenger["well_years"], 1e-9)
    missed = MISSED * min(1.0, FAILURES_A_YEAR / max(often, 1e-9))
    if _visits(challenger, missed) - _visits(champion, missed) < max(missed, 1.0) + 1e-9:
        return []
    return [
        f"told {challenger['told']:.0%} and named {challenger['named']:.0%} of {challenger['ill']:.0f} failures with "
        f"{challenger['false']:.0f} false warnings, against the champion's {champion['told']:.0%}, "
        f"{champion['named']:.0%} and {champion['false']:.0f}"
    ]


def _visits(figures: Mapping[str, float], missed: float) -> float:
    unforeseen = figures["ill"] * (1 - figures["told"]) if figures["ill"] else 0.0
    return missed * unforeseen + figures["false"] + figures["misnamed"]
