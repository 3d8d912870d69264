"""Where trained models are stored; without what trains them, so that a page that only shows them starts fast."""

from __future__ import annotations

import os

from models.registry.registry import Registry
from models.settings import ModelsSettings

MODEL_KEY = "FOREMEND_MODEL_KEY"
"""Environment variable with the key that stored models are signed with; once set, unsigned models are refused."""


def open_registry(settings: ModelsSettings) -> Registry:
    """The registry of the settings, with the signing key of the environment."""
    key = os.environ.get(MODEL_KEY)
    return Registry(settings.registry, key.encode() if key else None)
