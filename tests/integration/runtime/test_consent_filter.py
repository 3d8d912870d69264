"""Whoever withdraws `monitoring` is no longer watched, from the next second on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.runtimes.consent_filter import REFRESH_MS, ConsentFilter
from foremend.vocabulary.types import Block, Purpose

NOW = 1_780_000_000_000


class MovingClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def now_ms(self) -> int:
        return self.now


def desk(folder: Path, database: str, clock: MovingClock) -> Alerts:
    settings = AlertsSettings(database=database, key_file=folder / "key", sms=None, push=None)
    alerts = open_alerts(
        settings, clock, open_vault(settings, os.environ), {}, np.random.default_rng(0), {}, {}
    )
    alerts.owners.register_owners([Owner("owner-1", {})])
    alerts.owners.register_appliances([OwnedAppliance("fridge-1", "owner-1", "rf-260")])
    return alerts


def say(alerts: Alerts, given: bool, at: int) -> None:
    alerts.consent.record(
        [ConsentRecord("fridge-1", "owner-1", Purpose.MONITORING, given, at, "2026-1", "en", "app")]
    )


def readings() -> Block:
    appliance = np.array([0, 1, 0], np.int32)
    time = np.array([1, 2, 3], np.int64)
    return Block(
        "rf-260", ("fridge-1", "unregistered-9"), appliance, time, time, {"power": np.array([5.0, 6.0, 7.0])}
    )


def test_a_withdrawal_takes_an_appliance_out_within_a_second(tmp_path: Path, database: str) -> None:
    """Given: watched. Withdrawn: its readings stop there, those of others pass. Given again: watched again."""
    clock = MovingClock()
    alerts = desk(tmp_path, database, clock)
    permitted = ConsentFilter(alerts.consent, clock)
    say(alerts, True, NOW)
    assert len(permitted(readings())) == 3

    say(alerts, False, clock.now)
    clock.now += REFRESH_MS
    assert permitted(readings()).time.tolist() == [2]
    assert permitted.held_back == 2

    say(alerts, True, clock.now)
    clock.now += REFRESH_MS
    assert len(permitted(readings())) == 3
    alerts.close()


def test_an_appliance_nobody_registered_is_let_through(tmp_path: Path, database: str) -> None:
    """It has no owner who could object."""
    clock = MovingClock()
    alerts = desk(tmp_path, database, clock)

    assert len(ConsentFilter(alerts.consent, clock)(readings())) == 3
    alerts.close()
