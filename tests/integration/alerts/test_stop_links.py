"""The link in a message to an owner: short, unreadable, and bound to its message and its owner."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, update

from alerts.audit import verify
from alerts.database import reading, writing
from alerts.owners import OwnedAppliance, Owner
from alerts.stop_links import StopLinks
from alerts.tables import OutboxRow
from alerts.vault import Vault
from alerts.words.sms import MOST_PARTS, parts
from foremend.vocabulary.types import Finding, Purpose

URL = "https://m.example"
Make = Callable[..., Finding]


@pytest.fixture
def told(open_stage: Callable[..., Any], finding: Make) -> Any:
    """A stage with links, whose owner agreed to SMS and push and was told of a leak by both."""
    stage = open_stage(quiet_hours=None, stop_url=URL)
    for purpose in (Purpose.TICKET, Purpose.SMS, Purpose.PUSH):
        stage.say(purpose, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()
    return stage


def token(stage: Any, target: str) -> str:
    """What stands behind the base address in the last message of a channel."""
    found = re.search(rf"{re.escape(URL)}/s/([0-9A-Za-z]+)(?:\s|$)", stage.sent(target)[-1].body)
    assert found, stage.sent(target)[-1].body
    return found[1]


def given(stage: Any) -> dict[str, bool]:
    return {one: stage.alerts.consent.is_given("fridge-1", Purpose(one)) for one in ("ticket", "sms", "push")}


def test_a_link_stops_messages_of_its_channel_and_nothing_else(told: Any, finding: Make) -> None:
    """By the one ledger, once, however often it is followed; the next message of the channel does not leave."""
    link = token(told, "push")
    for _ in range(3):
        assert told.alerts.stopping.stop(link).purpose is Purpose.PUSH

    assert given(told) == {"ticket": True, "sms": True, "push": False}
    words = [one for one in told.alerts.consent.history("fridge-1") if not one["given"]]
    assert [(one["subject"], one["purpose"], one["how"]) for one in words] == [
        ("o-1", "push", "link in a message")
    ]
    told.alerts.effects.apply([finding(episode_start=1, fault="compressor-wear")], [], 2)
    told.alerts.dispatcher.run_once()
    assert (len(told.sent("sms")), len(told.sent("push"))) == (2, 1)
    assert verify(told.alerts.engine).intact


def test_to_look_changes_nothing(told: Any) -> None:
    """A mail scanner and a preview look; no word is kept by it."""
    before = told.alerts.consent.history("fridge-1")

    for _ in range(5):
        assert told.alerts.stopping.look(token(told, "sms")).given

    assert told.alerts.consent.history("fridge-1") == before


def test_a_message_with_a_link_is_two_sms_at_most_and_says_nothing_of_the_owner(told: Any) -> None:
    """Twenty letters and digits; neither id is in them, and two channels have two links."""
    text, link = told.sent("sms")[-1].body, token(told, "sms")

    assert parts(text) <= MOST_PARTS
    assert text.endswith(f"退订 {URL}/s/{link}")
    assert len(link) == 20
    assert link != token(told, "push")
    assert "App" not in text


def test_without_a_base_address_messages_say_the_app(open_stage: Callable[..., Any], finding: Make) -> None:
    """As ever; and a link of the time before opens nothing."""
    stage = open_stage(quiet_hours=None)
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()

    assert stage.sent("sms")[-1].body.endswith("可在App中退订")
    assert stage.alerts.stopping.look("0" * 20) is None


def test_no_other_text_is_a_link(told: Any) -> None:
    """Each letter counts; nor is one for a row that there is not, nor what is no link at all."""
    good = token(told, "sms")
    others = [good[:at] + ("b" if good[at] == "a" else "a") + good[at + 1 :] for at in range(len(good))]
    odd = ["", good[:-1], good + "0", good.lower() + " ", "z" * 20, "é" * 20, "../" * 7, good[:-1] + "\0"]

    assert [told.alerts.stopping.stop(one) for one in (*others, *odd)] == [None] * (len(others) + len(odd))
    assert given(told)["sms"]


def test_a_former_owners_link_does_nothing_to_the_next(told: Any) -> None:
    """Also where the next one agreed to the same."""
    link = token(told, "sms")
    told.alerts.owners.register_owners([Owner("o-2", {"sms": "+8613800009999"})])
    told.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-2", "BCD-200")])
    told.clock.now += 1
    told.say(Purpose.SMS, True, owner_id="o-2")

    assert told.alerts.stopping.stop(link) is None
    assert told.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_a_link_ends_with_its_message(told: Any) -> None:
    """Also where another message gets its number, as SQLite does it."""
    link, other = token(told, "sms"), token(told, "push")
    with reading(told.alerts.engine) as session:
        kept = {row.target: row.seq for row in session.query(OutboxRow)}
    with writing(told.alerts.engine) as session:
        session.execute(delete(OutboxRow).where(OutboxRow.seq == kept["sms"]))
        session.execute(update(OutboxRow).where(OutboxRow.seq == kept["push"]).values(seq=kept["sms"]))

    assert told.alerts.stopping.stop(link) is None
    assert told.alerts.stopping.stop(other) is None
    assert given(told)["sms"]


def test_a_new_key_takes_over_and_the_old_one_counts_as_long_as_it_is_there(told: Any) -> None:
    """As for contacts: the first signs, each is known."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    with reading(told.alerts.engine) as session:
        row = session.query(OutboxRow).filter(OutboxRow.target == "sms").one()
    link = StopLinks(URL, Vault(old)).link(row, "o-1").rpartition("/")[2]

    assert StopLinks(URL, Vault(f"{new}\n{old}")).is_of(link, row, "o-1")
    assert not StopLinks(URL, Vault(new)).is_of(link, row, "o-1")
    assert not StopLinks(URL, Vault(old)).is_of(link, row, "o-2")


def test_a_yes_after_it_counts_and_the_same_link_stops_it_again(told: Any) -> None:
    """Who changes the mind twice still has the message."""
    link = token(told, "sms")
    told.alerts.stopping.stop(link)
    told.clock.now += 1
    told.say(Purpose.SMS, True)
    assert given(told)["sms"]
    told.clock.now += 1

    told.alerts.stopping.stop(link)

    assert not given(told)["sms"]


def test_the_question_before_a_yes_ends_has_a_link_too(open_stage: Callable[..., Any]) -> None:
    """It is no finding's; still it is a message, and two SMS at most."""
    stage = open_stage(quiet_hours=None, stop_url=URL, jurisdiction="CN")
    for purpose in (Purpose.MONITORING, Purpose.SMS):
        stage.say(purpose, True)
    stage.clock.now += 715 * 86_400_000
    stage.alerts.endings.round()
    stage.alerts.dispatcher.run_once()

    assert stage.sent("sms")
    assert all(parts(one.body) <= MOST_PARTS for one in stage.sent("sms"))
    assert stage.alerts.stopping.look(token(stage, "sms")).purpose is Purpose.SMS
