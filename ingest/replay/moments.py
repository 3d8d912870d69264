"""Arrow columns -> times, of which those in the doubled hour of autumn can be two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import MS_PER_DAY
from ingest.decoders.times import iso_ms
from ingest.replay.columns import is_text, numbers, texts

NO_TIME = np.iinfo(np.int64).min
_MS_OF = {"epoch_s": 1_000.0, "epoch_ms": 1.0, "epoch_us": 1e-3, "epoch_ns": 1e-6}
_SERIAL_OF_1970 = 25_569.0
"""Days from 1899-12-30, where spreadsheets begin to count, to 1970."""
_SERIAL = (20_000.0, 100_000.0)  # 1954 to 2173
_EARLIEST_MS, _LATEST_MS = 1e11, 1e14
_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y", "%Y-%m-%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y"),
)
_CLOCKS = (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", ":%H:%M:%S")
_WEEKDAY = (r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ", "")
_PLAINER = (
    _WEEKDAY,
    (r"^(\d{1,2})\. ", r"\1 "),  # 03. Mar 2025
    (r"(?:,| @) (\d{1,2}:\d\d)", r" \1"),  # 03.03.2025, 00:00
    (r" Uhr$", ""),
    (r" ?\([^()]*\)$", ""),  # a zone's name behind its offset
    (r"([+-]\d\d:?\d\d) [A-Z]{2,5}$", r"\1"),
    (r"(:\d\d) ?([AaPp])\.?[Mm]\.?(| ?[A-Z]{3}| ?[+-]\d\d:?\d\d)$", r"\1 \2M\3"),
)
"""What people and programs write around a time, and what is left of it."""
_CLOCK_S = r"(?P<clock>:\d\d(?:[.,]\d+)?(?: [AaPp]M)?)"
_OFFSET = r"(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?"
_ZONE = rf"{_CLOCK_S} ?(?:Z|UTC|GMT|(?:UTC|GMT)?{_OFFSET})$"
_UTC = r" ?(?:UTC|GMT)$"
_FRACTION = r":\d\d[.,](?P<digits>\d{1,9})$"
_PATTERNS = (
    "%b %d %H:%M:%S %Y",
    *(date + clock for date in _DATES for clock in _CLOCKS),
    "%Y%m%d%H%M%S",
    "%Y%m%d %H%M%S",
)
_SAMPLE = 5_000
_SWAPPED = str.maketrans("dm", "md")


class Times(NamedTuple):
    """(n,) ms UTC each, NO_TIME where a cell is no time of the format."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]  # the same, but in an hour that comes twice: the later one


def format_of(columns: Sequence[pa.Array], written: str) -> str:
    """The format that `columns` have, by their first rows, where `auto` is written or an epoch of that unit cannot be.

    Of days and months that could be either, those that span less time are meant.
    """
    if written not in ("auto", *_MS_OF) or pa.types.is_timestamp(columns[0].type):
        return written
    sample = [column.slice(0, _SAMPLE) for column in columns]
    values = numbers(sample[0]).values if len(sample) == 1 else np.array([np.nan])
    known = values[np.isfinite(values)]
    if len(known) and len(known) >= len(values) // 2:
        return _numeric(float(np.median(np.abs(known))), written)
    if written != "auto":
        return written
    text = pc.drop_null(_joined(sample))
    if len(text) == 0 or _share(_from_iso(text.slice(0, 100), UTC)) >= 0.5:
        return "iso"
    return _pattern(text)


def other_order(columns: Sequence[pa.Array], format_: str) -> str | None:
    """The same format with the day where the month is, if the first rows could be of it as well; else None."""
    other = format_.translate(_SWAPPED) if format_ in _PATTERNS else ""
    if other not in _PATTERNS or other == format_:
        return None
    text, _ = _without_zone(_plainer(pc.drop_null(_joined([column.slice(0, _SAMPLE) for column in columns]))))
    one, another = (_parsed(text, pattern) for pattern in (format_, other))
    return other if another.null_count <= one.null_count and one != another else None


