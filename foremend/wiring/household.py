"""`foremend household`: beside a running pipeline or without one; nothing but `try` sends anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alerts.desk import Alerts
from alerts.owner_channels import set_up
from foremend.config import Settings, load_settings
from foremend.jobs.household import try_out
from foremend.runtimes.clock import SystemClock
from foremend.wiring.desk import open_desk


def at_the_desk(config: Path | None, say: Callable[[Alerts, Settings], dict[str, Any]]) -> dict[str, Any]:
    """What `say` answers, with the alerts stage open. Raises ConfigError for settings and secrets that are wrong."""
    settings = load_settings(config)
    desk = open_desk(settings, SystemClock())
    try:
        return say(desk, settings)
    finally:
        desk.close()


def try_channels(config: Path | None) -> dict[str, str]:
    """A message by each channel to owners that is set up. Raises UnavailableError where one is not reached."""
    settings = load_settings(config)
    channels = {name: one.open(name) for name, one in set_up(settings.alerts).items()}
    return try_out(channels, SystemClock().now_ms())
