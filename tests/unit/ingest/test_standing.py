"""Devices that speak only when something changes: what they said stands until they speak again."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from foremend.engine.engine import Engine
from foremend.engine.follow import follow
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings
from ingest.values import STANDING
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MODEL = "generic-compressor"
MINUTE = 60_000
START = 20_500 * MS_PER_DAY
PROFILES = load_profiles()
SPECS = {MODEL: PROFILES[MODEL].signals}


def plug(**changes):
    signals = {name: {"path": name, "unit": unit} for name, unit in (("power", "W"), ("voltage", "V"))}
    return {"decoder": "esphome", "appliance_model": MODEL, "signals": signals} | changes


def make(**changes) -> Ingest:
    return Ingest(IngestSettings.model_validate({"oldest": None, "decoders": [plug(**changes)]}), SPECS)


def message(minute: float, value: float | str, channel: str = "power") -> RawMessage:
    topic = "plug/status" if channel == "status" else f"plug/sensor/{channel}/state"
    return RawMessage(topic, str(value).encode(), START + round(minute * MINUTE))


def freezer(days: int) -> list[RawMessage]:
    """Every 45 minutes a quarter of an hour of noise a minute, one zero at its stop, and nothing while it rests."""
    dice = np.random.default_rng(4)
    sent = []
    for start in range(0, days * 24 * 60, 45):
        sent += [message(start + minute, round(84 + dice.normal(), 3)) for minute in range(15)]
        sent.append(message(start + 15, 0.0))
    return sent


def said(decoded, signal="power"):
    """[(minute, value, whether nobody sent it)] of a signal."""
    return [
        (round((time - START) / MINUTE, 3), value, seq == STANDING)
        for block in decoded.blocks
        for time, value, seq in zip(
            block.time.tolist(), block.signals[signal].tolist(), block.seq.tolist(), strict=True
        )
        if not math.isnan(value)
    ]


def test_what_was_said_last_stands_until_the_next_message():
    """A zero of half an hour: soon, every ten minutes, and until the run begins."""
    decoded = make(holds_for="2 h").decode([message(0, 84), message(1, 0), message(31, 84)])

    assert said(decoded) == [
        (0, 84, False),
        (1, 0, False),
        (2, 0, True),
        (11, 0, True),
        (21, 0, True),
        (31, 0, True),
        (31, 84, False),
    ]


def test_nothing_stands_longer_than_the_settings_say():
    """What lies between may be anything."""
    decoded = make(holds_for="15 min").decode([message(0, 84), message(300, 84)])

    assert said(decoded) == [(0, 84, False), (1, 84, True), (10, 84, True), (300, 84, False)]


def test_silence_is_not_filled_before_the_device_speaks_again():
    """A plug that was pulled out stays silent."""
    ingest = make(holds_for="2 h")

    ingest.decode([message(0, 84)])

    assert ingest.decode([]).readings == 0


def test_what_went_offline_does_not_stand():
    """The last will, or the next start."""
    decoded = make(holds_for="2 h").decode([message(0, 84), message(1, "offline", "status"), message(31, 84)])

    assert said(decoded) == [(0, 84, False), (31, 84, False)]


def test_one_wild_time_ends_nothing_that_stands_and_nothing_stands_until_it():
    """A clock of the year 2226 is one dead letter of one reason; the zero before it stands until the next message."""
    ingest = make(holds_for="2 h", decoder="zigbee2mqtt")
    far = 200 * 365 * 24 * 60

    def telegram(came: float, clock: float, value: float) -> RawMessage:
        payload = {"power": value, "last_seen": START + round(clock * MINUTE)}
        return RawMessage("zigbee2mqtt/plug", json.dumps(payload).encode(), START + round(came * MINUTE))

    decoded = ingest.decode([telegram(1, 1, 0), telegram(2, far, 50), telegram(31, 31, 84)])

    (letter,) = decoded.dead_letters
    assert letter.reason == "ts: 72999 d ahead of reception, more than clock_ahead = 1 h"
    assert said(decoded) == [
        (1, 0, False),
        (2, 0, True),
        (11, 0, True),
        (21, 0, True),
        (31, 0, True),
        (31, 84, False),
    ]


def test_a_signal_stands_beside_others_that_go_on():
    """Volts every minute, watts on change: the watts are said again, before they are too old to be put in order."""
    sent = [
        message(0, 84),
        message(1, 0),
        *(message(minute + 0.5, 230, "voltage") for minute in range(1, 31)),
    ]

    decoded = make(holds_for="2 h").decode([*sent, message(31, 84)])

    again = [minute for minute, value, standing in said(decoded) if standing and value == 0]
    assert again == pytest.approx([2.5, 12.5, 22.5, 31], abs=0.01)
    assert not any(standing for _, _, standing in said(decoded, "voltage"))


@pytest.mark.parametrize(
    ("holds_for", "least", "most"), [("2 h", 0.32, 0.35), ("learnt", 0.32, 0.35), (None, 0.9, 1)]
)
def test_a_freezer_behind_such_a_plug_runs_a_third_of_the_time(holds_for, least, most):
    """By itself, too: its own pauses are known after the first two."""
    ingest = make(holds_for=holds_for)

    lived = follow(PROFILES[MODEL], ingest.decode(freezer(days=4)).blocks)

    ((_, rows),) = lived.by_appliance()
    assert all(least < duty < most for duty in rows.column("duty")[1:3])


def test_a_plug_that_speaks_by_the_clock_is_not_filled():
    """It says zero again and again while its machine rests; an outage of two hours is a gap."""
    ingest = make()
    minutes = [minute for minute in range(3 * 24 * 60) if minute % 600 > 120]

    decoded = ingest.decode([message(minute, 84 if minute % 45 < 15 else 0) for minute in minutes])

    assert not any(standing for _, _, standing in said(decoded))


def test_silence_is_judged_by_what_the_device_said_itself():
    """Half an hour of rest is its rhythm, whatever was filled in."""
    engines = []
    for holds_for in ("2 h", None):
        engine = Engine({MODEL: PROFILES[MODEL]}, RuleBook(RulesSettings()), {}, lateness_ms=600_000)
        for block in make(holds_for=holds_for).decode(freezer(days=2)).blocks:
            engine.process(block)
        engines.append(engine)

    filled, plain = (engine.lanes[MODEL] for engine in engines)

    assert filled.second_gap[0] == plain.second_gap[0] == 30 * MINUTE
    assert filled.silent_ms(START + 2 * MS_PER_DAY + MS_PER_HOUR).tolist() == [0]


def test_gateways_that_share_learn_nothing():
    """Each hears a part of the messages only."""
    settings = IngestSettings.model_validate({"oldest": None, "decoders": [plug()]})

    decoded = Ingest(settings, SPECS, alone=False).decode(freezer(days=2))

    assert not any(standing for _, _, standing in said(decoded))
    assert [one.keeps_state for one in settings.decoders] == [False]
    assert IngestSettings.model_validate({"decoders": [plug(holds_for="1 h")]}).decoders[0].keeps_state


MESSAGES = some.lists(
    some.tuples(
        some.floats(0, 600), some.sampled_from([0.0, 84.0, 85.0]), some.sampled_from(["power", "voltage"])
    ),
    max_size=30,
)


@given(MESSAGES, some.integers(0, 30), some.booleans())
def test_what_was_sent_is_as_it_was_and_batches_and_restarts_change_nothing(sent, cut, restart):
    """What stands comes beside it, and is never newer than the message that showed it."""
    messages = [message(*one) for one in sorted(sent)]
    ingest, plain = make(holds_for="1 h"), make(holds_for=None)

    together = make(holds_for="1 h").decode(messages)
    first = ingest.decode(messages[:cut])
    if restart:
        snapshot, ingest = ingest.snapshot(), make(holds_for="1 h")
        ingest.restore(snapshot)
    second = ingest.decode(messages[cut:])
    alone = plain.decode(messages)

    for signal in ("power", "voltage"):
        parts = [*said(first, signal), *said(second, signal)]
        assert sorted(said(together, signal)) == sorted(parts)
        real = [(minute, value) for minute, value, standing in said(together, signal) if not standing]
        assert real == [(minute, value) for minute, value, _ in said(alone, signal)]
