"""Arrow columns -> times and numbers; what cannot be one becomes NaN or NO_TIME, with a mask of what is wrong."""

from __future__ import annotations

from datetime import tzinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from foremend.vocabulary.errors import InputError
from ingest.decoders.times import iso_ms
from ingest.replay.mapping import TimeSource

NO_TIME = np.iinfo(np.int64).min
_PRINTABLE = r"^[ -~]*$"
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_ABSENT = ("", "nan", "NaN", "NA", "null", "NULL", "None")
_MS_OF = {"epoch_s": 1_000.0, "epoch_ms": 1.0}


def numbers(column: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n,) values with NaN where absent, and (n,) where something is there that is no finite number."""
    if not _is_text(column.type):
        values = _floats(column)
        return values, np.isinf(values)
    text = texts(column)
    absent = _mask(pc.is_in(text, pa.array(_ABSENT)))
    good = _mask(pc.match_substring_regex(text, _NUMBER))
    values = _floats(pc.if_else(pa.array(good), text, None).cast(pa.float64()))
    wrong = ~(good | absent) | np.isinf(values)
    return values, wrong & _mask(pc.is_valid(column))


def times(column: pa.Array, source: TimeSource) -> NDArray[np.int64]:
    """(n,) ms UTC; NO_TIME where the cell is no time of that format."""
    if pa.types.is_timestamp(column.type):
        return _from_timestamps(column, str(source.timezone))
    if source.format in _MS_OF:
        return _from_epoch(column, _MS_OF[source.format])
    text = texts(column if _is_text(column.type) else column.cast(pa.string()))
    if source.format == "iso":
        return _from_iso(text, source.timezone)
    naive = pc.strptime(text, format=source.format, unit="ms", error_is_null=True)
    return _from_timestamps(naive, str(source.timezone))


def texts(column: pa.Array) -> pa.Array:
    """Strings without blanks around them; null where a cell is not printable ASCII."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _is_text(column.type):
        return column.cast(pa.string())
    binary = column.cast(pa.binary())
    printable = pc.if_else(pc.match_substring_regex(binary, _PRINTABLE), binary, None)
    return pc.ascii_trim_whitespace(printable.cast(pa.string()))


def _from_timestamps(column: pa.Array, zone: str) -> NDArray[np.int64]:
    if column.type.tz is None:
        column = pc.assume_timezone(column, timezone=zone, ambiguous="earliest", nonexistent="earliest")
    ms = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    return pc.fill_null(ms, NO_TIME).to_numpy(zero_copy_only=False)


def _from_epoch(column: pa.Array, scale: float) -> NDArray[np.int64]:
    values, wrong = numbers(column)
    bad = wrong | np.isnan(values) | (np.abs(values) * scale > 2.0**53)
    return np.where(bad, NO_TIME, np.round(np.where(bad, 0.0, values) * scale).astype(np.int64))


def _from_iso(text: pa.Array, zone: tzinfo) -> NDArray[np.int64]:
    """All at once where all cells are alike, else cell by cell."""
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us")):
        try:
            return _from_timestamps(text.cast(kind), str(zone))
        except pa.ArrowInvalid:
            continue
    return np.array([_iso_or_none(cell, zone) for cell in text.to_pylist()], np.int64)


def _iso_or_none(cell: str | None, zone: tzinfo) -> int:
    try:
        return iso_ms(cell, zone, near=NO_TIME)
    except InputError:
        return NO_TIME


def _is_text(kind: pa.DataType) -> bool:
    of_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_dictionary)
    return any(check(kind) for check in of_text)


def _floats(column: pa.Array) -> NDArray[np.float64]:
    return pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)


def _mask(column: pa.Array) -> NDArray[np.bool_]:
    return pc.fill_null(column, False).to_numpy(zero_copy_only=False)
