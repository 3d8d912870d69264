"""Arrow columns -> numbers and texts; what cannot be a number becomes NaN, with a mask of what is wrong."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_PRINTABLE = r"^[ -~]*$"
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_THOUSANDS = r"^[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$"
_SPACED = r"^[-+]?[0-9]{1,3}([ '][0-9]{3})+([.,][0-9]*)?$"
_WITH_UNIT = r"^(?P<number>[-+]?[0-9][0-9.,' ]*?|[-+]?[.][0-9]+) ?(?P<unit>[kmM]?Wh?|m?A|[mk]?V|Hz)$"
_ABSENT = (
    *(
        "",
        "nan",
        "NaN",
        "NAN",
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "null",
        "NULL",
        "None",
        "none",
        "nil",
        "?",
        "-",
        "--",
    ),
    *("unavailable", "unknown", "undefined"),
)

_SIGNS = dict.fromkeys("\xa0\u2007\u2009\u202f", b" ") | {"\u2019": b"'", "\u2212": b"-"}
"""Blanks and apostrophes between thousands, as they are typeset, and the minus sign."""
_SIGNS |= {"年": b"-", "月": b"-", "日": b"", "时": b":", "時": b":", "分": b":", "秒": b""}
_GUARD = rb'^="?([^"]*)"?$'  # a spreadsheet is to leave it as it is

Comma = Literal["decimal", "thousands"]
"""What a comma in a number stands for."""


class Numbers(NamedTuple):
    """A column of cells."""

    values: NDArray[np.float64]  # (n,) NaN where absent or wrong
    wrong: NDArray[np.bool_]  # (n,) something is there that is no finite number
    missing: NDArray[np.bool_]  # (n,) a word says that there is no value; of text only


def numbers(column: pa.Array, comma: Comma | None = None, missing: tuple[str, ...] = ()) -> Numbers:
    """The cells as numbers; `missing` are words for "no value" besides the usual ones."""
    if not is_text(column.type):
        values = _floats(column)
        return Numbers(values, np.isinf(values), np.isnan(values))
    text = texts(column)
    absent = _mask(pc.is_in(text, pa.array((*_ABSENT, *missing))))
    if comma is not None or _mask(pc.match_substring_regex(text, _SPACED)).any():
        text = _without_grouping(text, comma)
    good = _mask(pc.match_substring_regex(text, _NUMBER)) & ~absent
    values = _floats(pc.if_else(pa.array(good), text, None).cast(pa.float64()))
    wrong = (~(good | absent) | np.isinf(values)) & _mask(pc.is_valid(column))
    return Numbers(values, wrong, absent)


def with_units(
    column: pa.Array, rows: NDArray[np.intp], delimiter: str
) -> tuple[NDArray[np.float64], list[str]]:
    """(k,) the numbers of the cells at `rows` that are like `84.4 W`, NaN where they are not, and their units."""
    found = pc.extract_regex(texts(column.take(pa.array(rows))), _WITH_UNIT)
    number, unit = pc.struct_field(found, "number"), pc.struct_field(found, "unit")
    return numbers(number, comma_of(number, delimiter)).values, [one or "" for one in unit.to_pylist()]


def comma_of(column: pa.Array, delimiter: str) -> Comma | None:
    """What commas stand for in a column, None where it has none.

    Of `84,400` nothing tells: where commas part the columns, English wrote it, and it is thousands.
    """
    if not is_text(column.type):
        return None
    text = pc.drop_null(texts(column))
    text = pc.filter(text, pc.match_substring_regex(text, r"^[-+]?[0-9][0-9 '.]*,[0-9.,]*$"))
    if len(text) == 0:
        return None
    grouped = _mask(pc.match_substring_regex(text, _THOUSANDS)).all()
    points = _mask(pc.match_substring_regex(text, r"(,[0-9]{3}.*,)|(,.*\.)")).any()
    return "thousands" if grouped and (points or delimiter == ",") else "decimal"


def texts(column: pa.Array) -> pa.Array:
    """Strings without blanks around them, in ASCII signs; null where a cell has others."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not is_text(column.type):
        return column.cast(pa.string())
    binary = _plain(column.cast(pa.binary()))
    printable = pc.if_else(pc.match_substring_regex(binary, _PRINTABLE), binary, None)
    return pc.ascii_trim_whitespace(printable.cast(pa.string()))


def _plain(binary: pa.Array) -> pa.Array:
    """Signs that programs set for others in ASCII; all else stays as it is."""
    if _mask(pc.match_substring_regex(binary, _PRINTABLE + "|^$")).all() and not _guarded(binary):
        return binary
    for sign, plain in _SIGNS.items():
        binary = pc.replace_substring(binary, sign.encode(), plain)
    binary = pc.replace_substring_regex(binary, rb"^(.*:\d+):$", rb"\1")  # minutes without seconds
    return pc.replace_substring_regex(binary, _GUARD, rb"\1")


def _guarded(binary: pa.Array) -> bool:
    return bool(pc.any(pc.starts_with(binary, b'="')).as_py())


def words(column: pa.Array) -> list[str | None]:
    """Cells as text in any language, for names; None where there is none."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not is_text(column.type):
        column = column.cast(pa.string())
    cells = column.cast(pa.binary()).to_pylist()
    return [None if cell is None else cell.decode("utf-8", "replace").strip() for cell in cells]


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this type are written ones."""
    of_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_dictionary)
    return any(check(kind) for check in of_text)


def _without_grouping(text: pa.Array, comma: Comma | None) -> pa.Array:
    """`1 234,5`, `1.234,5` and `1,234.5` as `1234.5`."""
    spaced = pc.match_substring_regex(text, _SPACED)
    text = pc.if_else(spaced, pc.replace_substring_regex(text, "[ ']", ""), text)
    if comma == "thousands":
        grouped = pc.match_substring_regex(text, _THOUSANDS)
        return pc.if_else(grouped, pc.replace_substring(text, ",", ""), text)
    if comma == "decimal":
        grouped = pc.match_substring_regex(text, r"^[-+]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?$")
        text = pc.if_else(grouped, pc.replace_substring(text, ".", ""), text)
        lone = pc.match_substring_regex(text, r"^[-+]?[0-9]*,[0-9]*([eE][-+]?[0-9]+)?$")
        return pc.if_else(lone, pc.replace_substring(text, ",", "."), text)
    return text


def _floats(column: pa.Array) -> NDArray[np.float64]:
    return pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)


def _mask(column: pa.Array) -> NDArray[np.bool_]:
    return pc.fill_null(column, False).to_numpy(zero_copy_only=False)
