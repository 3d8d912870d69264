"""The alerts stage, as every process opens it; without the engine, which most of its users do not need."""

from __future__ import annotations

import os

import numpy as np

from alerts.desk import Alerts, open_alerts
from alerts.dispatch import open_channels
from alerts.guide import Guide
from alerts.vault import open_vault
from foremend.config import Settings
from foremend.vocabulary.catalogue import FaultEntry, load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import load_profiles


def open_desk(settings: Settings, clock: Clock, stream: str = "journal") -> Alerts:
    """The alerts stage on its database, with every channel that is set up; `stream` names whose positions it keeps."""
    profiles = load_profiles(settings.profiles.folders)
    return open_alerts(
        settings.alerts,
        clock,
        open_vault(settings.alerts, os.environ),
        open_channels(settings.alerts, clock, os.environ),
        np.random.default_rng(),  # spreads retries over time; nothing is reproduced from it
        {name: guide_of(entry) for name, entry in load_catalogue().items()},
        feature_titles(profiles.values()),
        stream,
        {
            device: reference.appliance_id
            for decoder in settings.ingest.decoders
            for device, reference in decoder.appliances.items()
        },
        {name: one.category for name, one in profiles.items()},
    )


def guide_of(entry: FaultEntry) -> Guide:
    """What the catalogue says of a fault, in the words of the alerts stage."""
    steps = entry.self_help.model_dump() if entry.self_help else {}
    safety = entry.safety.model_dump() if entry.safety else {}
    return Guide(
        entry.title.model_dump(),
        entry.technician_finds.en,
        entry.parts,
        steps,
        safety,
        entry.stakes,
        entry.skill,
        entry.is_failure,
        entry.picture,
    )
