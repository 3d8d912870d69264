"""How a recording's columns become signals: the mapping file of `foremend replay`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.schema import DurationMs, KebabName, Strict, read_yaml, validated
from foremend.vocabulary.topics import is_appliance_id
from ingest.replay.outcomes import OutcomeColumns
from ingest.replay.times import Column, TimeSource
from ingest.settings import ApplianceId


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
    names: dict[str, ApplianceId] | None = None  # of the column's values; rows of others are left out
    clean: bool = False  # make ids of a column's values, which are names in any script

    @model_validator(mode="after")
    def _is_one(self) -> ApplianceIdSource:
        if sum(given is not None for given in (self.file_name, self.column, self.value)) != 1:
            raise ValueError("give exactly one of file_name, column and value")
        if self.value is not None and not is_appliance_id(self.value):
            raise ValueError(f"'{self.value}' is no appliance id: up to 64 letters, digits, - and _")
        return self

    def fits(self, path: Path) -> bool:
        """Whether the file's name holds an id, where it must."""
        return self.file_name is None or re.search(self.file_name, path.name) is not None

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


class SignalColumn(Strict):
    """Which column is a signal, and in which unit; `where` another column, or several, says that a row is of it."""

    column: Column
    unit: str
    where: dict[str, str] = Field(default_factory=dict)  # column's name -> its value; * stands for anything
    sign: Literal["as-is", "reversed", "absolute"] = "as-is"


Signals = Annotated[dict[str, SignalColumn], Field(min_length=1)]
"""Of one appliance: signal of the profile -> where it is."""


class ReplayMapping(Strict):
    """A recording's layout. `delimiter`, `header`, `decimal` and `missing` are for text; the ending says what it is.

    The delimiter, the header's line and the decimal sign are told by the file where they are not given. `holds_for` is
    for what was recorded only when it changed: a value then stands until the next one, for so long at most.

    Without `seq`, a reading's number is its row in the file, so that repeated timestamps stay two readings and a
    file replayed twice counts once. `outcomes` is about the table that `--outcomes` names.
    """

    appliance_model: KebabName
    appliance_id: ApplianceIdSource
    time: TimeSource
    signals: Signals
    beside: dict[ApplianceId, Signals] = Field(
        default_factory=dict
    )  # others that have columns in the same rows
    seq: Column | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    header: bool = True
    decimal: Literal[".", ","] | None = None
    missing: tuple[str, ...] = ()  # words for "no value", besides the usual ones
    holds_for: Annotated[DurationMs, Field(gt=0)] | None = None
    outcomes: OutcomeColumns = OutcomeColumns()

    @model_validator(mode="after")
    def _names_need_a_header(self) -> ReplayMapping:
        named = [column for column in self.columns if isinstance(column, str)]
        if named and not self.header:
            raise ValueError(f"column '{named[0]}' is a name, and header is false: give its place, from 0")
        return self

    @model_validator(mode="after")
    def _whose_is_said(self) -> ReplayMapping:
        value = self.appliance_id.value
        if self.beside and value is None:
            raise ValueError("beside needs appliance_id.value: whose `signals` are")
        if value in self.beside:
            raise ValueError(f"beside: '{value}' is the appliance of `signals` already")
        return self

    @property
    def each(self) -> tuple[ReplayMapping, ...]:
        """A mapping for each appliance that has columns of its own; it alone where there is one."""
        others = [
            self.model_copy(
                update={
                    "appliance_id": ApplianceIdSource(value=name),
                    "signals": signals,
                    "beside": {},
                }
            )
            for name, signals in self.beside.items()
        ]
        return (self.model_copy(update={"beside": {}}), *others)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column that is read, once."""
        signals = [one for each in (self.signals, *self.beside.values()) for one in each.values()]
        wanted = [*self.time.columns, *(signal.column for signal in signals), self.seq]
        wanted += [self.appliance_id.column, *(one for signal in signals for one in signal.where)]
        return tuple(dict.fromkeys(column for column in wanted if column is not None))


def load_mapping(path: Path) -> ReplayMapping:
    """The mapping in a YAML file. Raises ConfigError with a sentence for each mistake."""
    return validated(ReplayMapping, read_yaml(path), str(path))