def times(columns: Sequence[pa.Array], format_: str, zone: tzinfo) -> Times:
    """The cells of one column, or of several that are joined by a blank, as times."""
    if pa.types.is_timestamp(columns[0].type):
        return _from_timestamps(columns[0], str(zone))
    if len(columns) == 1 and format_ in _MS_OF:
        return _same(_from_epoch(columns[0], _MS_OF[format_]))
    if len(columns) == 1 and format_ == "serial":
        return _from_timestamps(_from_serial(columns[0]), str(zone))
    text = _joined(columns)
    if format_ in ("iso", "auto"):
        return _from_iso(text, zone)
    if format_ in _PATTERNS:
        return _from_words(text, format_, zone)
    return _from_timestamps(_parsed(text, format_), str(zone))


def _numeric(size: float, written: str) -> str:
    """By the size of a number: no unit of an epoch is another one's between 1973 and 5138."""
    if written != "auto" and _EARLIEST_MS / 1_000 <= size * _MS_OF[written] < _LATEST_MS:
        return written
    for name, scale in _MS_OF.items():
        if _EARLIEST_MS <= size * scale < _LATEST_MS:
            return "%Y%m%d%H%M%S" if name == "epoch_ms" and 1.9e13 <= size < 2.1e13 else name
    if _SERIAL[0] <= size < _SERIAL[1] and written == "auto":
        return "serial"
    return "iso" if written == "auto" else written


def _pattern(text: pa.Array) -> str:
    """Of two that fit alike the month comes first where hours are of twelve, as whoever writes so does."""
    spans = {}
    text, _ = _without_zone(_plainer(text))
    for pattern in _PATTERNS:
        found = pc.drop_null(_parsed(text, pattern))
        if len(found) >= 0.9 * len(text):
            ms = found.cast(pa.int64()).to_numpy(zero_copy_only=False)
            if ms.min() < 0:  # %Y takes 25 for the year 25
                continue
            day_first = pattern.startswith("%d") and pattern.endswith("%p")
            spans[pattern] = (len(text) - len(found), int(ms.max() - ms.min()), day_first)
    return min(spans, key=lambda one: spans[one]) if spans else "iso"


def _parsed(text: pa.Array, pattern: str) -> pa.Array:
    """Without weekdays; a fraction of a second, which no pattern has, is added."""
    found = pc.struct_field(pc.extract_regex(text, _FRACTION), "digits")
    if found.null_count < len(found):
        text = pc.replace_substring_regex(text, r"(:\d\d)[.,]\d{1,9}$", r"\1")
    text = pc.replace_substring_regex(text, *_WEEKDAY)
    time = pc.strptime(text, format=pattern, unit="ms", error_is_null=True)
    if found.null_count == len(found):
        return time
    digits = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(found, "0"), 3, "0"), 0, 3)
    return pc.add(time, digits.cast(pa.int64()).cast(pa.duration("ms")))


def _plainer(text: pa.Array) -> pa.Array:
    for said, left in _PLAINER:
        text = pc.replace_substring_regex(text, said, left)
    return text


def _without_zone(text: pa.Array) -> tuple[pa.Array, pa.Array]:
    """What is left of each cell, and how far its clock is ahead of UTC, ms; null where it does not say so."""
    zone = pc.extract_regex(text, _ZONE)
    if zone.null_count == len(zone):
        return text, pa.nulls(len(text), pa.int64())
    hours, minutes = (
        pc.if_else(pc.equal(pc.fill_null(part, ""), ""), "0", part).cast(pa.int64())
        for part in (pc.struct_field(zone, "hours"), pc.struct_field(zone, "minutes"))
    )
    ahead = pc.multiply(pc.add(pc.multiply(hours, 60), minutes), 60_000)
    behind = pc.equal(pc.struct_field(zone, "sign"), "-")
    left = pc.replace_substring_regex(text, _ZONE, r"\1")
    return left, pc.if_else(pc.is_null(zone), None, pc.if_else(behind, pc.negate(ahead), ahead))


