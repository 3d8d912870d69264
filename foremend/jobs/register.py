"""`foremend owners import`: owners and appliances from CSV; all of it, or nothing with the reason for each line."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import OwnedAppliance, Owner, Owners, checked_name, time_zone
from alerts.policies import Policies
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.ids import require_id
from foremend.vocabulary.profiles import require_model

NEEDED = ("owner_id", "appliance_id", "appliance_model")
MAY = ("language", "timezone", "jurisdiction", "service_area", "tier", "name")
MOST_TOLD = 50
"""Refusals that are told, of however many."""


class RefusedTableError(InputError):
    """Something in the file cannot be taken: nothing of it was. `what` is refused, each for one of the `reasons`."""

    def __init__(self, file: Path, what: str, reasons: Sequence[str]) -> None:
        told = "\n".join(f"  {reason}" for reason in reasons[:MOST_TOLD])
        more = f"\n  and {len(reasons) - MOST_TOLD} more" if len(reasons) > MOST_TOLD else ""
        super().__init__(
            f"{file}: {len(reasons)} {what} are refused, so nothing was taken of it: mend them, and import it again\n"
            f"{told}{more}"
        )


@dataclass(slots=True)
class _Read:
    """The file as far as it was read."""

    channels: tuple[str, ...] = ()
    owners: dict[str, Owner] = field(default_factory=dict)
    appliances: dict[str, OwnedAppliance] = field(default_factory=dict)
    said: dict[str, dict[str, str]] = field(default_factory=dict)  # of each appliance, beside owner and model
    line_of: dict[str, int] = field(default_factory=dict)  # of each appliance
    refused: list[tuple[int, str]] = field(default_factory=list)


def import_owners(
    file: Path, owners: Owners, policies: Policies, models: Collection[str], *, hand_over: bool = False
) -> dict[str, int]:
    """Register what stands in `file`, in one transaction; how many owners and appliances that are.

    A line an appliance: `owner_id`, `appliance_id`, `appliance_model`, and, where the columns are there, those of `MAY`
    and a column a channel with the owner's address. What has no column, or no value, stays as it is; addresses stay
    only where their channel has no column. An appliance of another owner is refused unless `hand_over`. Raises
    RefusedTableError with every line and reason, ConfigError where the file cannot be read.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            found = _read(csv.DictReader(text, strict=True), owners, policies, models)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{file} cannot be read as CSV in UTF-8: {error}") from error
    _join(found, owners.registered(found.appliances), hand_over)
    if not found.refused:
        try:
            owners.register(list(found.owners.values()), list(found.appliances.values()), found.channels)
        except InputError as error:  # what only the register knows, as ids that differ in case alone
            found.refused.append((_line_named(found, str(error)), str(error)))
    if found.refused:
        reasons = [f"line {line}: {reason}" for line, reason in sorted(found.refused)]
        raise RefusedTableError(file, "lines", reasons)
    return {"owners": len(found.owners), "appliances": len(found.appliances)}


def _read(lines: csv.DictReader[str], owners: Owners, policies: Policies, models: Collection[str]) -> _Read:
    names = lines.fieldnames or ()
    if missing := [one for one in NEEDED if one not in names]:
        raise ConfigError(f"the first line lacks {', '.join(missing)}: it names the columns")
    known = (*NEEDED, *MAY, *OWNER_CHANNELS)
    if strange := [one for one in names if one not in known]:
        raise ConfigError(f"there is no column {strange[0]!r}; there are {', '.join(known)}")
    found = _Read(tuple(one for one in names if one in OWNER_CHANNELS))
    for row in lines:
        try:
            _take(found, lines.line_num, row, owners, policies, models)
        except (InputError, ConfigError) as error:
            found.refused.append((lines.line_num, str(error)))
    return found


def _take(
    found: _Read,
    line: int,
    row: Mapping[str, Any],
    owners: Owners,
    policies: Policies,
    models: Collection[str],
) -> None:
    if None in row or None in row.values():
        raise InputError("it has more or fewer values than the first line has names")
    owner_id, appliance_id = (
        require_id("owner", row["owner_id"]),
        require_id("appliance", row["appliance_id"]),
    )
    if appliance_id in found.appliances:
        raise InputError(f"appliance {appliance_id!r} stands in line {found.line_of[appliance_id]} already")
    model = require_model(row["appliance_model"], models)
    owner = Owner(owner_id, dict(_contacts(row, owners)))
    if found.owners.setdefault(owner_id, owner) != owner:
        raise InputError(f"owner {owner_id!r} has other addresses in an earlier line")
    said = {name: row[name] for name in MAY if row.get(name)}
    if "timezone" in said:
        time_zone(said["timezone"])
    if "jurisdiction" in said:
        policies.named(said["jurisdiction"])
    if "name" in said:
        checked_name(said["name"])
    found.appliances[appliance_id] = OwnedAppliance(appliance_id, owner_id, model, **said)
    found.said[appliance_id] = said
    found.line_of[appliance_id] = line


def _contacts(row: Mapping[str, Any], owners: Owners) -> Iterator[tuple[str, str]]:
    for channel in OWNER_CHANNELS:
        if address := row.get(channel):
            try:
                yield channel, owners.address(channel, address)
            except InputError as error:
                raise InputError(f"the address in {channel}: {error}") from None


def _join(found: _Read, before: Mapping[str, OwnedAppliance], hand_over: bool) -> None:
    """What the file does not say of an appliance that is registered stays as it is, as long as its owner does."""
    for one, known in before.items():
        now = found.appliances[one]
        if known.owner_id == now.owner_id:
            found.appliances[one] = replace(known, appliance_model=now.appliance_model, **found.said[one])
        elif not hand_over:
            reason = f"appliance {one!r} belongs to another owner: --hand-over ends their consents"
            found.refused.append((found.line_of[one], reason))


def _line_named(found: _Read, error: str) -> int:
    """The first line with an id that the error names; 1 where it names none."""
    named = (
        line
        for one, line in found.line_of.items()
        if repr(one) in error or repr(found.appliances[one].owner_id) in error
    )
    return next(islice(named, 1), 1)
