"""One plug on one old freezer: dead, on and on, or without a word, it is told within hours and without training."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.jobs.examples import run_example
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, RawMessage
from ingest.decode import Ingest
from rules.evaluator import RuleBook

DIED = int(datetime(2025, 3, 27, tzinfo=UTC).timestamp()) * 1000


def test_01_a_freezer_that_stops_is_told_within_hours(replay):
    """Well for 24 days, then dead for ten, while its plug goes on reporting."""
    said = replay(1, "log.csv")

    stopped = [one for one in said["findings"] if one["fault"] == "stopped"]

    assert [(one["kind"], one["severity"]) for one in stopped] == [("opened", "critical")]
    assert DIED < stopped[0]["time"] <= DIED + 6 * MS_PER_HOUR


@pytest.mark.parametrize(
    ("story", "fault", "within"), [("on and on", "runs-on", 13), ("at rest", "stopped", 4)]
)
def test_01_its_check_no_longer_agrees_with_nothing(case, story, fault, within):
    """21 days well, then on without a pause, or at rest."""
    settings = load_settings(case(1) / "check.yaml")
    (example,) = (one for one in settings.examples if story in one.say)

    found = [one for one in run_example(example, settings, load_profiles()) if one.fault == fault]

    assert found[0].finding == "opened"
    assert found[0].after <= (21 * 24 + within) * MS_PER_HOUR


def test_22_the_only_appliance_of_its_model_is_told_when_it_falls_silent(case):
    """Two refrigerators and a lone freezer, sent by MQTT; seven days of silence by the clock of whoever listens."""
    settings, profiles = load_settings(case(22) / "config.yaml"), load_profiles()
    ingest = Ingest(settings.ingest, {name: one.signals for name, one in profiles.items()})
    engine = Engine(profiles, RuleBook(settings.rules), lateness_ms=settings.ingest.lateness)
    now = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()) * 1000
    said = [
        sent(*who, now)
        for who in (("rf-260", "a", 1), ("generic-compressor", "lonely", 1), ("rf-260", "b", 7.5))
    ]

    found = [one for block in ingest.decode(said).blocks for one in engine.process(block)]
    for minutes in range(0, 7 * 1440, 4):
        found += engine.advance(now + minutes * 60_000, caught_up=True)

    silent = [(one.appliance_id, one.kind) for one in found if one.fault == "silent"]
    assert sorted(silent) == [("a", "opened"), ("b", "opened"), ("lonely", "opened")]


def sent(model, appliance_id, days, now):
    """What live3.py of the case sends: readings in ten minutes from eight days ago on."""
    first = now - 8 * MS_PER_DAY
    readings = [
        {"ts": first + k * 600_000, "signals": {"power": 80.0 if k % 4 == 0 else 2.0}}
        for k in range(int(days * 144))
    ]
    return RawMessage(f"dt/appliance/{model}/{appliance_id}/telemetry", json.dumps(readings).encode(), now)