def _from_words(text: pa.Array, pattern: str, zone: tzinfo) -> Times:
    """By the offset that a cell says, else by the clock of `zone`."""
    found = _parsed(text, pattern)
    if found.null_count == text.null_count:  # nothing stands around any
        return _from_timestamps(found, str(zone))
    text, ahead = _without_zone(_plainer(text))
    found = _parsed(text, pattern)
    by_zone = _from_timestamps(found, str(zone))
    if ahead.null_count == len(ahead):
        return by_zone
    said = _ms(pc.subtract(pc.assume_timezone(found, "UTC"), ahead.cast(pa.duration("ms"))))
    says = ahead.is_valid().to_numpy(zero_copy_only=False)
    return Times(np.where(says, said, by_zone.first), np.where(says, said, by_zone.second))


def _joined(columns: Sequence[pa.Array]) -> pa.Array:
    written = [texts(one if is_text(one.type) else one.cast(pa.string())) for one in columns]
    text = written[0] if len(written) == 1 else pc.binary_join_element_wise(*written, " ")
    return (
        pc.replace_substring_regex(text, _UTC, "Z")
        if pc.any(pc.match_substring_regex(text, _UTC)).as_py()
        else text
    )


def _from_timestamps(column: pa.Array, zone: str) -> Times:
    if column.type.tz is not None:
        return _same(_ms(column))
    if zone == "UTC":
        return _same(_ms(pc.assume_timezone(column, timezone=zone)))
    first, second = (
        _ms(pc.assume_timezone(column, timezone=zone, ambiguous=which, nonexistent="earliest"))
        for which in ("earliest", "latest")
    )
    return Times(first, second)


def _ms(column: pa.Array) -> NDArray[np.int64]:
    ms = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    return pc.fill_null(ms, NO_TIME).to_numpy(zero_copy_only=False)


def _same(time: NDArray[np.int64]) -> Times:
    return Times(time, time)


def _from_epoch(column: pa.Array, scale: float) -> NDArray[np.int64]:
    values, wrong, _ = numbers(column)
    bad = wrong | np.isnan(values) | (np.abs(values) * scale > 2.0**53)
    return np.where(bad, NO_TIME, np.round(np.where(bad, 0.0, values) * scale).astype(np.int64))


def _from_serial(column: pa.Array) -> pa.Array:
    """In whole seconds: spreadsheets write 0.00069444 for a minute."""
    values = numbers(column).values
    bad = np.isnan(values) | (values < 0.0) | (values > 2_958_466.0)  # the year 9999
    seconds = np.round((np.where(bad, 0.0, values) - _SERIAL_OF_1970) * (MS_PER_DAY / 1_000))
    return pa.array((seconds * 1_000).astype("datetime64[ms]"), mask=bad)


def _from_iso(text: pa.Array, zone: tzinfo) -> Times:
    """All at once where all cells are alike, else cell by cell."""
    for kind in ("us", "ns"):
        for of_zone in ("UTC", None):
            try:
                return _from_timestamps(text.cast(pa.timestamp(kind, of_zone)), str(zone))
            except pa.ArrowInvalid:
                continue
    cells = text.to_pylist()
    first = np.array([_iso_or_none(cell, zone, NO_TIME) for cell in cells], np.int64)
    return Times(first, np.array([_iso_or_none(cell, zone, -NO_TIME - 1) for cell in cells], np.int64))


def _iso_or_none(cell: str | None, zone: tzinfo, near: int) -> int:
    try:
        return iso_ms(cell, zone, near=near)
    except InputError:
        return NO_TIME


def _share(times_: Times) -> float:
    return float((times_.first != NO_TIME).mean())
