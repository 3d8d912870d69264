"""`foremend models prepare`: champions before the first worker, which never trains."""

from __future__ import annotations

from pathlib import Path

from foremend.config import load_settings
from foremend.learning.stored import open_registry
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.profiles import load_profiles
from foremend.wiring.parts import champions


def prepare_models(config: Path | None) -> dict[str, str]:
    """`foremend models prepare`: train what was never trained; the version in use by appliance model."""
    settings = load_settings(config)
    profiles = load_profiles(settings.profiles.folders)
    fitted = champions(settings, profiles, open_registry(settings.models), SystemClock())
    return {name: model.version for name, model in sorted(fitted.items())}
