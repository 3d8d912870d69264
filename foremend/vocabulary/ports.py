"""What the core asks of the world, as protocols.

Adapters live with what they touch; `foremend.wiring` picks them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.features import Deviation
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.types import Block, DeadLetter, Finding, Prediction, RawMessage, Score

Snapshot = Mapping[str, Any]
"""State as nested mappings of numpy arrays, str, int, float and lists of them: stored without pickle."""


class Clock(Protocol):
    """Wall-clock time; event time never comes from here."""

    def now_ms(self) -> int: ...


class Source(Protocol):
    """Where raw messages come from: connect, take with acknowledgement, close."""

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        """Messages that wait, each with the token that `acknowledge` takes; empty after `timeout_s`."""
        ...

    def acknowledge(self, tokens: Iterable[Any]) -> None: ...

    def close(self) -> None: ...


class PipelineSource(Source, Protocol):
    """A source that also says whether it is connected."""

    def connected(self) -> bool: ...


class History(Protocol):
    """Stored readings, for training, charts and replay."""

    waiting_rows: int  # given to `write` and not yet stored by `flush`

    def write(self, block: Block) -> None:
        """Take a block; what it holds is durable after `flush`."""
        ...

    def flush(self, after: int, up_to: int) -> None:
        """Store what waits, from journal positions in (after, up_to]; after UnavailableError, call it again.

        `after` is the position of the last durable snapshot: what is stored up to it will not be replayed.
        """
        ...

    def forget_after(self, position: int, still_ours: Callable[[], object] = ...) -> None:
        """Make ready for a replay from `position`, so that it stores nothing twice: what waits is forgotten too.

        What `still_ours` raises is raised before anything that is stored goes.
        """
        ...

    def read(
        self, appliance_model: str, start: int, end: int, appliances: Collection[str] | None = None
    ) -> Iterable[Block]:
        """Blocks of one UTC day each with start <= time < end (ms UTC), sorted by time; of these `appliances`, or all.

        Of many it costs about as much as of one: what is stored is looked through once for all of them.
        """
        ...

    def forget_appliances(
        self, appliance_model: str, appliances: Collection[str], until: int | None = None
    ) -> int:
        """Remove every reading of these appliances, stored or waiting here, and say how many those were.

        With `until`, ms UTC, only what is stamped then or earlier.

        What another process holds, or a replay brings, is kept out by the adapter's list of `Forgotten`.
        """
        ...


class Stateful(Protocol):
    """Everything that learns can be frozen and brought back."""

    def snapshot(self) -> Snapshot: ...

    def restore(self, snapshot: Snapshot) -> None: ...


class PerAppliance(Protocol):
    """What keeps a row of state an appliance lets some leave and come back: see `foremend.vocabulary.leaving`."""

    def leave(self, leaving: Leaving) -> Mapping[str, Any]: ...

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None: ...


class Detector(Stateful, PerAppliance, Protocol):
    """Not normal for this appliance model? One row of `features` per appliance and window.

    `features` is (n, d) float64 with NaN for unknown, `names` its d columns, `appliance` (n,) fleet rows.
    """

    name: str

    def learn(self, names: Sequence[str], features: NDArray[np.float64]) -> None: ...

    def score(
        self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: NDArray[np.float64]
    ) -> Score: ...


class Predictor(Protocol):
    """This fault, with this probability, in about this many days; one row of `features` per appliance and day.

    `features` is (n, d) float64 with NaN for unknown, `appliance` (n,) fleet rows, `time` (n,) ms UTC.
    """

    faults: tuple[str, ...]

    def score(
        self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: NDArray[np.float64]
    ) -> Prediction: ...

    def drivers(self, features: NDArray[np.float64], fault: int, most: int = 3) -> NDArray[np.int64]:
        """At most `most` columns of one row (d,) that speak most for the fault of that number, the strongest first."""
        ...


class LearningPredictor(Predictor, Stateful, Protocol):
    """A predictor that learns by itself, and does not borrow."""

    def learn(
        self,
        deviations: Sequence[Deviation],
        features: NDArray[np.float64],
        days_to_failure: NDArray[np.float64],
        appliance: NDArray[np.int32] | None = None,
    ) -> None:
        """`deviations` say what the columns of `features` are.

        `days_to_failure` (n, faults): days until that fault's failure, inf where it never came. `appliance` (n,) says
        which rows are of one; without it each row is its own.
        """
        ...


class Effects(Protocol):
    """Commits a block's consequences and its position in one transaction."""

    def position(self) -> int: ...

    def apply(
        self, findings: Sequence[Finding], dead_letters: Sequence[DeadLetter], position: int
    ) -> None: ...
