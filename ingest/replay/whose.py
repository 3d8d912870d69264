"""Which appliance a row is of, and which signal a value: by the mapping, or as a known writer always says it."""

from __future__ import annotations

import fnmatch

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.ids import proposed
from foremend.vocabulary.topics import is_appliance_id
from ingest.replay.columns import words
from ingest.replay.layout import Layout
from ingest.replay.mapping import ReplayMapping
from ingest.replay.tables import Batch
from ingest.replay.times import Column

_QUANTITIES = {
    "power": "power", "watts": "power", "voltage": "voltage", "current": "current", "energy": "energy",
    "temperature": "temp", "temp": "temp", "humidity": "humidity", "frequency": "frequency", "factor": "factor",
}  # fmt: skip
"""The last word of a Home Assistant entity, by its device class -> the last word of a signal's name."""
NOBODY = -1
LEFT_OUT = -2


class Whose:
    """Looks at the columns that say it; each different value is looked at once a batch."""

    def __init__(self, mapping: ReplayMapping, layout: Layout, file_id: str | None) -> None:
        self._mapping = mapping
        self._layout = layout
        self._file_id = file_id

    def appliances(self, batch: Batch) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """The ids in this batch, and (n,) which of them each row is of; NOBODY, or LEFT_OUT where `names` lacks it."""
        source = self._mapping.appliance_id
        if source.column is None:
            return (str(self._file_id),), np.zeros(len(batch.lines), np.int32)
        said = words(batch.columns[source.column])
        ids = {word: self._id_of(word) for word in set(said)}
        good = dict.fromkeys(name for name in map(ids.get, said) if name and is_appliance_id(name))
        names = {name: code for code, name in enumerate(good)}
        codes = {
            word: LEFT_OUT if name == "" else names.get(name or "", NOBODY) for word, name in ids.items()
        }
        return tuple(names), np.fromiter(map(codes.__getitem__, said), np.int32, len(said))

    def is_of(self, signal: str, batch: Batch) -> NDArray[np.bool_] | None:
        """(n,) which rows are of the signal; None where all are."""
        where = self._mapping.signals[signal].where
        rows: NDArray[np.bool_] | None = None
        for column, pattern in where.items():
            found = _each(batch, column, lambda word, pattern=pattern: fnmatch.fnmatchcase(word, pattern))
            rows = found if rows is None else rows & found
        if where or self._layout.writer is None:
            return rows
        if self._layout.writer == "influx":
            return self._of_field(signal, batch)
        return _each(batch, "entity_id", lambda word: _quantity(word) in (None, signal.rpartition("_")[2]))

    def _of_field(self, signal: str, batch: Batch) -> NDArray[np.bool_] | None:
        """A value in InfluxDB's `_value` is of the signal that its `_field` names."""
        if self._mapping.signals[signal].column != "_value" or "_field" not in batch.columns:
            return None
        return _each(batch, "_field", lambda word: word == signal)

    def _id_of(self, word: str | None) -> str | None:
        """An appliance's id, "" where the row is to be left out, None where it can be none."""
        source = self._mapping.appliance_id
        if word is None:
            return None
        if source.names is not None:
            return source.names.get(word, "")
        if self._layout.writer == "home-assistant" and source.column == "entity_id":
            word = _device(word)
        return proposed(word) or "" if source.clean else word


def _each(batch: Batch, column: Column, test: object) -> NDArray[np.bool_]:
    said = words(batch.columns[column])
    found = {word: word is not None and bool(test(word)) for word in set(said)}  # type: ignore[operator]
    return np.fromiter(map(found.__getitem__, said), np.bool_, len(said))


def _quantity(entity: str) -> str | None:
    """What `sensor.freezer_power` measures, None where its name does not say it."""
    return _QUANTITIES.get(entity.rpartition("_")[2].lower())


def _device(entity: str) -> str:
    """`sensor.freezer_power` is of `freezer`."""
    name = entity.partition(".")[2] or entity
    return name.rpartition("_")[0] if _quantity(name) and "_" in name else name
