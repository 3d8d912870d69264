"""Where a table's times are, and how they are written."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from foremend.vocabulary.schema import Strict
from ingest.settings import Zone

Column = int | str
"""A column by its name in the header, or by its place, from 0."""


class TimeSource(Strict):
    """Where the time is and how it is written.

    `column` may be several, as a date and a time, which are joined by a blank. `format` is iso, an epoch (epoch_s, _ms,
    _us, _ns), serial (days since 1899-12-30, as spreadsheets count) or a strptime format in whole seconds (such as
    '%d/%m/%Y %H:%M:%S'); auto: told by the file's first rows. `timezone` is for times that carry none. Columns of a
    Parquet file that are timestamps already need neither.
    """

    known: ClassVar[tuple[str, ...]] = (
        "auto",
        "iso",
        "epoch_s",
        "epoch_ms",
        "epoch_us",
        "epoch_ns",
        "serial",
    )

    column: Column | Annotated[tuple[Column, ...], Field(min_length=2)]
    format: str = "auto"
    timezone: Zone = Field(default="UTC", validate_default=True)

    @model_validator(mode="after")
    def _can_be_read(self) -> TimeSource:
        if "%" not in self.format and self.format not in self.known:
            raise ValueError(
                f"format '{self.format}' is neither {', '.join(self.known[1:])} nor like %d/%m/%Y %H:%M:%S"
            )
        if re.search(r"%[fzZ]", self.format):
            raise ValueError(
                f"format '{self.format}': for fractions of a second and zones use iso or an epoch"
            )
        if "%" in self.format and not re.search(r"%[dDjxcFeU]", self.format):
            raise ValueError(
                f"format '{self.format}' has no date: where it is in another column name both, as column: [Date, Time]"
            )
        return self

    @property
    def columns(self) -> tuple[Column, ...]:
        """One, or those that are joined."""
        return self.column if isinstance(self.column, tuple) else (self.column,)
