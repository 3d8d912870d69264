"""`foremend nameplates`: who is in the fleet, between a maker's table and the register."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from alerts.nameplates import Firmware, Nameplate, Nameplates
from alerts.ticket_steps import LATEST
from foremend.jobs.register import RefusedTableError
from foremend.learning.members import COLUMNS, Since, iso_day, read_appliances
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.ids import require_id
from foremend.vocabulary.profiles import require_model
from foremend.vocabulary.spreadsheets import plain_cell
from foremend.vocabulary.types import MS_PER_DAY

WRITTEN = (*COLUMNS, "since")
_PAGE = 5_000


def import_nameplates(file: Path, register: Nameplates, models: Mapping[str, str], by: str) -> dict[str, int]:
    """Take in a table as `foremend cohorts` reads it; how many appliances and changes of firmware that are.

    `models` has the category of each appliance model. Raises ConfigError where the file cannot be read,
    RefusedTableError with every appliance that is refused and why: nothing was taken then.
    """
    fleet = read_appliances(file)
    if reasons := [reason for one, told in fleet.items() for reason in _wrong(one, told, models)]:
        raise RefusedTableError(file, "appliances", reasons)
    plates = [_plate(appliance_id, told) for appliance_id, told in fleet.items()]
    register.put(plates, by)
    return {"appliances": len(plates), "firmware": sum(len(one.firmware) for one in plates)}


def export_nameplates(register: Nameplates, path: Path) -> int:
    """Write the register as the table that `import_nameplates` takes, oldest firmware first; how many appliances.

    Raises ConfigError where the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as out:
            return _write(register, out)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def _write(register: Nameplates, out: TextIO) -> int:
    table = csv.writer(out, lineterminator="\n")
    table.writerow(WRITTEN)
    count, after = 0, ""
    while plates := register.some(after, _PAGE):
        for plate in plates:
            table.writerows(_rows(plate))
        count, after = count + len(plates), plates[-1].appliance_id
    return count


def as_words(plate: Nameplate) -> dict[str, Any]:
    """A nameplate, JSON-ready, with times in ISO 8601."""
    firmware = [{"since": _day(one.since), "version": one.version} for one in plate.firmware]
    return asdict(plate) | {"installed_at": _day(plate.installed_at), "firmware": firmware}


def _wrong(appliance_id: str, told: Sequence[Since], models: Mapping[str, str]) -> Iterator[str]:
    model, category = told[-1].model, told[-1].category
    try:
        require_id("appliance", appliance_id)
        require_model(model, models)
    except InputError as error:
        yield f"{appliance_id}: {error}"
        return
    if models[model] != category:
        yield f"{appliance_id}: {model} is a {models[model]!r}, not a {category!r}"
    for day in sorted({day for one in told for day in (one.installed, one.day)}):
        if not 0 <= day * MS_PER_DAY <= LATEST:
            yield f"{appliance_id}: {iso_day(day)} is before 1970 or after 2100: was another year meant?"


def _plate(appliance_id: str, told: Sequence[Since]) -> Nameplate:
    """Of all rows the last one says what the appliance is; each that names another firmware says since when."""
    last, versions = told[-1], list[Firmware]()
    for one in told:
        if one.firmware and (not versions or versions[-1].version != one.firmware):
            versions.append(Firmware(one.day * MS_PER_DAY, one.firmware))
    return Nameplate(
        appliance_id,
        last.category,
        last.model,
        last.batch,
        last.region,
        last.installed * MS_PER_DAY,
        tuple(versions),
    )


def _rows(plate: Nameplate) -> Iterator[list[str]]:
    before = [Firmware(plate.installed_at, "")]
    if plate.firmware and plate.firmware[0].since <= plate.installed_at:
        before = []
    for one in (*before, *plate.firmware):
        yield [
            plate.appliance_id,
            plate.category,
            plate.appliance_model,
            plain_cell(plate.batch),
            plain_cell(plate.region),
            plain_cell(one.version),
            _day(plate.installed_at),
            _day(one.since),
        ]


def _day(ms: int) -> str:
    return iso_day(ms // MS_PER_DAY)


def known(plate: Nameplate | None, appliance_id: str) -> Nameplate:
    """The nameplate itself. Raises ConfigError where there is none, with what to do."""
    if plate is None:
        raise ConfigError(
            f"no nameplate of {appliance_id!r} is known: foremend nameplates import FILE takes a table of the fleet"
        )
    return plate
