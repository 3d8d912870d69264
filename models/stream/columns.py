"""Where each feature stands in what the kernels write of a window, by its name."""

from __future__ import annotations

from foremend.vocabulary.features import OF_GAUGES, OF_RUNS, OF_STAYS
from foremend.vocabulary.features import Statistic as S

COVERAGE = OF_RUNS.index(S.COVERAGE)
STARTS = OF_RUNS.index(S.STARTS)
DUTY = OF_RUNS.index(S.DUTY)
STARTS_PER_HOUR = OF_RUNS.index(S.STARTS_PER_HOUR)
LONGEST_RUN = OF_RUNS.index(S.LONGEST_RUN)
RUN_MEAN = OF_RUNS.index(S.RUN_MEAN)
RUN_STD = OF_RUNS.index(S.RUN_STD)
PAUSE_MEAN = OF_RUNS.index(S.PAUSE_MEAN)
PAUSE_STD = OF_RUNS.index(S.PAUSE_STD)
ON_LEVEL = OF_RUNS.index(S.ON_LEVEL)
INRUSH = OF_RUNS.index(S.INRUSH)
RUNS = len(OF_RUNS)
"""Of the runs, the first ones of a window."""

MEAN = OF_GAUGES.index(S.MEAN)
STD = OF_GAUGES.index(S.STD)
MIN = OF_GAUGES.index(S.MIN)
MAX = OF_GAUGES.index(S.MAX)
ON_MEAN = OF_GAUGES.index(S.ON_MEAN)
OFF_MEAN = OF_GAUGES.index(S.OFF_MEAN)
GAUGE_COVERAGE = OF_GAUGES.index(S.COVERAGE)
GAUGE = len(OF_GAUGES)
"""Of each gauge, behind them; then each counter's rise."""

SHARE = OF_STAYS.index(S.SHARE)
VISITS = OF_STAYS.index(S.VISITS)
VISIT_MEAN = OF_STAYS.index(S.VISIT_MEAN)
VISIT_LEAST = OF_STAYS.index(S.VISIT_LEAST)
STAYS = len(OF_STAYS)
"""Of the stays in each state of a day; then what is measured in it."""
