"""What a column of a stranger's table is, by its name and its first cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Literal
from unicodedata import normalize

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.replay.columns import comma_of, is_text, numbers, with_units, words
from ingest.replay.moments import NO_TIME, format_of, times
from ingest.replay.times import Column

Role = Literal["time", "date", "clock", "number", "text", "empty"]

_WORDS = {
    "power": "power leistung wirkleistung watt watts apower puissance potencia potenza potência vermogen effekt moc"
    " teho w kw mw 功率 电力 電力",
    "current": "current strom ampere amperes amps amp courant corriente corrente stroom ma 电流",
    "voltage": "voltage spannung volt volts tension tensión tensione spanning mv kv 电压",
}
_QUANTITY_OF = {word: quantity for quantity, said in _WORDS.items() for word in said.split()}
_OTHERS = frozenset(["factor", "apparent", "reactive", "energy", "total", "daily", "today", "energie", "kwh"])
_OTHERS |= {"功率因数", "无功功率", "视在功率", "电量"}
_ELSE = frozenset(
    ["wh", "temperature", "temperatur", "temp", "humidity", "frequency", "hz", "record", "index", "id"]
)
_HOW = re.compile("(?:总|有功|瞬时|实时|当前|平均)+$")  # total, active, at the moment, on average
_UNIT = re.compile(r"(?:^|[\s_(\[/.-])(mW|kW|W|mA|A|mV|kV|V|watts?|amps?|volts?)[)\]]?$", re.IGNORECASE)
_UNITS = {"mw": "mW", "kw": "kW", "w": "W", "ma": "mA", "a": "A", "mv": "mV", "kv": "kV", "v": "V"}
_UNITS |= {"watt": "W", "watts": "W", "amp": "A", "amps": "A", "volt": "V", "volts": "V"}
_ALONE = re.compile(r"(k?W|A|V)", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[(\[]([mk]?W|m?A|m?V)[)\]]$", re.IGNORECASE)
_LETTERS = {"W": "power", "A": "current", "V": "voltage"}
_USUAL = {"power": "W", "current": "A", "voltage": "V"}
_TIMES = (
    *(
        "_time",
        "last_changed",
        "last_updated",
        "time",
        "timestamp",
        "datetime",
        "date_time",
        "zeitstempel",
        "zeit",
    ),
    *(
        "datum",
        "date",
        "start",
        "ts",
        "utc",
        "unix",
        "epoch",
        "heure",
        "hora",
        "fecha",
        "tijd",
        "时间",
        "日期",
        "時間",
        "日時",
    ),
)
"""Names of times; the earlier, the more so."""
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?( ?[AaPp]\.?[Mm]\.?)?")
_NUMERIC = ("epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "serial")
_MOST_OF = 0.9
_LEAST_W = 12.0  # that a compressor runs on
_ENOUGH = 20  # cells, to call one of them wild
_WILD = 3
"""So many cells, of a hundredth of them at most, tell nothing of a unit: loggers write 65535 for what they missed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One column of the first rows."""

    column: Column
    name: str  # "" where the table has no header
    role: Role
    cells: pa.Array
    format: str = ""  # of times
    values: NDArray[np.float64] | None = None  # of numbers
    unit: str = ""  # that most of its cells carry: W of `84.4 W`

    @property
    def quantity(self) -> str | None:
        """What its name says that it measures, or the unit that its cells carry."""
        return quantity_of(self.name) or (
            None if self._says_else or not self.unit else _LETTERS[self.unit[-1]]
        )

    @property
    def is_other(self) -> bool:
        """Whether its name says that it is something else than power, current and voltage."""
        return self.quantity not in (None, "power") or self._says_else

    @property
    def _says_else(self) -> bool:
        return any(_meant(word, _ELSE | _OTHERS) for word in _said_in(self.name))

    @property
    def kinds(self) -> list[str]:
        """The different texts in it, in their order."""
        return list(dict.fromkeys(word for word in words(self.cells) if word))


def seen(column: Column, name: str, cells: pa.Array, delimiter: str) -> Seen:
    """What a column is."""
    texts = [word for word in words(cells) if word] if is_text(cells.type) else []
    if is_text(cells.type) and not texts:
        return Seen(column, name, "empty", cells)
    parts: tuple[tuple[Role, re.Pattern[str]], ...] = (("date", _DATE), ("clock", _CLOCK))
    for role, pattern in parts:
        if texts and _share(pattern.fullmatch(text) is not None for text in texts) >= _MOST_OF:
            return Seen(column, name, role, cells)
    values = None if pa.types.is_timestamp(cells.type) else numbers(cells, comma_of(cells, delimiter)).values
    unit = ""
    if values is not None and texts:
        values, unit = _own_units(cells, values, delimiter)
    known = np.zeros(0) if values is None else values[np.isfinite(values)]
    is_number = values is not None and len(known) >= 0.5 * max(len(texts) or len(cells), 1)
    if format_ := _time_format(cells, name, known if is_number else None):
        return Seen(column, name, "time", cells, format_)
    if is_number:
        return Seen(column, name, "number", cells, values=values, unit=unit)
    return Seen(column, name, "text", cells) if texts else Seen(column, name, "empty", cells)


def quantity_of(name: str) -> str | None:
    """Power, current or voltage, as a name in some language says it; None where it says another thing, or nothing."""
    said, name = _said_in(name), normalize("NFKC", name).strip()
    if any(_meant(word, _OTHERS) for word in said):
        return None
    meant = [_meant(word, _QUANTITY_OF) for word in said if len(word) > 1 or word > "z"]
    found = [_QUANTITY_OF[word] for word in meant if word]
    alone = _ALONE.fullmatch(name) or _IN_BRACKETS.search(name)
    return next(iter(found), _LETTERS[alone[1][-1].upper()] if alone else None)


def beside_quantity(word: str) -> str:
    """What is left of a word when the quantity that it says is left out: the freezer, of Chinese "freezer power"."""
    if quantity_of(word) is None:
        return word
    meant = None if word.isascii() else _meant(normalize("NFKC", word).lower(), _QUANTITY_OF)
    return _HOW.sub("", word.removesuffix(meant)) if meant else ""


def _said_in(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", normalize("NFKC", name).lower())


def _meant(word: str, known: Collection[str]) -> str | None:
    """Which of `known` a word is. Chinese puts what it is at the end of what is written as one word."""
    if word in known or word.isascii():
        return word if word in known else None
    return next((one for one in known if not one.isascii() and word.endswith(one)), None)


def unit_of(name: str, quantity: str, values: NDArray[np.float64]) -> tuple[str, str | None]:
    """The unit, and why it was assumed; None where the column's name says it."""
    found = says_unit(name)
    if found and fits(_UNITS[found[1].lower()], quantity):
        return _UNITS[found[1].lower()], None
    known = np.abs(values[np.isfinite(values)])
    often = float(np.sort(known)[-1 - min(_WILD, len(known) // 100)]) if len(known) else 0.0
    most, wild = _without_wild(known)
    if quantity == "power" and 0.0 < most < _LEAST_W:
        but = f" but in {wild} of {len(known)} cells" if wild else ""
        return "kW", f"kW, as it is never above {most:g}{but}: no compressor runs on {most:g} W"
    if quantity == "power" and often > 20_000.0:
        return "mW", f"mW, as it goes up to {often:g}"
    if quantity == "current" and often > 64.0:
        return "mA", f"mA, as it goes up to {often:g}"
    return _USUAL[quantity], f"{_USUAL[quantity]}, as usual"


def says_unit(name: str) -> re.Match[str] | None:
    """The unit at the end of a column's name, where one stands there."""
    return _UNIT.search(normalize("NFKC", name).strip())


def _without_wild(known: NDArray[np.float64]) -> tuple[float, int]:
    """The highest that is no wild cell, and how many are: a few, far up, and each alone. A machine runs for longer."""
    if len(known) == 0:
        return 0.0, 0
    high = np.flatnonzero(known >= _LEAST_W)
    alone = len(high) == 0 or ((np.diff(high) > 1).all() and high[0] > 0 and high[-1] < len(known) - 1)
    if not alone or len(high) > min(_WILD, 1 + len(known) // 100) or len(known) < _ENOUGH:
        return float(known.max()), 0
    return float(np.delete(known, high).max()), len(high)


def time_of(columns: Sequence[Seen]) -> tuple[tuple[Seen, ...], str] | None:
    """The column or columns of time and their format; None where there is none."""
    date = next((one for one in columns if one.role == "date"), None)
    clock = next((one for one in columns if one.role == "clock"), None)
    whole = sorted(
        (one for one in columns if one.role == "time"),
        key=lambda one: (_hint(one.name), one.format in _NUMERIC),
    )
    if whole and (_hint(whole[0].name) < len(_TIMES) or not (date and clock)):
        return (whole[0],), whole[0].format
    if date and clock:
        return (date, clock), format_of([date.cells, clock.cells], "auto")
    return None


def _hint(name: str) -> int:
    """How much a name is one of a time; less is more."""
    said = name.lower().strip()
    if said in _TIMES:
        return _TIMES.index(said)
    return next(
        (at for at, word in enumerate(_TIMES) if word.strip("_") in re.split(r"[\W_]+", said)), len(_TIMES)
    )


def _time_format(cells: pa.Array, name: str, values: NDArray[np.float64] | None) -> str | None:
    if pa.types.is_timestamp(cells.type):
        return "a timestamp"
    format_ = format_of([cells], "auto")
    if values is not None:
        steps = np.diff(values)
        one_way = (
            len(steps) and max(np.mean(steps >= 0), np.mean(steps <= 0)) >= _MOST_OF and np.any(steps != 0)
        )
        return format_ if format_ != "iso" and (one_way or _hint(name) < len(_TIMES)) else None
    good = times([cells], format_, UTC).first != NO_TIME
    filled = sum(1 for word in words(cells) if word)
    return format_ if good.sum() >= _MOST_OF * max(filled, 1) else None


def _own_units(
    cells: pa.Array, values: NDArray[np.float64], delimiter: str
) -> tuple[NDArray[np.float64], str]:
    """`values`, and those of cells like `84.4 W`: each is read in its own unit, whatever the mapping says.

    With them the unit that most cells carry; empty where most carry none, or one of other quantities.
    """
    rows = np.flatnonzero(np.isnan(values))
    if not len(rows):
        return values, ""
    own, units = with_units(cells, rows, delimiter)
    values = values.copy()
    values[rows] = own
    most, times = Counter(units).most_common(1)[0]
    often = times > 0.5 * np.isfinite(values).sum()
    return values, most if often and most in _UNITS.values() else ""


def fits(unit: str, quantity: str) -> bool:
    """Whether something of that quantity may be in the unit."""
    return unit[-1] == _USUAL[quantity]


def _share(found: Iterable[bool]) -> float:
    return float(np.mean(list(found)))
