"""The canonical payload: its pydantic types for an appliance model, and the reasons when it does not fit them.

A whole batch is one pydantic call over a list of `Json[...]`: each payload is parsed on its own in Rust, so nothing a
device writes can leak into its neighbour's reading, as it could were the payloads joined into one text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, NamedTuple, cast

from pydantic import ConfigDict, FailFast, Field, Json, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from typing_extensions import TypedDict

from ingest.values import SignalSpec, slack

EARLIEST_MS = 100_000_000_000  # March 1973; a smaller number is a time in seconds, or an uptime
LATEST_MS = 100_000_000_000_000  # the year 5138; a larger one is in micro- or nanoseconds
READING_KEYS = 4
_REASONS_SHOWN = 3
_COSTS_ITSELF = frozenset(("greater_than_equal", "less_than_equal", "finite_number"))
"""What a broken probe says: a number, but none that the sensor can tell. Anything else is a mistake of the firmware."""

Reading = dict[str, Any]
"""{'ts': float (whole), 'seq': int, 'fw': str, 'signals': {every signal of the model: float, None or NaN}}.

What else the device sent comes after these keys, in the reading and in its signals.
"""


class Checked(NamedTuple):
    """Readings of the good payloads in their order, position -> reason of the others, and what was left out of some."""

    readings: list[Reading]
    bad: Mapping[int, str]
    left_out: Mapping[int, Mapping[str, str]]  # position -> signal -> why


class CanonicalPayload:
    """Checks payloads of one appliance model. A signal outside its specification costs itself, all else the reading."""

    def __init__(self, specs: Mapping[str, SignalSpec], max_readings: int) -> None:
        self._specs = specs
        self.max_readings = max_readings
        signals = _typed_dict("Signals", {name: _signal_type(spec) for name, spec in specs.items()})
        reading = _reading_type(signals)
        self._reading: TypeAdapter[Reading] = TypeAdapter(reading)
        several = Annotated[list[reading], FailFast(), Field(min_length=1, max_length=max_readings)]  # type: ignore[valid-type]
        self._signals: TypeAdapter[dict[str, Any]] = TypeAdapter(signals)
        self._objects: TypeAdapter[list[Reading]] = TypeAdapter(list[Json[reading]])  # type: ignore[valid-type]
        self._arrays: TypeAdapter[list[list[Reading]]] = TypeAdapter(list[Json[several]])

    def objects(self, payloads: Sequence[bytes]) -> Checked:
        """One call for all payloads and, where some are bad, one more for the others; one each for those to mend."""
        try:
            return Checked(self._objects.validate_python(payloads), {}, {})
        except ValidationError as error:
            wrong = _by_position(error)
        good = iter(self._objects.validate_python([p for at, p in enumerate(payloads) if at not in wrong]))
        readings: list[Reading] = []
        bad: dict[int, str] = {}
        left_out: dict[int, Mapping[str, str]] = {}
        for at, payload in enumerate(payloads):
            if at not in wrong:
                readings.append(next(good))
            elif (mended := self._mended(payload, wrong[at])) is None:
                bad[at] = self._said_of(wrong[at])
            else:
                readings.append(mended)
                left_out[at] = {str(one["loc"][2]): self._reason(one, one["loc"][1:]) for one in wrong[at]}
        return Checked(readings, bad, left_out)

    def arrays(self, payloads: Sequence[bytes]) -> tuple[list[list[Reading]], Mapping[int, str]]:
        """The good arrays in their order, and position -> reason of the others; one bad reading makes its array bad."""
        try:
            return self._arrays.validate_python(payloads), {}
        except ValidationError as error:
            bad = {at: self._said_of(details) for at, details in _by_position(error).items()}
        return self._arrays.validate_python([p for at, p in enumerate(payloads) if at not in bad]), bad

    def signals(self, values: Mapping[str, object]) -> tuple[dict[str, float], dict[str, str]]:
        """`values` checked, with NaN for each signal they lack or that is bad, and bad signal -> reason."""
        try:
            return self._signals.validate_python(dict(values)), {}
        except ValidationError as error:
            bad = {str(one["loc"][0]): self._reason(one, ("signals", *one["loc"])) for one in _details(error)}
        good = {name: value for name, value in values.items() if name not in bad}
        return self._signals.validate_python(good), bad

    def _mended(self, payload: bytes, wrong: Sequence[ErrorDetails]) -> Reading | None:
        """The reading without its signals that are `wrong`; None where more than that is, or nothing is left."""
        if not all(one["type"] in _COSTS_ITSELF and one["loc"][1:2] == ("signals",) for one in wrong):
            return None
        document = from_json(payload)
        document["signals"] = kept = dict(document["signals"])
        for one in wrong:
            kept.pop(one["loc"][2], None)
        if not any(kept.get(name) is not None for name in self._specs):
            return None
        return self._reading.validate_python(document)

    def _said_of(self, wrong: Iterable[ErrorDetails]) -> str:
        return _joined(self._reason(one, one["loc"][1:]) for one in wrong)

    def _reason(self, detail: ErrorDetails, loc: tuple[int | str, ...]) -> str:
        """The field and what is wrong with it, in words."""
        path = [str(part) for part in loc if not isinstance(part, int)]
        what = self._what(detail, path[-1] if path else "")
        return f"{'.'.join(path)}: {what}" if path else what

    def _what(self, detail: ErrorDetails, field: str) -> str:
        kind, value = detail["type"], _short(detail["input"])
        if kind == "json_invalid":
            return "not JSON: " + detail["msg"].removeprefix("Invalid JSON: ")
        if kind == "too_long":
            return f"more than {self.max_readings} readings in one message"
        if kind == "too_short":
            return "an array without readings"
        if kind == "dict_type":
            return f"should be a JSON object, is {value}"
        if kind == "missing":
            return "is missing"
        if kind in ("greater_than_equal", "less_than_equal"):
            return self._outside(field, value, detail)
        wanted = detail["msg"].removeprefix("Input should be ")
        return f"{value} is not {wanted.replace('a multiple of 1', 'a whole number')}"

    def _outside(self, field: str, value: str, detail: ErrorDetails) -> str:
        if field == "ts":
            return _odd_time(detail["input"])
        spec = self._specs.get(field)
        if spec is None:
            return f"{value} is out of range"
        return f"{value} {spec.unit} is outside {spec.min:g}..{spec.max:g} {spec.unit}"


def _odd_time(value: object) -> str:
    wanted = "ms since 1970 are expected"
    if not isinstance(value, int | float) or value != value or value in (math.inf, -math.inf):
        return f"{_short(value)} is not a time: {wanted}"
    shown = _short(value if isinstance(value, int) or abs(value) >= 1e17 else round(value))
    if value > LATEST_MS:
        return f"{shown} looks like microseconds or finer: {wanted}"
    if value >= EARLIEST_MS / 1_000:
        return f"{shown} looks like seconds: {wanted}"
    return f"{shown} is too small for a time (an uptime?): {wanted}"


def _signal_type(spec: SignalSpec) -> Any:
    least = spec.min - slack(spec)  # just below zero is rest: `ingest.decode` lifts it
    return Annotated[float | None, Field(default=math.nan, ge=least, le=spec.max, allow_inf_nan=False)]


def _reading_type(signals: Any) -> Any:
    return _typed_dict(
        "Reading",
        {
            "ts": Annotated[float, Field(ge=EARLIEST_MS, le=LATEST_MS, multiple_of=1)],
            "seq": Annotated[int, Field(default=-1, ge=-1, le=2**63 - 1)],
            "fw": Annotated[str, Field(default="", max_length=64)],
            "signals": signals,
        },
    )


def _typed_dict(name: str, fields: dict[str, Any]) -> Any:
    """A typed dict whose keys are known only now. Strict: '3' and true are not numbers."""
    made = cast(Any, TypedDict)(name, fields)
    made.__pydantic_config__ = ConfigDict(strict=True, extra="allow")
    return made


def _by_position(error: ValidationError) -> dict[int, list[ErrorDetails]]:
    """What is wrong in each payload, by its place among them."""
    found: dict[int, list[ErrorDetails]] = {}
    for detail in _details(error):
        found.setdefault(cast(int, detail["loc"][0]), []).append(detail)
    return found


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False)


def _joined(reasons: Iterable[str]) -> str:
    return "; ".join(islice(reasons, _REASONS_SHOWN))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
