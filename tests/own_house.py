"""A household with its own page: a refrigerator that may leak, a washing machine, and what is somebody else's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from alerts.database import reading, writing
from alerts.desk import Alerts, open_alerts
from alerts.dispatch import open_channels
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import AuditRow, SeenRow
from alerts.vault import open_vault
from foremend.config import Settings
from foremend.installation.privacy import PrivacyDesk
from foremend.installation.retaining import open_retention
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.own.look import OwnDesk
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Right, Role
from foremend.vocabulary.types import Evidence, Finding, FindingKind, Purpose, Severity
from foremend.wiring.desk import guide_of

NUMBER = "+8613900000017"
OWNER, OTHER = "o-quillfeather", "o-other"
FRIDGE, WASHER, THEIRS = "fridge-1", "washer-1", "fridge-2"
HOSTILE = "<img src=x onerror=alert(1)>"
DAY = 86_400_000


@dataclass
class House:
    """The service, and the installation behind it."""

    address: str
    alerts: Alerts
    clock: Any
    settings: Settings

    def link(self, owner_id: str = OWNER, *, only: list[Right] | None = None, days: int = 7) -> str:
        """The path of an owner's own page."""
        _, text = self.alerts.access.tokens.create("own page", Role.OWNER, days, "test", only, owner_id)
        return f"/o/{text}"

    def say(self, appliance_id: str, *purposes: Purpose, given: bool = True, owner_id: str = OWNER) -> None:
        self.alerts.consents.say(appliance_id, purposes, given, owner_id=owner_id, how="app")

    def find(self, appliance_id: str = FRIDGE, **changes: Any) -> Finding:
        """It leaks: one more finding, with what becomes of it."""
        now = self.clock.now_ms()
        said: dict[str, Any] = {
            "kind": FindingKind.OPENED,
            "appliance_id": appliance_id,
            "appliance_model": "rf-260",
            "fault": "refrigerant-leak",
            "rule": "predicted",
            "severity": Severity.WARNING,
            "time": now - DAY,
            "episode_start": now - DAY,
            "score": 0.9,
            "probability": 0.9,
            "days_to_failure": 11.0,
            "days_low": 6.0,
            "days_high": 19.0,
            "evidence": (Evidence("starts_per_hour", 6.1, 2.4, 2.3, "1/h"),),
        }
        found = Finding(**said | changes)
        self._position = getattr(self, "_position", 0) + 1
        self.alerts.effects.apply([found], [], self._position)
        self.alerts.dispatcher.run_once()
        return found

    def noted(self, action: str) -> list[str]:
        """Subjects of the audit log's entries of that action."""
        query = select(AuditRow.subject).where(AuditRow.action == action).order_by(AuditRow.seq)
        with reading(self.alerts.engine) as session:
            return list(session.scalars(query))


@contextmanager
def open_house(folder: Path, database: str, clock: Any) -> Iterator[House]:
    """Served; nothing happened yet but that all of it was registered and heard of."""
    desk = {"database": database, "key_file": folder / "key", "jurisdiction": "CN", "quiet_hours": None}
    desk |= {"sms": {"file": folder / "sms.jsonl"}, "push": None, "email": {"file": folder / "email.jsonl"}}
    desk |= {"policies": {"folders": [_policy(folder)]}}
    settings = Settings.model_validate({"storage": {"folder": folder / "var"}, "alerts": desk})
    vault, profiles = open_vault(settings.alerts, os.environ), load_profiles()
    guides = {name: guide_of(entry) for name, entry in load_catalogue().items()}
    channels = open_channels(settings.alerts, clock, os.environ)
    kinds = {name: profile.category for name, profile in profiles.items()}
    titles = feature_titles(profiles.values())
    rng = np.random.default_rng(0)
    alerts = open_alerts(settings.alerts, clock, vault, channels, rng, guides, titles, kinds=kinds)
    alerts.owners.register_owners([Owner(OWNER, {"sms": NUMBER}), Owner(OTHER, {})])
    alerts.owners.register_appliances(
        [
            OwnedAppliance(FRIDGE, OWNER, "rf-260", "en", "Europe/Berlin", name="Rosa's fridge"),
            OwnedAppliance(WASHER, OWNER, "wm-7", "en", "Europe/Berlin"),
            OwnedAppliance(THEIRS, OTHER, "rf-260"),
        ]
    )
    with writing(alerts.engine) as session:
        session.add(
            SeenRow(
                appliance_id=FRIDGE, appliance_model="rf-260", category="refrigerator",
                last_seen=clock.now_ms() - 60_000, silent=False, days_missing=0,
            )
        )  # fmt: skip
    pipeline = SharedPipeline(alerts.engine, (), clock, 2**60)
    model = ReadModel(alerts.engine, pipeline, profiles, load_catalogue(), titles)
    privacy = PrivacyDesk(settings, alerts, clock, open_retention(settings, alerts, clock))
    door = Door(alerts.access, False, Buckets(1e6), Buckets(1e6))
    app = create_app(
        model,
        door=door,
        desks=Desks(
            servicing=alerts.servicing,
            consents=alerts.consents,
            privacy=privacy,
            own=OwnDesk(alerts, privacy),
        ),
    )
    with Server(app, "127.0.0.1", 0) as address:
        yield House(address, alerts, clock, settings)
    alerts.close()


def _policy(folder: Path) -> Path:
    """China's, without quiet hours: what is due leaves at once."""
    found = folder / "policies"
    found.mkdir()
    (found / "CN.yaml").write_text("extends: CN\nname: CN\nquiet_hours: null\n")
    return found
