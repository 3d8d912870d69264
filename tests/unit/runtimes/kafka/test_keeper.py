"""What a keeper gives on and what it leaves, whatever order things happen in; and how gateways answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from foremend.cli import app
from foremend.config import Settings
from foremend.runtimes.kafka.keeper import ASK_EVERY_S, Answers, Keeper, keeper_topics
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import RawMessage
from foremend.wiring.gateway import QUICK, mqtt_settings
from ingest.mqtt.source import MqttSource

ASKED, ANSWERED = keeper_topics("foremend")
TOPIC = "dt/appliance/rf-260/fridge-1/telemetry"


@dataclass
class Broker:
    """What a keeper uses of its source: questions leave while it is there."""

    losses: int = 0
    there: bool = True
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> bool:
        if self.there:
            self.sent.append((topic, payload))
        return self.there


def made_keeper() -> tuple[Keeper, Broker, list[float]]:
    """A keeper that has asked once, its broker, and its clock's hand."""
    broker, now = Broker(), [100.0]
    keeper = Keeper(cast(MqttSource, broker), "foremend", lambda: now[0])
    keeper.took(())
    return keeper, broker, now


def message(payload: bytes, topic: str = TOPIC) -> RawMessage:
    return RawMessage(topic, payload, 0)


def deliveries(*messages: RawMessage) -> Sequence[tuple[RawMessage, Any]]:
    return [(one, number) for number, one in enumerate(messages)]


def test_everything_before_the_answer_is_given_on_and_nothing_behind_it() -> None:
    """Also within one take."""
    keeper, broker, _ = made_keeper()
    (_, word), first, second = broker.sent[0], message(b"1"), message(b"2")

    before = keeper.needed([first])
    around = keeper.needed([second, message(word, ANSWERED), message(b"3")])
    behind = keeper.needed([message(b"4")])

    assert ([*before], [*around], [*behind]) == ([first], [second], [])
    assert (keeper.standing_in, keeper.kept) == (False, 2)


def test_an_answer_from_before_the_restart_is_none() -> None:
    """It waited in the keeper's session; the share may be gone since."""
    keeper, broker, _ = made_keeper()
    _, old = broker.sent[0]
    broker.losses += 1
    late = [message(old, ANSWERED), message(b"of the gap")]

    needed = keeper.needed(late)

    assert [*needed] == late
    assert keeper.standing_in


def test_it_asks_again_each_second_until_it_is_answered() -> None:
    """A question dealt to a gateway that is away waits there."""
    keeper, broker, now = made_keeper()
    for _ in range(5):
        now[0] += ASK_EVERY_S / 2
        keeper.took(())
    asked = len(broker.sent)
    keeper.needed([message(broker.sent[-1][1], ANSWERED)])
    now[0] += ASK_EVERY_S
    keeper.took(())

    assert asked == len(broker.sent) == 3
    assert {topic for topic, _ in broker.sent} == {ASKED}


def test_a_question_that_found_no_broker_is_asked_as_soon_as_it_is_there() -> None:
    """Nothing is kept for a broker that is away, as the question of another connection would be none."""
    keeper, broker, _ = made_keeper()
    broker.losses, broker.there = 1, False
    keeper.took(())
    broker.there = True
    keeper.took(())

    (first, second) = broker.sent
    assert first[1] != second[1]


@given(st.lists(st.sampled_from(["message", "answer", "stale", "loss", "restart"]), max_size=40), st.data())
def test_what_the_share_may_not_have_is_always_given_on(events: list[str], data: st.DataObject) -> None:
    """Messages from each loss until that connection's own answer, however takes are cut and whatever is answered late.

    After a restart nobody but the keeper has what comes until the answer; without one it only cannot know.
    """
    keeper, broker, now = made_keeper()
    number, takes = count(), list[list[RawMessage]]([[]])
    must, given_on = list[RawMessage](), list[RawMessage]()
    answered, stale = False, b"old"

    def flush() -> None:
        for take in takes:
            keeper.took(deliveries(*take))
            given_on.extend(keeper.needed(take))
        takes[:] = [[]]

    for event in events:
        if event in ("loss", "restart"):
            flush()
            stale = broker.sent[-1][1]
            broker.losses, answered = broker.losses + 1, False
            now[0] += ASK_EVERY_S
            keeper.took(())
        elif event == "message":
            takes[-1].append(message(b"%d" % next(number)))
            if not answered:
                must.append(takes[-1][-1])
        else:
            takes[-1].append(message(broker.sent[-1][1] if event == "answer" else stale, ANSWERED))
            answered |= event == "answer"
        if data.draw(st.booleans()):
            takes.append([])
    flush()

    assert [one for one in given_on if one.topic == TOPIC] == must
    assert keeper.standing_in != answered


def test_a_gateway_answers_what_it_is_asked_and_gives_everything_on() -> None:
    """With the word of the question."""
    broker = Broker()
    answers = Answers(cast(MqttSource, broker), "foremend")
    taken = [message(b"{}"), message(b"word", ASKED)]

    answers.took(deliveries(*taken))

    assert broker.sent == [(ANSWERED, b"word")]
    assert [*answers.needed(taken)] == taken


def settings_with(**mqtt: object) -> Settings:
    return validated(Settings, {"mqtt": mqtt, "kafka": {"share": "all"}}, "test")


def test_the_keeper_has_what_is_shared_without_a_share() -> None:
    """Every filter of the gateways, but for what they send themselves and are asked; and their answers."""
    asked, answered = keeper_topics("all")
    shared = mqtt_settings(settings_with()).subscribe

    keeper = mqtt_settings(settings_with(), role="keeper")

    dealt = {topic.removeprefix("$share/all/") for topic in shared if topic.startswith("$share/")}
    assert set(keeper.subscribe) == {topic for topic in dealt if not topic.startswith("foremend/")} | {
        answered
    }
    assert asked in dealt
    assert keeper.client_id == "foremend-gateway-keeper"


@pytest.mark.parametrize("role", ["shared", "keeper", "unshared"])
def test_gateways_are_back_soon_unless_they_are_told_otherwise(role: Any) -> None:
    """Until the first of them is back Mosquitto drops what comes."""
    plugs = {
        "decoder": "shelly-gen2",
        "appliance_model": "generic-compressor",
        "signals": {"power": {"path": "switch:0.apower", "unit": "W"}},
    }
    told = validated(
        Settings, {"mqtt": {"reconnect_longest": "20 s"}, "ingest": {"decoders": [plugs]}}, "test"
    )

    mqtt = mqtt_settings(told, role=role)

    assert (mqtt.reconnect_first, mqtt.reconnect_longest) == (QUICK["reconnect_first"], 20_000)
    assert mqtt_settings(settings_with()).reconnect_longest == QUICK["reconnect_longest"]


def test_a_gateway_cannot_be_two() -> None:
    """Each of the two has a session of its own."""
    ended = CliRunner().invoke(app, ["gateway", "--unshared", "--keeper"])

    assert isinstance(ended.exception, ConfigError)
    assert "two processes" in str(ended.exception)
