"""`foremend dead-letters`: what could not be used, by what is wrong, and sending it again; beside whatever runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from alerts.database import open_database
from alerts.dead_letter_replay import Replays
from alerts.queries import dead_letter_groups
from alerts.reads import EVERYBODY, note_read
from alerts.wording import iso
from foremend.config import Settings, load_settings
from foremend.jobs.tokens import by_account
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.types import MS_PER_DAY
from ingest.mqtt.publish import MqttPublisher

_TIMES = ("first", "newest", "replayed_at")


@contextmanager
def _opened(config: Path | None) -> Iterator[tuple[Engine, Settings]]:
    settings = load_settings(config)
    engine = open_database(settings.alerts.database)
    try:
        yield engine, settings
    finally:
        engine.dispose()


def groups(config: Path | None, days: int) -> list[dict[str, Any]]:
    """By topic and kind of reason, the newest first, of the last `days`. The audit log says who read them."""
    clock = SystemClock()
    with _opened(config) as (engine, _):
        found = [asdict(one) for one in dead_letter_groups(engine, clock.now_ms() - days * MS_PER_DAY)]
        if found:
            note_read(engine, clock, "dead_letter", EVERYBODY, by_account())
    for one in found:
        one |= {name: None if one[name] is None else iso(one[name]) for name in _TIMES}
    return found


def replay(config: Path | None, group: str) -> dict[str, int]:
    """Send the letters of a group again. Raises as `Replays.group`."""
    with _opened(config) as (engine, settings):
        return asdict(open_replays(settings, engine).group(group, by_account()))


def open_replays(settings: Settings, engine: Engine) -> Replays:
    """To the broker of the settings, once somebody asks."""
    records = (settings.kafka.blocks_topic, settings.kafka.dead_letters_topic)
    return Replays(engine, SystemClock(), lambda: MqttPublisher(settings.mqtt), records)
