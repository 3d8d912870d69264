"""Who is in the fleet: what each appliance is by its maker's table, and which firmware it had since when.

A nameplate is the product's and not the owner's: it may come before anybody registered the appliance, and stays when it
is sold. It goes with the erasure of its owner, like all that names the appliance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alerts.change import change
from alerts.database import CHUNK, chunks, in_code_points, reading, upsert
from alerts.tables import ApplianceRow, FirmwareRow, NameplateRow
from foremend.vocabulary.ids import require_id
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import MS_PER_DAY

_BLOCK = 5_000
_LONGEST_VERSION = 120
_COLUMNS = (
    NameplateRow.appliance_id,
    NameplateRow.category,
    NameplateRow.appliance_model,
    NameplateRow.batch,
    NameplateRow.region,
    NameplateRow.installed_at,
)
"""In the order of `Nameplate`."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """A version, and the ms UTC from which on it is there."""

    since: int
    version: str


@dataclass(frozen=True, slots=True)
class Nameplate:
    """`batch` and `region` are empty where nobody told them, `installed_at` is ms UTC, `firmware` oldest first."""

    appliance_id: str
    category: str
    appliance_model: str
    batch: str
    region: str
    installed_at: int
    firmware: tuple[Firmware, ...] = ()


class FirmwareWord(NamedTuple):
    """What an appliance says of its firmware; `time` is ms UTC, of its last reading."""

    appliance_id: str
    version: str
    time: int


class Nameplates:
    """The register of nameplates. Every method raises UnavailableError while the database is away."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def put(self, plates: Sequence[Nameplate], by: str) -> None:
        """Take nameplates in, all or nothing; the audit log says who did.

        What is known of an appliance is replaced. Its firmware is added to: a version with a `since` that is there
        already corrects it. Raises InputError for an id that is none, or a text that is too long to be kept.
        """
        for plate in plates:
            require_id("appliance", plate.appliance_id)
        by_id = {one.appliance_id: one for one in plates}
        versions = {
            (plate.appliance_id, one.since): one.version for plate in plates for one in plate.firmware
        }
        with change(self._engine, self._clock) as work:
            names = [column.key for column in _COLUMNS]
            rows = [
                {name: getattr(plate, name) for name in names} | {"at": work.at} for plate in by_id.values()
            ]
            told = [
                {"appliance_id": appliance_id, "since": since, "version": version, "at": work.at}
                for (appliance_id, since), version in versions.items()
            ]
            for table, new in ((NameplateRow, rows), (FirmwareRow, told)):
                for start in range(0, len(new), _BLOCK):
                    upsert(work.session, table, new[start : start + _BLOCK])
            work.note("nameplates.registered", by, appliances=len(rows))

    def hear(self, words: Iterable[FirmwareWord]) -> int:
        """Take in what appliances say of their firmware, where it is news; how many changes that were.

        Of those with a nameplate alone, and of each at most one change a day (UTC) and none before what is known: one
        that says another version with every reading fills no table. What cannot be a version is passed over.
        """
        told = (one for one in words if _is_version(one.version))
        blocks = iter(lambda: list(islice(told, CHUNK)), [])
        return sum(self._hear({one.appliance_id: one for one in block}) for block in blocks)

    def _hear(self, told: Mapping[str, FirmwareWord]) -> int:
        with reading(self._engine) as session:
            if not _news(session, told):
                return 0
        with change(self._engine, self._clock) as work:
            here = select(NameplateRow.appliance_id).where(NameplateRow.appliance_id.in_(told))
            held = work.session.scalars(here.order_by(NameplateRow.appliance_id).with_for_update()).all()
            news = _news(work.session, {name: told[name] for name in held})
            upsert(
                work.session,
                FirmwareRow,
                [
                    {"appliance_id": name, "since": time, "version": version, "at": work.at}
                    for name, version, time in news
                ],
            )
            if news:
                work.note("nameplates.heard", "foremend", appliances=len(news))
        return len(news)

    def one(self, appliance_id: str) -> Nameplate | None:
        """What is known of one appliance; None where nothing is."""
        with reading(self._engine) as session:
            return nameplates_of(session, {appliance_id}).get(appliance_id)

    def those(self, appliance_ids: Collection[str]) -> list[Nameplate]:
        """What is known of each of `appliance_ids`, by id."""
        with reading(self._engine) as session:
            return [one for _, one in sorted(nameplates_of(session, appliance_ids).items())]

    def is_of(self, owner_id: str, appliance_id: str) -> bool:
        """Whether an appliance is registered as an owner's."""
        with reading(self._engine) as session:
            row = session.get(ApplianceRow, appliance_id)
        return row is not None and row.owner_id == owner_id

    def some(self, after: str, limit: int) -> list[Nameplate]:
        """So many by id, in the order of code points, behind `after`."""
        key = in_code_points(self._engine, NameplateRow.appliance_id)
        with reading(self._engine) as session:
            ids = session.scalars(
                select(NameplateRow.appliance_id).where(key > after).order_by(key).limit(limit)
            ).all()
            found = nameplates_of(session, ids)
        return [found[one] for one in ids]


def _is_version(text: str) -> bool:
    return text == text.strip() and text.isprintable() and 0 < len(text) <= _LONGEST_VERSION


def _news(session: Session, told: Mapping[str, FirmwareWord]) -> list[FirmwareWord]:
    """Of those that have a nameplate. Most say what they said before: no whole nameplate is read for it."""
    key, since = FirmwareRow.appliance_id, FirmwareRow.since
    here = session.scalars(select(NameplateRow.appliance_id).where(NameplateRow.appliance_id.in_(told))).all()
    rows = session.execute(select(key, since, FirmwareRow.version).where(key.in_(here)).order_by(key, since))
    newest = {name: (time, version) for name, time, version in rows}
    return [told[name] for name in here if _is_news(newest.get(name), told[name])]


def _is_news(newest: tuple[int, str] | None, word: FirmwareWord) -> bool:
    if newest is None:
        return True
    since, version = newest
    return version != word.version and since // MS_PER_DAY < word.time // MS_PER_DAY


def nameplates_of(session: Session, ids: Collection[str]) -> dict[str, Nameplate]:
    """Those of `ids` of which something is known."""
    rows = [
        row
        for some in chunks(ids)
        for row in session.execute(select(*_COLUMNS).where(NameplateRow.appliance_id.in_(some)))
    ]
    firmware = _firmware_of(session, [row.appliance_id for row in rows])
    return {row.appliance_id: Nameplate(*row, firmware.get(row.appliance_id, ())) for row in rows}


def _firmware_of(session: Session, ids: Iterable[str]) -> Mapping[str, tuple[Firmware, ...]]:
    key, told = FirmwareRow.appliance_id, (FirmwareRow.since, FirmwareRow.version)
    found: dict[str, tuple[Firmware, ...]] = {}
    for some in chunks(ids):
        rows = session.execute(select(key, *told).where(key.in_(some)).order_by(key, FirmwareRow.since))
        for appliance_id, versions in groupby(rows, itemgetter(0)):
            found[appliance_id] = tuple(Firmware(since, version) for _, since, version in versions)
    return found
