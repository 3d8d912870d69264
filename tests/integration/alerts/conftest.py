"""The alerts stage on real databases, with a clock that tests move and channels that tests look into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet

from alerts.channels import Message
from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.guide import Guide
from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.vault import Vault
from foremend.vocabulary.types import Evidence, Finding, FindingKind, Purpose, Severity

NOON = 1_767_240_000_000  # 2026-01-01 12:00 in Shanghai
DAY = 86_400_000
LEAK = Guide(
    title={"en": "refrigerant leak", "zh": "制冷剂泄漏"},
    technician_finds="oil stains at the joint",
    parts=("joint", "refrigerant"),
    skill="refrigeration",
    self_help={"en": ("Keep the door shut",), "zh": ("请保持门关闭",)},
    safety={"en": "Do not open the circuit", "zh": "请勿拆开管路"},
)


@dataclass
class ManualClock:
    """Stands still until it is moved."""

    now: int = NOON

    def now_ms(self) -> int:
        return self.now


@dataclass
class ListChannel:
    """Takes what is sent, or raises the errors it was given, one a send."""

    longest_send: int = 1_000
    sent: list[Message] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    tries: int = 0

    def send(self, message: Message) -> None:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)

    def cut(self) -> None:
        """Nothing takes long."""

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Stage:
    """The alerts stage with one owner (`o-1`) of one refrigerator (`fridge-1`)."""

    alerts: Alerts
    clock: ManualClock
    channels: Mapping[str, ListChannel]
    settings: AlertsSettings
    vault: Vault

    def say(
        self, purpose: Purpose, given: bool, appliance_id: str = "fridge-1", owner_id: str = "o-1"
    ) -> None:
        """The owner gives or withdraws consent now."""
        record = ConsentRecord(
            appliance_id,
            owner_id,
            purpose,
            given,
            self.clock.now,
            notice_version="1",
            language="zh",
            how="app",
        )
        self.alerts.consent.record([record])

    def sent(self, target: str) -> list[Message]:
        return self.channels[target].sent


@pytest.fixture
def open_stage(database: str) -> Iterator[Callable[..., Stage]]:
    """Opens the stage on the test's database; a second call opens the same database again, as after a restart."""
    opened: list[Alerts] = []
    vault = Vault(Fernet.generate_key().decode())

    def make(clock: ManualClock | None = None, **settings: Any) -> Stage:
        endpoint = {"name": "platform", "url": "https://platform.example/hook", "secret_env": "SECRET"}
        endpoint |= {"consents": list(Purpose)}
        chosen = AlertsSettings(**{"database": database, "webhooks": [endpoint]} | settings)
        clock = clock or ManualClock()
        channels = {name: ListChannel() for name in ("webhook:platform", *OWNER_CHANNELS)}
        titles = {"starts_per_hour": {"zh": "每小时启动次数"}}
        guides = {"refrigerant-leak": LEAK}
        alerts = open_alerts(chosen, clock, vault, channels, np.random.default_rng(1), guides, titles)
        opened.append(alerts)
        alerts.owners.register_owners([Owner("o-1", {"sms": "+8613800001234", "push": "token-1"})])
        alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", "BCD-200")])
        return Stage(alerts, clock, channels, chosen, vault)

    yield make
    for alerts in opened:
        alerts.close()


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Stage:
    """The stage with default settings."""
    return open_stage()


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """A finding of a refrigerant leak in `fridge-1`, with what the test changes."""
    base = Finding(
        kind=FindingKind.OPENED,
        appliance_id="fridge-1",
        appliance_model="BCD-200",
        fault="refrigerant-leak",
        rule="predicted",
        severity=Severity.WARNING,
        time=NOON - DAY,
        episode_start=NOON - 2 * DAY,
        score=0.98,
        probability=0.83,
        days_to_failure=23.4,
        days_low=15.0,
        days_high=40.0,
        evidence=(Evidence("starts_per_hour", 6.12, usual=2.4, siblings=2.3),),
    )
    return lambda **changes: replace(base, **changes)
