"""An owner's word from the appliance, by a real broker into the one ledger: once, and nothing of it elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from alerts.audit import verify
from alerts.database import reading
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import DeadLetterRow
from benchmarks.mosquitto_server import Mosquitto
from foremend.config import Settings
from foremend.runtimes.device_words import carried
from foremend.runtimes.kafka.dead_letters import encode_letter
from foremend.runtimes.kafka.partition import Record
from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.types import DeadLetter, Purpose
from foremend.wiring.worker import Letters
from ingest.quarantine import Quarantine
from tests.integration.runtime.test_offline import Site

TOPIC = "dt/appliance/generic-compressor/freezer/consent"


@pytest.fixture
def site(mosquitto: Mosquitto, tmp_path: Path, database: str) -> Iterator[Site]:
    """A pipeline on a real broker, with one registered freezer of `owner-1`."""
    one = Site(tmp_path, mosquitto, "canonical", database)
    one.alerts.owners.register_owners([Owner("owner-1", {}), Owner("owner-2", {})])
    one.alerts.owners.register_appliances([OwnedAppliance("freezer", "owner-1", "generic-compressor")])
    yield one
    one.kill()
    one.alerts.close()


def said(given: bool, purposes: tuple[str, ...] = ("push",), ago: int = 0, **more: Any) -> bytes:
    word = {"ts": int(time.time() * 1000) - ago, "purposes": purposes, "given": given}
    return orjson.dumps(word | ({"owner_id": "owner-1"} if given else {}) | more)


def hears(site: Site, *payloads: bytes, topic: str = TOPIC) -> None:
    """The appliance says them; at the end the pipeline has them."""
    for payload in payloads:
        before = site.runtime.status().messages
        site.clock.now += 1
        site.says(topic, payload, retain=False)
        site.until(lambda before=before: site.runtime.status().messages > before)  # type: ignore[misc]


def words(site: Site) -> list[tuple[str, str, bool, str]]:
    rows = site.alerts.consent.history("freezer")
    return [(one["subject"], one["purpose"], one["given"], one["how"]) for one in rows]


def letters(site: Site) -> list[tuple[str, bytes, str]]:
    with reading(site.alerts.engine) as session:
        rows = session.scalars(select(DeadLetterRow))
        return [(row.topic, row.payload, row.reason) for row in rows]


def test_a_yes_and_a_no_on_the_appliance_stand_in_the_ledger(site: Site) -> None:
    """As by app and API: covered by the audit log, each purpose a record; the no counts at once."""
    hears(site, said(True, ("monitoring", "push")), said(False, ago=86_400_000))

    assert words(site) == [
        ("owner-1", "monitoring", True, "appliance"),
        ("owner-1", "push", True, "appliance"),
        ("owner-1", "push", False, "appliance"),
    ]
    assert not site.alerts.consent.is_given("freezer", Purpose.PUSH)
    assert verify(site.alerts.engine).intact
    assert letters(site) == []


def test_a_word_that_comes_again_is_written_once_also_after_a_kill(site: Site) -> None:
    """A broker delivers again what was not acknowledged; a yes of before undoes no no of since."""
    yes = said(True)
    hears(site, yes, yes, said(False), yes)
    site.kill()
    site.start()  # from the journal, whose messages it takes once more
    hears(site, yes)

    assert [given for _, _, given, _ in words(site)] == [True, False]


def test_who_says_the_same_all_day_makes_the_ledger_no_longer(site: Site) -> None:
    """A device that repeats itself; what it changes its mind to counts, and a yes of another day is a new one."""
    hears(site, *(said(True, ago=ago) for ago in (3, 2, 1)), *(said(False, ago=ago) for ago in (3, 2, 1)))
    hears(site, said(True, ago=-1), said(True, ago=-2))
    site.clock.now += 86_400_000
    hears(site, said(True, ago=-3))

    assert [given for _, _, given, _ in words(site)] == [True, False, True, True]


def test_what_is_refused_leaves_the_reason_and_nothing_of_the_message(site: Site) -> None:
    """An unknown appliance and purpose with the nearest; another owner's yes, and one of nobody."""
    hears(site, said(True, ("pus",)), said(True, owner_id="owner-2"), said(True, owner_id=None))
    hears(site, said(False, owner_id="owner-2"))
    hears(site, said(False), topic=TOPIC.replace("freezer", "freezer-1"))

    found = letters(site)
    assert {payload for _, payload, _ in found} == {b""}
    reasons = " | ".join(reason for _, _, reason in found)
    for one in (
        "did you mean 'push'",
        "not the registered owner",
        "a yes names who says it",
        "did you mean 'freezer'",
    ):
        assert one in reasons
    assert "owner-" not in reasons
    assert words(site) == []


def test_a_former_owners_word_that_comes_late_is_not_the_next_ones(site: Site) -> None:
    """The appliance was offline while it was sold."""
    late = said(True, ago=1000)
    site.alerts.owners.register_appliances([OwnedAppliance("freezer", "owner-2", "generic-compressor")])

    hears(site, late)

    assert words(site) == []


def test_a_word_that_came_through_kafka_is_kept_once_and_is_no_dead_letter(site: Site) -> None:
    """A worker takes it from the topic of dead letters; what is refused is one, without the word."""
    now = int(time.time() * 1000)
    word = DeviceWord("generic-compressor", "freezer", (Purpose.PUSH,), True, now, now, now, "owner-1")
    others = replace(word, owner_id="owner-2")
    letters_of = Letters(Settings(), site.alerts, threading.Event(), Quarantine())
    real = DeadLetter(TOPIC, b"", "topic: no such thing", now)

    for offset, letter in enumerate([carried(word), carried(word), carried(others), real]):
        letters_of.store(0, Record(offset, b"", encode_letter(letter), now))

    assert words(site) == [("owner-1", "push", True, "appliance")]
    found = letters(site)
    assert sorted(reason for _, _, reason in found) == [
        "consent: owner_id: not the registered owner of the appliance",
        "topic: no such thing",
    ]
    assert {payload for _, payload, _ in found} == {b""}
