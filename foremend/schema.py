"""What every settings class builds on: unknown keys refused, values frozen, durations and units readable.

Each stage keeps its own settings beside what they configure; `foremend.config` only puts them together.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")


class Strict(BaseModel):
    """Settings that refuse unknown keys and cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_duration(value: object) -> object:
    """'10 min' -> 600000 (ms). Anything that is not such text is left for pydantic to judge.

    Raises ValueError when text is not a number followed by ms, s, min, h or d.
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration: write for example '90 s', '10 min', '2 h' or '3 d'")
    return round(float(match[1]) * _UNIT_MS[match[2]])


DurationMs = Annotated[int, BeforeValidator(parse_duration)]
"""A duration in ms, written in YAML as '10 min'."""
