"""How a recording's columns become signals: the mapping file of `foremend replay`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.schema import KebabName, Strict, read_yaml, validated
from foremend.vocabulary.topics import is_appliance_id
from ingest.settings import Zone

Column = int | str
"""A column by its name in the header, or by its place, from 0."""


def _id_pattern(pattern: str) -> str:
    try:
        names = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"'{pattern}' is not a regular expression: {error}") from error
    if "appliance_id" not in names:
        raise ValueError(f"'{pattern}' lacks the group (?P<appliance_id>...)")
    return pattern


class ApplianceIdSource(Strict):
    """Where the appliance's id is: in the file's name, in a column, or the same for all that is replayed."""

    file_name: Annotated[str, AfterValidator(_id_pattern)] | None = (
        None  # searched in the name without its folder
    )
    column: Column | None = None
    value: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> ApplianceIdSource:
        if sum(given is not None for given in (self.file_name, self.column, self.value)) != 1:
            raise ValueError("give exactly one of file_name, column and value")
        if self.value is not None and not is_appliance_id(self.value):
            raise ValueError(f"'{self.value}' is no appliance id: up to 64 letters, digits, - and _")
        return self

    def of_file(self, path: Path) -> str | None:
        """The id of everything in the file, None where a column tells. Raises InputError where the name lacks it."""
        if self.file_name is None:
            return self.value
        found = re.search(self.file_name, path.name)
        if found is None:
            raise InputError(f"{path}: the name does not fit appliance_id.file_name = {self.file_name}")
        if not is_appliance_id(found["appliance_id"]):
            raise InputError(
                f"{path}: '{found['appliance_id']}' is no appliance id: letters, digits, - and _"
            )
        return found["appliance_id"]


class TimeSource(Strict):
    """Where the time is and how it is written.

    `format` is iso, epoch_s, epoch_ms or a strptime format in whole seconds (such as '%d/%m/%Y %H:%M:%S');
    `timezone` is for times that carry none. Columns of a Parquet file that are timestamps already need neither.
    """

    column: Column
    format: str = "iso"
    timezone: Zone = Field(default="UTC", validate_default=True)

    @model_validator(mode="after")
    def _can_be_read(self) -> TimeSource:
        if "%" not in self.format and self.format not in ("iso", "epoch_s", "epoch_ms"):
            raise ValueError(
                f"format '{self.format}' is neither iso, epoch_s, epoch_ms nor like %d/%m/%Y %H:%M:%S"
            )
        if re.search(r"%[fzZ]", self.format):
            raise ValueError(
                f"format '{self.format}': for fractions of a second and zones use iso or an epoch"
            )
        return self


class SignalColumn(Strict):
    """Which column is a signal, and in which unit."""

    column: Column
    unit: str


class ReplayMapping(Strict):
    """A recording's layout. `delimiter` and `header` are for CSV only; the file's ending says what it is.

    Without `seq`, a reading's number is its row in the file, so that repeated timestamps stay two readings and a
    file replayed twice counts once.
    """

    appliance_model: KebabName
    appliance_id: ApplianceIdSource
    time: TimeSource
    signals: Annotated[dict[str, SignalColumn], Field(min_length=1)]
    seq: Column | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    header: bool = True

    @model_validator(mode="after")
    def _names_need_a_header(self) -> ReplayMapping:
        named = [column for column in self.columns if isinstance(column, str)]
        if named and not self.header:
            raise ValueError(f"column '{named[0]}' is a name, and header is false: give its place, from 0")
        return self

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column that is read, once."""
        wanted = [self.time.column, *(signal.column for signal in self.signals.values()), self.seq]
        wanted.append(self.appliance_id.column)
        return tuple(dict.fromkeys(column for column in wanted if column is not None))


def load_mapping(path: Path) -> ReplayMapping:
    """The mapping in a YAML file. Raises ConfigError with a sentence for each mistake."""
    return validated(ReplayMapping, read_yaml(path), str(path))


FileKind = Literal["csv", "parquet"]


def kind_of(path: Path) -> FileKind:
    """What a file is by its ending. Raises InputError for others than .csv, .csv.gz, .txt, .tsv and .parquet."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".csv", ".txt", ".tsv")):
        return "csv"
    if name.endswith((".parquet", ".pq")):
        return "parquet"
    raise InputError(f"{path}: only .csv, .csv.gz, .txt, .tsv and .parquet can be replayed")
