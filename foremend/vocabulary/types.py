"""The vocabulary: frozen values that every stage speaks. Imports nothing of ours but its enumeration of purposes.

Times are int milliseconds since 1970-01-01 UTC, event time unless the name says otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.purposes import Purpose as Purpose

MS_PER_SECOND = 1_000
MS_PER_HOUR = 3_600_000
MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Block:
    """Readings of one appliance model as columns, one row per reading, in the order to use them in.

    `appliance` holds indices into `appliance_ids` (dictionary encoding, as Arrow does), so a block can be
    understood alone, on any worker. A signal that a reading does not carry is NaN.
    """

    appliance_model: str
    appliance_ids: tuple[str, ...]
    appliance: NDArray[np.int32]  # (n,) index into appliance_ids
    time: NDArray[np.int64]  # (n,) ms UTC
    seq: NDArray[np.int64]  # (n,) the device's own sequence number; -1 where it sends none
    signals: Mapping[str, NDArray[np.float64]]  # name -> (n,)
    firmware: tuple[str, ...] = ()  # per appliance_ids, the last one seen in this block; "" unknown

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: NDArray[Any] | slice) -> Block:
        """The same block with only `rows` (a mask, indices or a slice)."""
        return Block(
            self.appliance_model,
            self.appliance_ids,
            self.appliance[rows],
            self.time[rows],
            self.seq[rows],
            {name: column[rows] for name, column in self.signals.items()},
            self.firmware,
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """Numbers about appliances of one fleet, a row each: who, when, and a column for each name.

    The one table between readings and findings: closed hours and days, deviations, scores, silence. What is apart has
    a reason. A `Block` is understood alone, on any worker. `ingest.reorder.Released` is readings, whose seq counts,
    with what became of those that were pushed. A `Score` and a `Prediction` promise what their numbers mean. A
    `rules.question.Question` says of whom the rows are and what is behind them, a `foremend.engine.fitted.Day` that
    two tables are of the same rows. `foremend.learning.training_sets.TrainingSet` is of several fleets, and has the
    truth in place of time. `models.stream.windows.ClosedWindows` is room that a kernel fills.

    >>> values = np.array([[0.33, 31.0], [0.52, 47.0]])
    >>> days = Rows(np.int32([0, 1]), np.zeros(2, np.int64), ("duty", "power_mean"), values)
    >>> days.take(days.column("duty") > 0.5).column("power_mean")
    array([47.])
    """

    appliance: NDArray[np.int32]  # (n,) rows in the fleet's state
    time: NDArray[np.int64]  # (n,) ms UTC; of an hour or a day its end
    names: tuple[str, ...]  # d
    values: NDArray[np.float64]  # (n, d), NaN where unknown

    def __len__(self) -> int:
        return len(self.time)

    def column(self, name: str) -> NDArray[np.float64]:
        """(n,) one column."""
        return self.values[:, self.names.index(name)]

    def take(self, rows: NDArray[Any] | slice) -> Rows:
        """The same table with only `rows` (a mask, indices or a slice)."""
        return Rows(self.appliance[rows], self.time[rows], self.names, self.values[rows])

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """One table behind the other, at least one; all have the same names."""
        appliance, time, values = (
            np.concatenate([getattr(part, column) for part in parts])
            for column in ("appliance", "time", "values")
        )
        return cls(appliance, time, parts[0].names, values)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message, or one reading of it, that could not be used: kept with its reason, never lost."""

    topic: str
    payload: bytes
    reason: str
    received: int  # ms UTC, wall clock at reception


@dataclass(frozen=True, slots=True)
class Forgotten:
    """History keeps nothing of this appliance that is stamped `until` or earlier, however late it comes."""

    appliance_model: str
    appliance_id: str
    until: int  # ms UTC, inclusive


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One MQTT message as it came off the wire."""

    topic: str
    payload: bytes
    received: int  # ms UTC, wall clock at reception
    retained: bool = False  # the broker kept it: it may be stale
    just_subscribed: bool = (
        False  # came within moments of a subscription: some brokers do not mark what they kept
    )


@dataclass(frozen=True, slots=True)
class Score:
    """How abnormal each appliance is: 0..1, calibrated so that detectors can be compared.

    A healthy appliance scores above 1 - a with probability of about a.
    """

    detector: str
    appliance: NDArray[np.int32]  # (n,) row in the fleet's state
    time: NDArray[np.int64]  # (n,)
    value: NDArray[np.float64]  # (n,) 0..1
    usual: NDArray[np.float64] | None = (
        None  # (n, d) what each column usually is; NaN, or None, where unknown
    )

    @property
    def rows(self) -> Rows:
        """Itself as one column, called like the detector."""
        return Rows(self.appliance, self.time, (self.detector,), self.value[:, None])


@dataclass(frozen=True, slots=True)
class Prediction:
    """For each appliance and fault: probability within the horizon and time to failure with an interval."""

    faults: tuple[str, ...]
    horizon_days: float
    appliance: NDArray[np.int32]  # (n,)
    time: NDArray[np.int64]  # (n,)
    probability: NDArray[np.float64]  # (n, faults) 0..1
    days_to_failure: NDArray[np.float64]  # (n, faults) days; NaN where no estimate is made
    days_low: NDArray[np.float64]  # (n, faults) lower end of the interval
    days_high: NDArray[np.float64]  # (n, faults) upper end of the interval

    @property
    def rows(self) -> Rows:
        """The probabilities, a column for each fault."""
        return Rows(self.appliance, self.time, self.faults, self.probability)


class Severity(StrEnum):
    """How soon somebody should act."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class FindingKind(StrEnum):
    """What a finding says about its episode."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number behind a finding, in words a technician reads."""

    feature: str
    value: float
    usual: float | None = None  # the appliance's own usual value
    siblings: float | None = None  # the median of its cohort at the same time
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's verdict on one appliance and one fault at one time."""

    kind: FindingKind
    appliance_id: str
    appliance_model: str
    fault: str
    rule: str
    severity: Severity
    time: int  # ms UTC, event time of the verdict
    episode_start: int  # ms UTC, event time; with appliance and fault it names the episode
    score: float  # 0..1
    probability: float | None = None
    days_to_failure: float | None = None
    days_low: float | None = None
    days_high: float | None = None
    evidence: Sequence[Evidence] = field(default_factory=tuple)
    candidates: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Fault -> probability at that time, of a prediction; those that are not next to impossible."""

    @property
    def episode_id(self) -> str:
        """Deterministic, so that a replay names the same episode."""
        return deterministic_id("ep", self.appliance_id, self.fault, self.episode_start)


def deterministic_id(prefix: str, *parts: object) -> str:
    """A short id that depends on `parts` alone: replaying the same input changes nothing."""
    digest = hashlib.sha256(
        "\x1f".join(str(part) for part in parts).encode(errors="surrogatepass")
    ).hexdigest()
    return f"{prefix}_{digest[:24]}"
