"""Which history an installation keeps, as its settings say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from foremend.config import StorageSettings
from foremend.history.parquet import ParquetHistory
from foremend.history.upkeep import Upkeep
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.types import Forgotten


def open_history(
    storage: StorageSettings, journal: str, forgotten: Callable[[], Sequence[Forgotten]] = tuple
) -> History:
    """Where readings are stored. Connects to nothing yet.

    `journal` is the id of the one whose positions it is told; `forgotten` is asked for appliances to leave out.
    """
    if storage.influx is None:
        return ParquetHistory(storage.folder / "history", journal, forgotten)
    from foremend.history.influx import InfluxHistory

    return InfluxHistory(storage.influx, forgotten)


def open_upkeep(storage: StorageSettings, clock: Clock) -> Upkeep | None:
    """Compaction and retention, not started; None where InfluxDB does both by itself."""
    if storage.influx is not None:
        return None
    return Upkeep(storage.folder / "history", storage.parquet, clock)
