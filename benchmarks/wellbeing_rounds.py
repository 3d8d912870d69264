"""What a round over households costs: CPU of this process an appliance, in blocks, and one household after the other.

`python -m benchmarks.wellbeing_rounds --appliances 1000 5000 --json` stores two days of minute readings of so many
refrigerators of one model, in a file an hour as they are before compaction, with sixty days of signs kept of each, and
an owner with a contact to each. Then the hour that came since is looked at: in blocks by all, and with blocks of one
household by a sample. Both read the same files and judge the same signs; SQLite, on a disk or what `--folder` is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.fernet import Fernet
from sqlalchemy import insert

from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.tables import WellbeingContactRow
from alerts.vault import Vault
from alerts.wellbeing.desk import Wellbeing
from alerts.wellbeing.stored import Signs
from foremend.history.parquet import ParquetHistory
from foremend.jobs.wellbeing import AT_ONCE, WellbeingRounds
from foremend.jobs.wellbeing_signs import MINUTE_MS
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Purpose
from foremend.vocabulary.wellbeing import DAYS_KEPT

MODEL = "rf-260"
_NOW = 20_000 * MS_PER_DAY + 13 * MS_PER_HOUR
_HOURS = 37  # of readings: since midnight of the day before
_USES = np.array([7, 7.5, 12, 12.4, 18, 19, 22]) * MS_PER_HOUR
_OTHERS = ("power", "cabinet_temp", "freezer_temp", "evaporator_temp", "ambient_temp", "set_point")


@dataclass
class _Still:
    now: int = _NOW

    def now_ms(self) -> int:
        return self.now


def costs(folder: Path, appliances: int, sample: int) -> dict[str, Any]:
    """CPU an appliance, ms, of a round in blocks and of one household after the other."""
    ids = tuple(f"{MODEL}-{number:05d}" for number in range(appliances))
    history = ParquetHistory(folder / "history", "benchmark")
    for hour, block in enumerate(_hours(ids)):
        history.write(block)
        history.flush(hour, hour + 1)
    alerts = _registered(folder, ids)
    found: dict[str, Any] = {"appliances": appliances}
    told = 0  # who has a contact is looked at
    for name, at_once, looked_at in (
        ("one_by_one", 1, min(sample, appliances - 1)),
        ("in_blocks", AT_ONCE, appliances),
    ):
        _contacts(alerts, ids[told:looked_at])
        told = looked_at
        _keep(alerts.wellbeing, ids)
        jobs = WellbeingRounds(alerts.wellbeing, history, load_profiles(), _Still(), at_once)
        busy = time.process_time()
        jobs.round()
        found[f"{name}_ms"] = round((time.process_time() - busy) * 1_000 / looked_at, 2)
    alerts.close()
    return found | {"times_less": round(found["one_by_one_ms"] / found["in_blocks_ms"], 1)}


def _hours(ids: Sequence[str]) -> Iterator[Block]:
    """Doors opened as every day, beside what else a refrigerator says."""
    rng, count = np.random.default_rng(1), len(ids) * 60
    begins = _NOW - _NOW % MS_PER_HOUR - (_HOURS - 1) * MS_PER_HOUR
    uses = np.sort((begins // MS_PER_DAY * MS_PER_DAY + np.arange(3)[:, None] * MS_PER_DAY + _USES).ravel())
    for hour in range(_HOURS):
        minutes = begins + hour * MS_PER_HOUR + np.arange(60) * MINUTE_MS
        opened = np.searchsorted(uses, minutes, side="right").astype(np.float64)
        signals = {name: rng.normal(5, 1, count).round(1) for name in _OTHERS}
        yield Block(
            MODEL, tuple(ids), np.tile(np.arange(len(ids), dtype=np.int32), 60), np.repeat(minutes, len(ids)),
            np.repeat(np.arange(60) + hour * 60, len(ids)), signals | {"door_openings": np.repeat(opened, len(ids))},
        )  # fmt: skip


def _registered(folder: Path, ids: Sequence[str]) -> Alerts:
    settings = AlertsSettings(database=f"sqlite:///{folder / 'effects.db'}")
    vault = Vault(Fernet.generate_key().decode())
    alerts = open_alerts(settings, _Still(), vault, {}, np.random.default_rng(1), {}, {})
    alerts.owners.register_owners([Owner(f"owner-{one}", {}) for one in ids])
    alerts.owners.register_appliances(
        [OwnedAppliance(one, f"owner-{one}", MODEL, timezone="UTC") for one in ids]
    )
    alerts.consent.record(
        [
            ConsentRecord(
                one, f"owner-{one}", purpose, True, _NOW - MS_PER_DAY,
                notice_version="1", language="en", how="app",
            )
            for one in ids
            for purpose in (Purpose.MONITORING, Purpose.WELLBEING)
        ]
    )  # fmt: skip
    return alerts


def _contacts(alerts: Alerts, ids: Sequence[str]) -> None:
    """Rows as `Contacts.add` makes them, in one transaction; nobody reads the address."""
    rows = [
        {
            "id": f"wc-{one}",
            "owner_id": f"owner-{one}",
            "channel": "sms",
            "sealed": b"",
            "language": "en",
            "at": _NOW,
        }
        for one in ids
    ]
    with alerts.engine.begin() as connection:
        connection.execute(insert(WellbeingContactRow), rows)


def _keep(desk: Wellbeing, ids: Sequence[str]) -> None:
    """Sixty days of signs of each, looked at an hour ago."""
    until = _NOW - MS_PER_HOUR
    days = until // MS_PER_DAY - np.arange(DAYS_KEPT)
    minutes = np.sort((days[:, None] * MS_PER_DAY + _USES).ravel()) // MINUTE_MS
    kept = tuple(minutes[minutes < until // MINUTE_MS].tolist())
    spoke = ((int(days[-1]) * MS_PER_DAY // MINUTE_MS, until // MINUTE_MS),)
    desk.keep_signs({one: Signs(until, kept, spoke) for one in ids})


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--appliances", type=int, nargs="+", default=[1_000, 5_000], help="of one model")
    parser.add_argument("--sample", type=int, default=20, help="households looked at one by one")
    parser.add_argument("--folder", type=Path, help="where the files lie while it runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    results = []
    for appliances in given.appliances:
        with tempfile.TemporaryDirectory(prefix="foremend-rounds-", dir=given.folder) as folder:
            results.append(costs(Path(folder), appliances, given.sample))
    if given.json:
        sys.stdout.write(json.dumps({"rounds": results}) + "\n")
    else:
        for one in results:
            sys.stdout.write(
                "{appliances} appliances of a model: {in_blocks_ms} ms of CPU an appliance in blocks, "
                "{one_by_one_ms} ms one household after the other\n".format(**one)
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
