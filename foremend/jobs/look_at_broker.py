"""`foremend check --connect`: what can be seen of the broker that the settings name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from foremend.config import load_settings
from foremend.vocabulary.profiles import load_profiles
from ingest.decode import Ingest
from ingest.mqtt.look import look


def look_at_broker(path: Path | None) -> dict[str, Any]:
    """What it does with sessions, shares and payloads; what `foremend run` subscribes to is asked for and let go.

    Opens connections to the broker alone, under names of its own, so a pipeline that runs is not disturbed. Raises
    UnavailableError where it is not there and RefusedError where it refuses us or a subscription.
    """
    settings = load_settings(path)
    signals = {name: profile.signals for name, profile in load_profiles(settings.profiles.folders).items()}
    filters = (*settings.mqtt.subscribe, *Ingest(settings.ingest, signals).subscriptions)
    seen = asdict(look(settings.mqtt, tuple(dict.fromkeys(filters))))
    warnings = seen.pop("warnings")
    not_seen = {name: "not seen" if value is None else value for name, value in seen.items()}
    return {"url": settings.mqtt.url} | not_seen | {"warnings": "; ".join(warnings) or "none"}
