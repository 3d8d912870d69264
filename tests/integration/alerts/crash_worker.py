"""Applies one finding a position, each of another owner, from where it left off, with the dispatcher running.

Made to be killed.
Arguments: folder, number of findings, address of the database.
Writes each position to stdout once its effects are committed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from alerts.consent import ConsentRecord
from alerts.desk import open_alerts
from alerts.dispatch import open_channels
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

folder, number, database = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class SystemClock:
    """The real time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def finding(position: int) -> Finding:
    return Finding(
        FindingKind.OPENED,
        f"fridge-{position}",
        "BCD-200",
        "fault",
        "rule",
        Severity.WARNING,
        position,
        0,
        1.0,
    )


def main() -> None:
    settings = AlertsSettings(
        database=database,
        key_file=folder / "key",
        quiet_hours=None,
        sms={"file": folder / "sms.jsonl"},
        push=None,
    )
    clock = SystemClock()
    channels = open_channels(settings, clock, {})
    alerts = open_alerts(
        settings, clock, open_vault(settings, {}), channels, np.random.default_rng(1), {}, {}
    )
    if alerts.effects.position() == 0:
        each = range(1, number + 1)
        alerts.owners.register_owners([Owner(f"o-{one}", {"sms": "+8613800001234"}) for one in each])
        alerts.owners.register_appliances(
            [OwnedAppliance(f"fridge-{one}", f"o-{one}", "BCD-200") for one in each]
        )
        said = [
            ConsentRecord(f"fridge-{one}", f"o-{one}", purpose, True, clock.now_ms(), "1", "zh", "app")
            for one in each
            for purpose in (Purpose.TICKET, Purpose.SMS)
        ]
        alerts.consent.record(said)
    alerts.dispatcher.start()
    for position in range(alerts.effects.position() + 1, number + 1):
        alerts.effects.apply([finding(position)], [], position)
        sys.stdout.write(f"{position}\n")
        sys.stdout.flush()
    alerts.dispatcher.wait_until_empty(60)
    alerts.close()


main()
