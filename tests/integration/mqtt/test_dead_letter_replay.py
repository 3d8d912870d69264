"""Dead letters are sent again through a real broker: grouped, once each, by whoever may, and noted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select

from alerts.access.access import open_access
from alerts.database import open_database, reading, writing
from alerts.dead_letter_bounds import keep
from alerts.dead_letter_replay import AT_ONCE, Replays
from alerts.queries import dead_letter_groups
from alerts.settings import DeadLetterSettings
from alerts.tables import AuditRow, DeadLetterRow
from alerts.vault import Vault
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.stores.broker import EmbeddedBroker
from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import DeadLetter
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings
from tests.unit.commands.command_line import call

NOW = SystemClock().now_ms()
HOUR = 3_600_000
ONE, OTHER = "plant/a-1/telemetry", "plant/a-2/telemetry"
CUT = "not JSON: x (only the first 9 of 12 bytes are kept: it cannot be sent again)"
LETTERS = [
    DeadLetter(ONE, b'{"b": 2}', "signals: no signal 'b' in the profile", NOW - HOUR),
    DeadLetter(ONE, b'{"a": 1}', "signals: no signal 'a' in the profile", NOW - 3 * HOUR),
    DeadLetter(ONE, b"{", "not JSON: x", NOW),
    DeadLetter(ONE, b"{cut", CUT, NOW),
    DeadLetter(OTHER, b"{", "not JSON: x", NOW - 2 * HOUR),
    DeadLetter("foremend-blocks", b"\x00", "the record has no key", NOW - 4 * HOUR),
]


@pytest.fixture
def tables(database: str) -> Iterator[Engine]:
    engine = open_database(database)
    with writing(engine) as session:
        keep(session, LETTERS, DeadLetterSettings(), True)
    yield engine
    engine.dispose()


@pytest.fixture
def replays(tables: Engine, broker: EmbeddedBroker) -> Replays:
    settings = MqttSettings(url=broker.url)
    return Replays(tables, SystemClock(), lambda: MqttPublisher(settings), ("foremend-blocks",))


def group(tables: Engine, topic: str, begins: str) -> Any:
    [one] = [
        each for each in dead_letter_groups(tables) if each.topic == topic and each.reason.startswith(begins)
    ]
    return one


def test_letters_are_grouped_by_topic_and_kind_the_newest_first(tables: Engine) -> None:
    """Whatever signal a device names; over hours; with what can still be sent."""
    found = dead_letter_groups(tables)

    assert [(one.topic, one.letters, one.messages, one.to_send) for one in found] == [
        (ONE, 2, 2, 1), (ONE, 2, 2, 2), (OTHER, 1, 1, 1), ("foremend-blocks", 1, 1, 1),
    ]  # fmt: skip
    assert (found[1].first, found[1].newest) == (NOW - 3 * HOUR, NOW - HOUR)
    assert dead_letter_groups(tables, since=NOW - HOUR) == [
        found[0], group_since(found[1], NOW - HOUR),
    ]  # fmt: skip


def group_since(one: Any, since: int) -> Any:
    """The same group with its letters from then on, of which there is one."""
    return replace(one, letters=1, messages=1, to_send=1, first=since, reason=LETTERS[0].reason)


def test_a_group_goes_once_the_oldest_first_and_the_log_says_who_sent_it(
    tables: Engine, replays: Replays, peer: Any
) -> None:
    """With a blank behind each, as the same bytes would be taken for a repeat; nothing of another group."""
    peer.subscribe("#")
    chosen = group(tables, ONE, "signals")

    sent = replays.group(chosen.id, "user:op")

    assert (sent.sent, sent.left) == (2, 0)
    assert peer.wait_for(2) == [(ONE, b'{"a": 1} '), (ONE, b'{"b": 2} ')]
    with pytest.raises(InputError, match="none of these letters can be sent again"):
        replays.group(chosen.id, "user:op")
    after = group(tables, ONE, "signals")
    assert (after.to_send, after.letters) == (0, 2)
    assert after.replayed_at is not None
    with reading(tables) as session:
        [noted] = session.scalars(select(AuditRow).where(AuditRow.action == "dead_letters.replayed")).all()
    assert json.loads(noted.details) == {"by": "user:op", "count": 2}


def test_what_is_cut_stays_and_records_of_kafka_are_refused(
    tables: Engine, replays: Replays, peer: Any
) -> None:
    peer.subscribe("#")

    assert replays.group(group(tables, ONE, "not JSON").id, "user:op").sent == 1
    assert peer.wait_for(1) == [(ONE, b"{ ")]
    with pytest.raises(InputError, match="records of Kafka"):
        replays.group(group(tables, "foremend-blocks", "the record").id, "user:op")
    with pytest.raises(InputError, match="no dead letters of group dg_unknown"):
        replays.group("dg_unknown", "user:op")


def test_more_than_fit_into_one_call_are_left_for_the_next(
    tables: Engine, replays: Replays, peer: Any
) -> None:
    peer.subscribe("#")
    many = [DeadLetter("plant/b", b"%d" % n, "not JSON", NOW + n) for n in range(AT_ONCE + 7)]
    with writing(tables) as session:
        keep(session, many, DeadLetterSettings(most_per_hour=1_000), True)
    chosen = group(tables, "plant/b", "not JSON").id

    assert [(one.sent, one.left) for one in (replays.group(chosen, "op"), replays.group(chosen, "op"))] == [
        (AT_ONCE, 7), (7, 0),
    ]  # fmt: skip
    assert [payload for _, payload in peer.wait_for(AT_ONCE + 7)] == [one.payload + b" " for one in many]


def test_without_a_broker_nothing_is_marked(tables: Engine, broker: EmbeddedBroker) -> None:
    """It can be sent once the broker is back."""
    nowhere = MqttSettings(url=f"mqtt://127.0.0.1:{free_port()}")
    replays = Replays(tables, SystemClock(), lambda: MqttPublisher(nowhere))
    chosen = group(tables, ONE, "signals")

    with pytest.raises(UnavailableError, match="no MQTT broker answers"):
        replays.group(chosen.id, "op")

    assert group(tables, ONE, "signals") == chosen


def test_over_http_it_takes_the_right_and_a_page_of_our_own(
    tables: Engine, replays: Replays, peer: Any
) -> None:
    """An operator may, who may only read may not; a browser on another site's page may not either."""
    peer.subscribe("#")
    access = open_access(tables, Vault(Fernet.generate_key().decode()), SystemClock())
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    door = Door(access, False, Buckets(1e6), Buckets(1e6))
    password = "four plain words together"
    link = access.users.create("op", Role.OPERATOR, "test", None)[1]
    access.entrance.set_password(link, password, "127.0.0.1")
    with (
        Server(create_app(model, door=door, desks=Desks(replays=replays)), "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        headers = {
            role: {"Authorization": f"Bearer {access.tokens.create('t', role, 1, 'test', None, None)[1]}"}
            for role in (Role.OPERATOR, Role.AGENT)
        }
        groups = client.get("/api/v1/dead-letters/groups", headers=headers[Role.OPERATOR]).json()
        path = f"/api/v1/dead-letters/groups/{groups[1]['id']}/replay"
        lanes = client.get("/api/v1/pipeline", headers=headers[Role.OPERATOR]).json()
        refused = client.post(path, headers=headers[Role.AGENT])
        client.post("/api/v1/session", json={"name": "op", "password": password}, headers={"Origin": address})
        foreign = client.post(path, headers={"Origin": "http://evil.example"})
        ours = client.post(path, headers={"Origin": address})
        gone = client.post(path.replace("dg_", "dh_"), headers={"Origin": address})

    assert lanes["checks"] == {"database": "ok"}
    assert lanes["versions"]["database"].startswith(("SQLite 3", "PostgreSQL "))
    assert (refused.status_code, refused.json()["right"]) == (403, "dead-letters.change")
    assert foreign.status_code == 403
    assert (ours.status_code, ours.json()) == (200, {"sent": 2, "left": 0})
    assert gone.status_code == 404
    assert len(peer.wait_for(2)) == 2


def test_the_command_lists_groups_and_sends_one(
    tmp_path: Path,
    broker: EmbeddedBroker,
    peer: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Beside whatever runs; a second time it says that there is nothing left."""
    url = f"sqlite:///{tmp_path}/effects.db"
    engine = open_database(url)
    with writing(engine) as session:
        keep(session, LETTERS, DeadLetterSettings(), True)
    engine.dispose()
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump({"mqtt": {"url": broker.url}, "alerts": {"database": url}}), encoding="utf-8"
    )
    peer.subscribe("#")

    assert call(monkeypatch, "dead-letters", "list", "--config", str(config), "--json") == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert call(monkeypatch, "dead-letters", "list", "--config", str(config)) == 0
    listed = capsys.readouterr().out
    assert "2 to send again" in " ".join(listed.split())
    chosen = next(one["id"] for one in groups if one["to_send"] == 2)
    assert chosen in listed
    assert call(monkeypatch, "dead-letters", "replay", chosen, "--config", str(config), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"sent": 2, "left": 0}
    assert call(monkeypatch, "dead-letters", "replay", chosen, "--config", str(config)) == 3
    assert len(peer.wait_for(2)) == 2


def test_the_row_keeps_when_it_was_sent(tables: Engine, replays: Replays, peer: Any) -> None:
    replays.group(group(tables, OTHER, "not JSON").id, "op")

    with reading(tables) as session:
        marked = {row.topic for row in session.scalars(select(DeadLetterRow)) if row.replayed_at is not None}
    assert marked == {OTHER}
